package cpu

import (
	"math"
	"strconv"
	"testing"

	"gpusim/configs"
	"gpusim/cpu/pipe"
	"gpusim/workloads"
)

func convOf(t testing.TB, text string) *workloads.Conv {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return w.Conv
}

func shipped(t testing.TB, name string, sets ...string) *configs.Machine {
	t.Helper()
	m, err := configs.Load(name, sets)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// convTime adds the kernels of a convolution up.
func convTime(t testing.TB, m *configs.Machine, text string) (seconds float64, kernels []Result) {
	t.Helper()
	kernels, err := RunConv(m, convOf(t, text))
	if err != nil {
		t.Fatalf("%s on %s: %v", text, m.Name, err)
	}
	for i := range kernels {
		seconds += kernels[i].Seconds
	}
	return seconds, kernels
}

var convShapes = []string{
	"conv:n=8,c=128,h=28,w=28,k=128,r=3,s=3,pad=1", "conv:n=8,c=128,h=28,w=28,k=128,r=3,s=3,pad=1,pass=bwd_data",
	"conv:n=8,c=128,h=28,w=28,k=128,r=3,s=3,pad=1,pass=bwd_weight", "conv:n=1,c=3,h=224,w=224,k=64,r=7,s=7,stride=2,pad=3",
	"conv:n=4,c=256,h=56,w=56,k=64,r=1,s=1", "conv:n=1,c=512,h=7,w=7,k=2048,r=1,s=1", "conv:n=2,c=64,h=56,w=56,k=128,r=1,s=1,stride=2,pass=bwd_data",
	"conv:n=2,c=256,h=14,w=14,k=256,r=3,s=3,pad=1,stride=2,pass=bwd_weight", "conv:n=1,c=96,h=28,w=28,k=96,r=3,s=3,pad=1,groups=96",
	"conv:n=2,c=128,h=14,w=14,k=128,r=3,s=3,pad=1,groups=32",
}

// No convolution beats the arithmetic or memory; each level passes on no fewer bytes
// than the one behind it sends, and outputs leave once at least where they do not fit.
func TestConvolutionBounds(t *testing.T) {
	for _, name := range []string{"haswell-2699v3", "skylake-8180", "knl-7250f"} {
		m := shipped(t, name)
		for _, text := range convShapes {
			seconds, kernels := convTime(t, m, text)
			c := convOf(t, text)
			// Taps in the padding are left out.
			taps := valid(c.H, c.P(), c.R, c.PadH, c.StrideH, 1) * valid(c.W, c.Q(), c.S, c.PadW, c.StrideW, 1) / float64(c.R*c.S)
			if rate := float64(c.Ops()) * taps / seconds; rate > kernels[0].PeakOps {
				t.Errorf("%s on %s: %.3g op/s of %.3g", text, name, rate, kernels[0].PeakOps)
			}
			for i := range kernels {
				k := &kernels[i]
				last := len(k.Traffic) - 1
				if bw := float64(k.Traffic[last].Bytes) / k.Seconds; bw > 1.02*float64(m.CPU.Memory.Bandwidth)*m.CPU.Memory.Efficiency {
					t.Errorf("%s on %s, %s: %.3g B/s from memory", text, name, k.Kernel, bw)
				}
				for l := 1; l <= last; l++ {
					if k.Traffic[l].FillLines > k.Traffic[l-1].FillLines {
						t.Errorf("%s on %s, %s: %d lines to %s, %d to %s", text, name, k.Kernel, k.Traffic[l].FillLines, k.Traffic[l].Cache,
							k.Traffic[l-1].FillLines, k.Traffic[l-1].Cache)
					}
				}
				if lanes := float64(k.Instructions.FMA) * float64(k.Instructions.LaneWidth); k.Kernel == "direct_conv" && lanes < float64(c.Ops())/2*taps*0.999 {
					t.Errorf("%s on %s: %g multiply-add lanes for %g", text, name, lanes, float64(c.Ops())/2*taps)
				}
			}
		}
	}
}

// More cores at the same clock never slow a convolution or a product; nor does twice
// the bandwidth of memory.
func TestMoreCoresAreNotSlower(t *testing.T) {
	for _, text := range convShapes {
		last := 0.0
		for _, cores := range []string{"2", "7", "14", "28"} {
			s, _ := convTime(t, shipped(t, "skylake-8180", "cpu.cores="+cores), text)
			// A plan may be chosen by the closed form that is a little worse.
			if last > 0 && s > 1.05*last {
				t.Errorf("%s: %.4g s on %s cores, %.4g s on fewer", text, s, cores, last)
			}
			last = s
		}
		wide, _ := convTime(t, shipped(t, "skylake-8180", "cpu.memory.bandwidth=256 GB/s"), text)
		if wide > 1.05*last {
			t.Errorf("%s: %.4g s with twice the bandwidth, %.4g s", text, wide, last)
		}
	}
	last := 0.0
	for _, cores := range []string{"1", "4", "28"} {
		r := mustRun(t, shipped(t, "skylake-8180", "cpu.cores="+cores), Problem{M: 1024, N: 1024, K: 1024, DType: "fp32"})
		if last > 0 && r.Seconds > last {
			t.Errorf("product: %.4g s on %s cores, %.4g s on fewer", r.Seconds, cores, last)
		}
		last = r.Seconds
	}
}

// Code held to narrower instruction sets runs at their peak and no faster: scalar
// code does one element an instruction.
func TestInstructionSets(t *testing.T) {
	w := Problem{M: 512, N: 512, K: 512, DType: "fp32"}
	last := 0.0
	for _, c := range []struct {
		isa   string
		lanes int
	}{{"avx512", 16}, {"avx2", 8}, {"sse", 4}, {"scalar", 1}} {
		r := mustRun(t, shipped(t, "skylake-8180", "cpu.core.isa="+c.isa), w)
		if r.Instructions.LaneWidth != c.lanes || r.Ops/r.Seconds > r.PeakOps {
			t.Errorf("%s: %d lanes, %.3g op/s of %.3g", c.isa, r.Instructions.LaneWidth, r.Ops/r.Seconds, r.PeakOps)
		}
		if r.Seconds <= last {
			t.Errorf("%s: %.4g s, the wider set takes %.4g s", c.isa, r.Seconds, last)
		}
		last = r.Seconds
	}
}

// Sums that go through memory wait for the store before: plain loops over the input
// channels of a point take a load, a multiply-add and the store for each output
// channel, however many vectors the point has, until the core is full; images go to
// threads of their own.
func TestPlainLoopsTakeTheChain(t *testing.T) {
	m := shipped(t, "knl-7250f")
	chain := float64(m.CPU.Core.VectorLoad + m.CPU.Issue.FMALatency)
	for _, c := range []struct{ channels, images string }{{"32", "8"}, {"64", "16"}, {"32", "66"}} {
		seconds, kernels := convTime(t, m, "conv:n="+c.images+",c="+c.channels+",h=79,w=341,k=32,r=5,s=10,stride=2,pass=bwd_data")
		k := &kernels[0]
		if k.Kernel != "plain_loops_bwd_data" || strconv.Itoa(k.Threads) != c.images {
			t.Fatalf("%s on %d threads", k.Kernel, k.Threads)
		}
		const turns = 38 * 166 * 50 * 32
		if per := seconds * k.ClockHz / turns; per < chain || per > chain+2 {
			t.Errorf("%s channels: %.2f cycles a turn, the chain is %.0f", c.channels, per, chain)
		}
	}
}

// Two cores that share a cache hold what both read once: convolutions whose filters
// are common are faster than on halves of it, and never slower.
func TestSharedTileHoldsMore(t *testing.T) {
	const text = "conv:n=8,c=128,h=28,w=28,k=128,r=3,s=3,pad=1"
	shared, _ := convTime(t, shipped(t, "knl-7250f"), text)
	halves := shipped(t, "knl-7250f")
	halves.CPU.Caches[1].Cores = 1
	alone, _ := convTime(t, halves, text)
	if shared > 0.97*alone {
		t.Errorf("%.4g s with a shared cache, %.4g s with halves", shared, alone)
	}
}

func TestEvenTile(t *testing.T) {
	for points, want := range map[int]int{3136: 28, 784: 28, 196: 28, 49: 25, 12: 12, 5: 5, 100: 25} {
		if got := evenTile(points, 28); got != want {
			t.Errorf("%d points: tiles of %d, want %d", points, got, want)
		}
	}
}

// Over the calls of a series each array is found in each level as often as its shares
// say, and what is left over is charged at the rates of the levels.
func TestSeriesKeepsShares(t *testing.T) {
	m, err := newModel(shipped(t, "skylake-8180"), "fp32")
	if err != nil {
		t.Fatal(err)
	}
	spec := m.spec(1)
	s := series{warm: 1, counted: 5, arrays: []array{{home: [3]float64{0.2, 0.6, 0.8}, lines: 10, passes: 1}}}
	var seen [4]int
	run, err := runSeries(spec, &s, func(p *pipe.Program, n int, at, _ [][3]float64) {
		level := 0
		for level < 3 && at[0][level] == 0 {
			level++
		}
		if n >= 1 {
			seen[level]++
		}
		p.Blocks = append(p.Blocks, pipe.Block{Body: []pipe.Uop{{Op: pipe.Int}}, Trips: 10})
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != [4]int{1, 2, 1, 1} {
		t.Errorf("places of five calls: %v", seen)
	}
	if math.Abs(run.missing) > 1e-6 {
		t.Errorf("%g cycles are missing", run.missing)
	}
}
