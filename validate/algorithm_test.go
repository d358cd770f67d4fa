package validate

import (
	"context"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// A table whose names of kernels tell algorithms is compared with the library's choices;
// labels without a kernel, which DeepBench pasted, are not.
func TestAlgorithmsAreCompared(t *testing.T) {
	const header = "device,precision_in,tensor_core,pass,n,c,h,w,k,r,s,pad_h,pad_w,stride_h,stride_w,time_us,algorithm,source\n"
	const shape = "Tesla V100-PCIE-32GB,fp32,false,fwd,"
	tab, err := load(t, header+
		shape+"8,64,56,56,64,3,3,1,1,1,1,100,winograd:a kernel,NeuSight\n"+
		shape+"8,64,56,56,64,1,1,0,0,1,1,100,implicit_gemm:a kernel,NeuSight\n"+
		shape+"8,64,56,56,64,1,1,0,0,1,1,100,winograd_nonfused:a kernel,NeuSight\n"+
		shape+"8,64,56,56,64,1,1,0,0,1,1,100,nonesuch:a kernel,NeuSight\n"+
		shape+"8,64,56,56,64,1,1,0,0,1,1,100,WINOGRAD,baidu-research/DeepBench\n")
	if err != nil {
		t.Fatal(err)
	}
	run := func(context.Context, *configs.Machine, workloads.Workload, gpusim.Options) (gpusim.Result, error) {
		return gpusim.Result{TimeUS: 100}, nil
	}
	rep, err := tab.Run(context.Background(), Options{Run: run, Machine: func(string) (*configs.Machine, error) { return configs.Load("v100-pcie", nil) }, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	// On what has no library of this kind there is nothing to compare.
	cpu := func(string) (*configs.Machine, error) { return configs.Load("skylake-8180", nil) }
	if rep, err := tab.Run(context.Background(), Options{Run: run, Machine: cpu, Workers: 1}); err != nil || rep.Match().AlgoRows != 0 {
		t.Errorf("%v, %+v", err, rep.Match())
	}
	m := rep.Match()
	if m.AlgoRows != 3 || m.AlgoHits != 2 || m.Recall["winograd"] != 1 || m.Recall["implicit_gemm"] != 1 || m.Recall["winograd_nonfused"] != 0 {
		t.Errorf("%+v", m)
	}
	if mean := m.MeanRecall(); mean < 0.66 || mean > 0.67 {
		t.Errorf("mean recall %.3f", mean)
	}
}
