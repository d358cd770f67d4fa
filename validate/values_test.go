package validate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gpusim/energy"
	"gpusim/workloads"
)

// Each source has its own way to fill operands.
func TestValuesOf(t *testing.T) {
	for _, c := range []struct {
		source, work string
		want         energy.Values
	}{
		{"baidu-research/DeepBench:results/inference/DeepBench_NV_T4.xlsx", "gemm:64x64x64:int8", energy.Zeros},
		{"baidu-research/DeepBench:results/inference/DeepBench_NV_T4.xlsx", "gemm:64x64x64:fp16", energy.Zeros},
		{"baidu-research/DeepBench:results/train/DeepBench_NV_T4.xlsx", "gemm:64x64x64:fp32", energy.OneSigned},
		{"sitar-lab/NeuSight:gemm/T4.csv", "gemm:64x64x64:fp32", energy.Random},
		{"sitar-lab/NeuSight:conv/T4.csv", "conv:n=1,c=8,h=8,w=8,k=8,r=3,s=3,pad=1,dtype=fp32", energy.Zeros},
		{"LLMCompass", "gemm:64x64x64:bf16", energy.Random},
	} {
		w, err := workloads.Parse(c.work)
		if err != nil {
			t.Fatal(err)
		}
		if got := valuesOf(c.source, w); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.work, c.source, got, c.want)
		}
	}
}

func TestNetworkValues(t *testing.T) {
	for source, want := range map[string]energy.Values{
		"mlcommons/inference_results_v0.5:closed/NVIDIA/results/T4x8": energy.Trained, "sitar-lab/NeuSight:label/Tesla_T4/bert.json": energy.Random,
	} {
		var tab Tables
		path := filepath.Join(t.TempDir(), "t.csv")
		text := strings.Join(networkColumns, ",") + "\nT4,resnet50,8,int8,infer,9,," + source + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := tab.LoadFile(path); err != nil {
			t.Fatal(err)
		}
		if got := tab.rows[0].values; got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}
