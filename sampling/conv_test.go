package sampling_test

import "testing"

// A convolution that writes more than it computes goes at DRAM's pace, which the first
// waves of CTAs, in step and with an L2 that is not full of dirty lines yet, do not show.
func TestSampledConvolutionAtDRAMsPace(t *testing.T) {
	t.Parallel()
	m := machine(t, "volta", "gpu.sm.count=20", "gpu.sm.gpcs=2", "gpu.l2.slices=16", "gpu.dram.channels=8", "gpu.l2.size=1536 KiB")
	for _, text := range []string{
		"conv:n=36,c=64,h=56,w=56,k=256,r=1,s=1,dtype=fp16,layout=nhwc",
		"conv:n=48,c=512,h=28,w=28,k=128,r=1,s=1,dtype=fp16,layout=nhwc,pass=bwd_data",
	} {
		sampledTime(t, m, text, 80, 5)
	}
}

// Fused Winograd on a GPU whose L2 holds few of the filters that CTAs share. With loads
// just before their use CTAs waited for them, all at once in a sampled run and out of step
// in a detailed one, which was 10 % longer and took 1.7 times what it does.
func TestSampledFusedWinograd(t *testing.T) {
	t.Parallel()
	m := machine(t, "maxwell", "gpu.sm.count=8", "gpu.sm.gpcs=2", "gpu.l2.slices=8", "gpu.dram.channels=4", "gpu.l2.size=512 KiB")
	sampledTime(t, m, "conv:n=2,c=256,h=28,w=28,k=256,r=3,s=3,pad=1,dtype=fp32,algo=winograd", 30, 5)
}
