package gpusim

import (
	"context"
	"math"
	"testing"
)

// Whatever the language can say of one machine runs on a CPU, with time, energy
// and traffic.
func TestCPURunsEveryLayer(t *testing.T) {
	for _, text := range []string{
		"gemm:64x48x32:fp32", "gemm:m=64,n=48,k=32,dtype=fp16,epilogue=bias+gelu",
		"conv:n=2,c=32,h=14,w=14,k=64,r=3,s=3,pad=1", "conv:n=2,c=32,h=14,w=14,k=64,r=3,s=3,pad=1,pass=bwd_data",
		"conv:n=2,c=32,h=14,w=14,k=64,r=3,s=3,pad=1,stride=2,pass=bwd_weight", "conv:n=1,c=3,h=32,w=32,k=16,r=7,s=7,stride=2,pad=3",
		"conv:n=1,c=32,h=14,w=14,k=32,r=3,s=3,pad=1,groups=32", "conv:n=1,c=64,h=7,w=7,k=64,r=1,s=1,epilogue=bias+add+relu",
		"conv:n=1,c=32,h=14,w=14,k=32,r=3,s=3,pad=1,dtype=int8,layout=nchw_vect_c",
		"elementwise:op=relu,size=1000", "elementwise:op=add+gelu,size=1000", "elementwise:op=bias+relu,size=1024,channels=64,inner=16",
		"elementwise:op=cast,size=1000,to=fp16", "softmax:rows=64,cols=100", "softmax:rows=64,cols=100,pass=bwd",
		"layernorm:rows=64,cols=100", "layernorm:rows=64,cols=100,pass=bwd", "batchnorm:n=2,c=16,h=7,w=7",
		"batchnorm:n=2,c=16,h=7,w=7,phase=train", "batchnorm:n=2,c=16,h=7,w=7,phase=train,pass=bwd",
		"pool:op=max,n=1,c=16,h=14,w=14,r=3,s=3,stride=2,pad=1", "pool:op=avg,n=1,c=16,h=14,w=14,r=2,s=2,stride=2,pass=bwd",
		"lrn:n=1,c=16,h=7,w=7", "reduce:op=sum,rows=64,cols=100", "reduce:op=max,rows=64,cols=100,axis=rows",
		"embedding:rows=64,cols=128,vocab=1000", "embedding:rows=64,cols=128,vocab=1000,pass=bwd", "layout:n=1,c=16,h=7,w=7,from=nchw,to=nhwc",
		"concat:size=1000,parts=4", "attention:batch=1,heads=4,seq=64,dim=32,dtype=fp32", "lstmcell:batch=8,hidden=64", "grucell:batch=8,hidden=64",
		"rnncell:batch=8,hidden=64", "optimizer:op=adam,size=1000", "optimizer:op=sgd,size=1000", "optimizer:op=momentum,size=1000",
		"model:resnet50,batch=1", "model:bert-base,batch=1,seq=128", "model:alexnet,batch=2,phase=train",
	} {
		for _, name := range []string{"haswell-2699v3", "skylake-8180"} {
			r, err := Run(context.Background(), machine(t, name), mustParse(t, text), Options{})
			if err != nil {
				t.Errorf("%s on %s: %v", text, name, err)
				continue
			}
			sum := 0.0
			for _, l := range r.Layers {
				sum += l.TimeUS
			}
			if !(r.TimeUS > 0) || math.Abs(sum/r.TimeUS-1) > 1e-9 || !(r.Energy.TotalUJ > 0) || r.Bound == "" || math.IsNaN(r.DRAMBytes) {
				t.Errorf("%s on %s: %g us (layers %g), %g uJ, bound %q", text, name, r.TimeUS, sum, r.Energy.TotalUJ, r.Bound)
			}
			if tops := r.Ops / r.TimeUS / 1e6; r.PeakTOPS < tops && len(r.Layers) == 1 {
				t.Errorf("%s on %s: %g TOPS of %g", text, name, tops, r.PeakTOPS)
			}
		}
	}
}
