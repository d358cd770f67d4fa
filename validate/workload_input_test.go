package validate

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Rows of all kinds of tables become what they ran; what is left out says why. Files
// that the workload language reads are left to it.
func TestWorkloadsOfTables(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		work    []string
		skipped int
		other   bool
	}{
		"layers.csv": {text: "device,op,shape,precision,time_us,source\nX,add,4x8,fp16,5,s\nX,ln,4x8,fp32,5,s\nX,erf,4x8,fp32,5,s\nX,add,32,fp16,6,s\n",
			work: []string{"elementwise:op=add,size=32,dtype=fp16", "layernorm:rows=4,cols=8"}, skipped: 1},
		"networks.csv": {text: "device,model,batch,precision,phase,latency_ms,throughput,source\n" +
			"V100-SXM2,resnet50 (pytorch),4,fp16,infer,9,,s\nV100-SXM2,resnet50,,fp16,infer,9,,s\nV100-SXM2,mine,4,fp16,infer,9,,s\n",
			work: []string{"model:resnet50,batch=4,dtype=fp16,fused=false"}, skipped: 2},
		"sums.csv": {text: "device,system,gpus,bytes,time_us,source\nV100,box,8,4096,9,s\nV100,box,1,4096,9,s\n",
			work: []string{"allreduce:bytes=4KiB,gpus=8"}, skipped: 1},
		"topology.csv": {text: "Layer, M, N, K,\nfc, 1, 2, 3,\n", other: true},
		"gemm.csv":     {text: "device,precision_in,precision_acc,tensor_core,m,n,k,trans_a,trans_b,batch,time_us,source\n", other: true},
		"list.yaml":    {text: "- gemm:1x2x3\n", other: true},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		work, skipped, ok, err := Workloads(path)
		var short []string
		for _, w := range work {
			short = append(short, w.Short())
		}
		if err != nil || ok == c.other || !slices.Equal(short, c.work) || len(skipped) != c.skipped {
			t.Errorf("%s: %q, %d left out, %v, %v", name, short, len(skipped), ok, err)
		}
	}
}
