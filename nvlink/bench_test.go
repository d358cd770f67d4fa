package nvlink

import "testing"

// A 64 MiB all-reduce over the sixteen GPUs of a DGX-2 is to take less than 0.2 s.
func BenchmarkAllReduceDGX2(b *testing.B) {
	s := load(b, "dgx2")
	for b.Loop() {
		run(b, s, "allreduce:bytes=64MiB,gpus=16", nil)
	}
}
