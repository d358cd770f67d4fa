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
