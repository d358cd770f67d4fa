package gpusim

import (
	"context"
	"strings"
	"testing"
)

// What a kernel's tensors take has to fit the device, in either fidelity.
func TestKernelsFitTheDevice(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"gemm:100000x100000x1000:fp32", "optimizer:op=adam,size=2000000000"} {
		for _, f := range []Fidelity{Sampled, Analytic} {
			_, err := Run(context.Background(), machine(t, "volta"), parseAll(t, text)[0], Options{Fidelity: f})
			if !IsInput(err) || !strings.Contains(err.Error(), "GiB, volta has 16.0 GiB") {
				t.Errorf("%s, %s: %v", text, f, err)
			}
		}
	}
}

// A simulation tells how far it has come: further each time, and to the end.
func TestProgressOfKernels(t *testing.T) {
	t.Parallel()
	last, calls := 0.0, 0
	o := Options{Progress: func(done float64) {
		if done < last || done > 1 {
			t.Errorf("%v after %v", done, last)
		}
		last, calls = done, calls+1
	}}
	if _, err := Run(context.Background(), machine(t, "volta"), parseAll(t, "gemm:m=256,n=256,k=8192,dtype=fp32")[0], o); err != nil {
		t.Fatal(err)
	}
	if last != 1 || calls < 4 {
		t.Errorf("%d calls, the last at %v", calls, last)
	}
}
