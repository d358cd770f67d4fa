package validate

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name  string
		m     Method
		times []float64
		want  float64
	}{
		{"device bound", Method{Name: WarmBackToBack, HostIssueUS: 5, GapUS: 1}, []float64{10.5}, 11.5},
		{"host bound", Method{Name: WarmBackToBack, HostIssueUS: 5, GapUS: 1}, []float64{3}, 5},
		{"two kernels, host bound", Method{Name: WarmBackToBack, HostIssueUS: 5, GapUS: 1}, []float64{3, 2}, 10},
		{"two kernels, device bound", Method{Name: WarmBackToBack, HostIssueUS: 5, GapUS: 1}, []float64{30, 2}, 34},
		{"truncated", Method{Name: WarmBackToBack, HostIssueUS: 5, GapUS: 1, Truncate: true}, []float64{10.9}, 11},
		{"graph", Method{Name: WarmGraph, GapUS: 0.5}, []float64{10, 20, 30}, 61},
		{"bracketed, floor", Method{Name: Bracketed, HostIssueUS: 30, FloorUS: 60, SecondKernelUS: 5}, []float64{20}, 60},
		{"bracketed, floor of two", Method{Name: Bracketed, HostIssueUS: 30, FloorUS: 60, SecondKernelUS: 5}, []float64{10, 10}, 65},
		{"bracketed, long", Method{Name: Bracketed, HostIssueUS: 30, FloorUS: 60, SecondKernelUS: 5, GapUS: 1}, []float64{100, 10}, 141},
		{"host sync", Method{Name: HostSync, HostIssueUS: 20, SecondKernelUS: 5, GapUS: 1}, []float64{100, 10}, 131},
		{"host sync, tiny", Method{Name: HostSync, HostIssueUS: 20, SecondKernelUS: 5, GapUS: 1}, []float64{1, 1}, 25},
	} {
		if got := c.m.Apply(c.times); !near(got, c.want) {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
}

func TestMethodFor(t *testing.T) {
	for _, c := range []struct {
		name, source, device string
		want                 string
		truncate             bool
	}{
		{"", "baidu-research/DeepBench:results/x.xlsx", "Tesla T4", WarmBackToBack, true},
		{"", "sitar-lab/NeuSight:dataset/test/linear.csv", "Tesla V100-PCIE-32GB", Bracketed, false},
		{"", "sitar-lab/NeuSight:dataset/train/collect/bmm", "Tesla T4", Bracketed, false},
		{"", "PrincetonUniversity/LLMCompass:x", "NVIDIA A100", HostSync, false},
		{"", "deepseek-ai/DeepGEMM", "H800", WarmGraph, false},
		{"", "somebody", "X", WarmGraph, false},
		{"warm_graph", "baidu-research/DeepBench", "X", WarmGraph, false},
		{"Bracketed", "somebody", "X", Bracketed, false},
		{"cold", "baidu-research/DeepBench", "X", Cold, false},
		{"warm_back_to_back", "own measurement", "X", WarmBackToBack, false},
	} {
		m, err := MethodFor(c.name, c.source, c.device)
		if err != nil || m.Name != c.want || m.Truncate != c.truncate {
			t.Errorf("%+v: %+v %v", c, m, err)
		}
		if m.Name == Bracketed && (m.FloorUS == 0 || m.HostIssueUS == 0) {
			t.Errorf("%+v: bracketed without a host: %+v", c, m)
		}
	}
	// On T4 calls of the training sheet take the host longest; products for inference take
	// it as on any machine.
	const sheet = "baidu-research/DeepBench:results/%s/DeepBench_NV_T4.xlsx%s"
	last := math.Inf(1)
	for _, what := range [][2]string{{"train", ""}, {"inference", " conv"}, {"inference", ""}} {
		m, err := MethodFor("", fmt.Sprintf(sheet, what[0], what[1]), "Tesla T4")
		if us := m.Period([]float64{1, 1, 1}); err != nil || us >= last {
			t.Errorf("%v: %g us, %g before (%v)", what, us, last, err)
		} else {
			last = us
		}
	}
	linear, _ := MethodFor("", "NeuSight linear", "Tesla V100")
	bmm, _ := MethodFor("", "NeuSight bmm", "Tesla V100")
	if linear.FloorUS <= bmm.FloorUS {
		t.Errorf("linear floor %g, bmm floor %g", linear.FloorUS, bmm.FloorUS)
	}
	if _, err := MethodFor("warmish", "x", "y"); err == nil || !strings.Contains(err.Error(), "allowed: warm_back_to_back") {
		t.Error(err)
	}
}

func TestPaddedDims(t *testing.T) {
	for _, c := range []struct {
		src, dtype string
		tc         bool
		want       [3]int
	}{
		{"baidu-research/DeepBench", "fp16", true, [3]int{8, 8, 8}}, {"baidu-research/DeepBench", "fp16", false, [3]int{1, 1, 1}},
		{"baidu-research/DeepBench", "int8", false, [3]int{4, 1, 4}}, {"baidu-research/DeepBench", "fp32", false, [3]int{1, 1, 1}},
		{"NeuSight", "fp16", true, [3]int{1, 1, 1}},
	} {
		if m, n, k := paddedDims(c.src, c.dtype, c.tc); [3]int{m, n, k} != c.want {
			t.Errorf("%+v: %d, %d, %d", c, m, n, k)
		}
	}
}

func TestParseRecorded(t *testing.T) {
	for _, c := range []struct {
		in     string
		want   Recorded
		batch  int
		splits int
	}{
		{"volta_sgemm_128x64_tn g6x48x3 b128 nk0", Recorded{"volta_sgemm_128x64_tn", [3]int{6, 48, 3}, 128, 0, 128, 64}, 1, 3},
		{"volta_sgemm_32x32_sliced1x4_tn g5x9x3 b128 nk2", Recorded{"volta_sgemm_32x32_sliced1x4_tn", [3]int{5, 9, 3}, 128, 2, 32, 32}, 1, 3},
		{"volta_sgemm_32x128_nn g4x1x1024 b256 nk0", Recorded{"volta_sgemm_32x128_nn", [3]int{4, 1, 1024}, 256, 0, 32, 128}, 1024, 1},
		{"volta_sgemm_32x128_nn g4x1x1000 b256 nk0", Recorded{"volta_sgemm_32x128_nn", [3]int{4, 1, 1000}, 256, 0, 32, 128}, 1024, 0},
		{"sgemm_128x128x8_NT_vec", Recorded{Name: "sgemm_128x128x8_NT_vec", TileM: 128, TileN: 128}, 1, 0},
		{"Cijk_Alik_Bljk_MT64x32x32_MI16x16x4x1 g1x2x3", Recorded{Name: "Cijk_Alik_Bljk_MT64x32x32_MI16x16x4x1", Grid: [3]int{1, 2, 3}, TileM: 64, TileN: 32}, 1, 3},
		{"cutlass_80_simt_sgemm_256x128_8x4_tn_align1", Recorded{Name: "cutlass_80_simt_sgemm_256x128_8x4_tn_align1", TileM: 256, TileN: 128}, 1, 0},
		{"gemv2T_kernel_val", Recorded{Name: "gemv2T_kernel_val"}, 1, 0},
	} {
		got, ok := ParseRecorded(c.in)
		if !ok || got != c.want || got.Splits(c.batch) != c.splits {
			t.Errorf("%s: %+v splits %d", c.in, got, got.Splits(c.batch))
		}
	}
	if _, ok := ParseRecorded("  "); ok {
		t.Error("an empty column holds a kernel")
	}
}
