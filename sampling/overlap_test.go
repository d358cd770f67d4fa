package sampling_test

import "testing"

// Under a greedy scheduler CTAs that read what they add to leave the SM to others in their
// main loops. Jumps leave little of these, so in sampled runs SMs wait for the reads: they
// came out a quarter too slow, most of it by charging jumps the pace of such windows.
func TestSampledOverlap(t *testing.T) {
	t.Parallel()
	m := machine(t, "volta", "gpu.sm.count=20", "gpu.sm.gpcs=2", "gpu.l2.slices=16", "gpu.dram.channels=8",
		"gpu.dram.spread_channels=8", "gpu.l2.size=1536 KiB", "gpu.sm.scheduler=gto")
	for _, text := range []string{
		"conv:n=32,c=512,h=7,w=7,k=1024,r=1,s=1,dtype=fp32,layout=nchw,epilogue=bias+add+relu",
		"gemm:m=1024,n=1536,k=512,dtype=fp32,beta=1",
	} {
		sampledTime(t, m, text, 50, 10)
	}
}
