package workloads

import (
	"strings"
	"testing"
)

func TestLayersParse(t *testing.T) {
	for _, c := range []struct {
		in, text, short string
		bytes           float64
	}{
		{"elementwise:op=relu,size=1000", "elementwise:op=relu,size=1000,dtype=fp32", "elementwise:op=relu,size=1000", 8000},
		{"elementwise:op=ADD,size=10,dtype=half", "elementwise:op=add,size=10,dtype=fp16", "elementwise:op=add,size=10,dtype=fp16", 60},
		{"elementwise:op=addu,size=10", "elementwise:op=addu,size=10,dtype=fp32", "elementwise:op=addu,size=10", 80},
		{"elementwise:op=relu,size=5000000000", "elementwise:op=relu,size=5000000000,dtype=fp32", "elementwise:op=relu,size=5000000000", 4e10},
		{"elementwise:op=bias+relu,channels=8,inner=9,size=144", "elementwise:op=bias+relu,size=144,channels=8,inner=9,dtype=fp32",
			"elementwise:op=bias+relu,size=144,channels=8,inner=9", 144*8 + 32},
		{"elementwise:op=bias+gelu,channels=8,size=144", "elementwise:op=bias+gelu,size=144,channels=8,inner=1,dtype=fp32",
			"elementwise:op=bias+gelu,size=144,channels=8,inner=1", 144*8 + 32},
		{"elementwise:op=cast,to=fp16,size=10", "elementwise:op=cast,size=10,dtype=fp32,to=fp16", "elementwise:op=cast,size=10,to=fp16", 60},
		{"elementwise:op=mask,size=10", "elementwise:op=mask,size=10,dtype=fp32", "elementwise:op=mask,size=10", 90},
		{"softmax:rows=3,cols=5", "softmax:rows=3,cols=5,dtype=fp32,pass=fwd", "softmax:rows=3,cols=5", 120},
		{"softmax:rows=3,cols=5,pass=bwd", "softmax:rows=3,cols=5,dtype=fp32,pass=bwd", "softmax:rows=3,cols=5,pass=bwd", 180},
		{"layernorm:rows=3,cols=5,dtype=bf16", "layernorm:rows=3,cols=5,dtype=bf16,pass=fwd", "layernorm:rows=3,cols=5,dtype=bf16", 2 * (30 + 10)},
		{"batchnorm:n=2,c=3,h=4,w=5,phase=train", "batchnorm:n=2,c=3,h=4,w=5,phase=train,dtype=fp32,pass=fwd,layout=nchw",
			"batchnorm:n=2,c=3,h=4,w=5,phase=train", 960 + 72},
		{"pool:op=max,n=2,c=3,h=8,w=8,r=3,s=3,stride=2,pad=1", "pool:op=max,n=2,c=3,h=8,w=8,r=3,s=3,stride=2,pad=1,dtype=fp32,pass=fwd,layout=nchw",
			"pool:op=max,n=2,c=3,h=8,w=8,r=3,s=3,stride=2,pad=1", 4 * (384 + 96)},
		{"pool:op=max,c=32,h=4,w=4,r=2,s=2,stride=2,dtype=int8,layout=nchw_vect_c", "pool:op=max,n=1,c=32,h=4,w=4,r=2,s=2,stride=2,dtype=int8,pass=fwd,layout=nchw_vect_c",
			"pool:op=max,c=32,h=4,w=4,r=2,s=2,stride=2,dtype=int8,layout=nchw_vect_c", 32 * (16 + 4)},
		{"pool:op=avg,c=3,h=7,w=7,r=7,s=7", "pool:op=avg,n=1,c=3,h=7,w=7,r=7,s=7,stride=1,dtype=fp32,pass=fwd,layout=nchw",
			"pool:op=avg,c=3,h=7,w=7,r=7,s=7", 4 * (147 + 3)},
		{"convpool:c=3,h=8,w=10,k=64,r=3,s=3,pad=1,pool=2,pool_stride=2", "convpool:n=1,c=3,h=8,w=10,k=64,r=3,s=3,stride=1,pad=1,pool=2,pool_stride=2,dtype=int8,layout=nchw_vect_c",
			"convpool:c=3,h=8,w=10,k=64,r=3,s=3,pad=1,pool=2,pool_stride=2", 240 + 27*64 + 64 + 64*20},
		{"lrn:n=1,c=96,h=5,w=5", "lrn:n=1,c=96,h=5,w=5,size=5,dtype=fp32,pass=fwd", "lrn:c=96,h=5,w=5", 8 * 2400},
		{"reduce:op=sum,rows=4,cols=6", "reduce:op=sum,rows=4,cols=6,axis=cols,dtype=fp32", "reduce:op=sum,rows=4,cols=6", 4 * 28},
		{"embedding:rows=4,cols=6,vocab=100", "embedding:rows=4,cols=6,vocab=100,dtype=fp32,pass=fwd", "embedding:rows=4,cols=6,vocab=100", 4*48 + 32},
		{"layout:n=1,c=2,h=3,w=4,from=nchw,to=nhwc", "layout:n=1,c=2,h=3,w=4,from=nchw,to=nhwc,dtype=fp32", "layout:c=2,h=3,w=4,from=nchw,to=nhwc", 192},
		{"concat:size=12,parts=3", "concat:size=12,parts=3,dtype=fp32", "concat:size=12,parts=3", 96},
		{"attention:batch=2,heads=3,seq=5,dim=64,causal=true", "attention:batch=2,heads=3,seq=5,dim=64,dtype=fp16,causal=true",
			"attention:batch=2,heads=3,seq=5,dim=64,causal=true", 6 * 20 * 64 * 2},
		{"attention:heads=3,seq=1,kv=9,dim=64", "attention:batch=1,heads=3,seq=1,kv=9,dim=64,dtype=fp16", "attention:heads=3,seq=1,kv=9,dim=64", 3 * 20 * 64 * 2},
		{"lstmcell:batch=2,hidden=3", "lstmcell:batch=2,hidden=3,dtype=fp32", "lstmcell:batch=2,hidden=3", 6 * 7 * 4},
		{"optimizer:op=adam,size=10", "optimizer:op=adam,size=10,dtype=fp32", "optimizer:op=adam,size=10", 280},
	} {
		w, err := Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if w.Text != c.text || w.Short() != c.short || w.Layer == nil || !IsLayer(w.Kind) {
			t.Errorf("%s: got %q and %q, want %q and %q", c.in, w.Text, w.Short(), c.text, c.short)
		}
		if b := w.Shape().Bytes(); b != c.bytes {
			t.Errorf("%s: %v bytes, want %v", c.in, b, c.bytes)
		}
		for _, s := range []string{w.Text, w.Short()} {
			if again, err := Parse(s); err != nil || again.Text != w.Text {
				t.Errorf("%s does not round-trip: %v %v", s, again, err)
			}
		}
	}
}

func TestLayerErrors(t *testing.T) {
	for in, want := range map[string]string{
		"elementwise:size=3":                                                      "op is missing",
		"elementwise:op=rleu,size=3":                                              `unknown op "rleu" (did you mean "relu"?)`,
		"elementwise:op=bias,size=3":                                              "op=bias needs channels",
		"elementwise:op=relu,size=3,channels=4":                                   "channels and inner go with op=bias",
		"elementwise:op=relu,size=3,dtype=int8":                                   "dtype=int8 (allowed for elementwise: fp32, fp16, bf16)",
		"elementwise:op=cast,size=3":                                              "op=cast needs to=TYPE",
		"elementwise:op=relu,size=3,to=fp16":                                      "to=fp16 goes with op=cast",
		"elementwise:op=relu,size=99999999999999":                                 "size=99999999999999 is out of range",
		"elementwise:op=relu,size=0":                                              "size=0 is out of range",
		"softmax:rows=3":                                                          "cols is missing",
		"softmax:rows=3,cols=4,pass=up":                                           "pass=up (allowed: fwd, bwd)",
		"softmax:rows=3,cols=4,coils=3":                                           `unknown key "coils" (did you mean "cols"?)`,
		"batchnorm:c=3,h=2,w=2,pass=bwd":                                          "pass=bwd needs phase=train",
		"pool:op=max,c=3,h=2,w=2,r=3,s=3":                                         "the output is empty",
		"pool:op=max,c=3,h=4,w=4,r=2,s=2,pad=2":                                   "see padding alone",
		"pool:op=max,c=32,h=9,w=9,r=8,s=8,dtype=int8,layout=nchw_vect_c":          "windows of 8x8 points of dtype=int8 (allowed: up to 49 points)",
		"pool:op=max,c=32,h=4,w=4,r=2,s=2,dtype=int8,layout=nchw_vect_c,pass=bwd": "pass=bwd of dtype=int8 (allowed: fwd)",
		"pool:op=max,c=32,h=4,w=4,r=2,s=2,dtype=int8":                             "dtype=int8 with layout=nchw",
		"pool:op=max,c=32,h=4,w=4,r=2,s=2,layout=nchw_vect_c":                     "dtype=fp32 with layout=nchw_vect_c",
		"softmax:rows=3,cols=4,dtype=int8":                                        "dtype=int8 (allowed for softmax: fp32, fp16, bf16)",
		"pool:op=sum,c=3,h=4,w=4,r=2,s=2":                                         "op=sum (allowed: max, avg)",
		"layout:c=1,h=1,w=1,from=nchw,to=nchw":                                    "from and to are both nchw",
		"concat:size=3,parts=4":                                                   "parts=4 (allowed 1..64",
		"convpool:c=3,h=9,w=9,k=32,r=3,s=3,pool=2,pool_stride=2":                  "k=32 (allowed: 64)",
		"convpool:c=5,h=9,w=9,k=64,r=3,s=3,pool=2,pool_stride=2":                  "c=5 (allowed: 1..4",
		"convpool:c=3,h=9,w=9,k=64,r=3,s=9,pool=2,pool_stride=2":                  "a filter of 3x9 (allowed: up to 7x7)",
		"convpool:c=3,h=9,w=9,k=64,r=3,s=3,pool=2,pool_stride=1":                  "pool=2 with pool_stride=1 (allowed",
		"convpool:c=3,h=9,w=9,k=64,r=3,s=3,pool=2,pool_stride=2,pool_pad=2":       "pool_pad=2 leaves windows",
		"convpool:c=3,h=3,w=9,k=64,r=3,s=3,pool=2,pool_stride=2":                  "the output is empty",
		"convpool:c=3,h=9,w=9,k=64,r=3,s=3,pool=2,pool_stride=2,dtype=fp16":       "dtype=fp16 (allowed: int8)",
		"attention:heads=1,seq=8,kv=4,dim=8,causal=true":                          "needs as many keys",
		"attention:heads=1,seq=8,dim=8,causal=perhaps":                            "causal=perhaps (allowed: true, false)",
		"attention:heads=1,seq=8,kv=0,dim=8":                                      "kv=0 is out of range (allowed 1..",
		"pool:op=max,c=3,h=4,w=4,r=2,s=2,pad=-1":                                  "pad=-1 is not a whole number of 0 or more",
		"softmax:rows=2147483647,cols=2147483647":                                 "moves more than 2^39 bytes",
		"attention:heads=999999,batch=999999,seq=999999,dim=99999":                "needs more than 2^63 operations",
	} {
		if _, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", in, err, want)
		}
	}
}
