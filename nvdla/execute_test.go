package nvdla

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"gpusim/configs"
)

// tiny is an accelerator whose buffer is small enough that layers have to be cut.
func tiny(t *rapid.T) *configs.NVDLA {
	n := small()
	n.AtomicC = rapid.SampledFrom([]int{8, 16, 32}).Draw(t, "atomC")
	n.AtomicK = rapid.SampledFrom([]int{4, 8}).Draw(t, "atomK")
	n.MemoryAtom = 8
	n.CBUF = configs.CBUF{Banks: 4, Width: configs.Bytes(8), Depth: rapid.SampledFrom([]int{32, 64, 256}).Draw(t, "depth")}
	n.Features.Winograd = n.AtomicC >= 16 && rapid.Bool().Draw(t, "winograd")
	n.Features.MaxBatch = rapid.SampledFrom([]int{1, 4}).Draw(t, "batch")
	return n
}

func drawConv(t *rapid.T) (Conv, int, int) {
	in := func(low, high int, name string) int { return rapid.IntRange(low, high).Draw(t, name) }
	c := Conv{N: in(1, 3, "n"), R: in(1, 4, "r"), S: in(1, 4, "s"), StrideH: in(1, 2, "sh"), StrideW: in(1, 2, "sw"), DilH: 1, DilW: 1, Groups: in(1, 2, "groups"), ElemBytes: 1}
	if rapid.Bool().Draw(t, "3x3") {
		c.R, c.S, c.StrideH, c.StrideW = 3, 3, 1, 1
	} else if rapid.Bool().Draw(t, "dilated") {
		c.DilH, c.DilW = 2, 2
	}
	c.C, c.K = c.Groups*in(1, 20, "c"), c.Groups*in(1, 20, "k")
	c.H, c.W = in((c.R-1)*c.DilH+1, 14, "h"), in((c.S-1)*c.DilW+1, 14, "w")
	if rapid.Bool().Draw(t, "fc") { // fully connected
		c.H, c.W, c.R, c.S, c.StrideH, c.StrideW, c.DilH, c.DilW = 1, 1, 1, 1, 1, 1, 1, 1
	}
	ph, pw := in(0, c.R-1, "ph"), in(0, c.S-1, "pw")
	c.P, c.Q = out(c.H, c.R, ph, c.StrideH, c.DilH), out(c.W, c.S, pw, c.StrideW, c.DilW)
	return c, ph / 2, pw / 2
}

// Whatever mode and cut: the pipeline computes the convolution, and no product of
// the direct modes is missing or done twice.
func TestExecuteConvolution(t *testing.T) {
	seen := map[Mode]int{}
	sliced := 0
	rapid.Check(t, func(t *rapid.T) {
		n := tiny(t)
		c, top, left := drawConv(t)
		d := &Operands{Input: make([]int32, c.N*c.C*c.H*c.W), Weights: make([]int32, c.K*c.C/c.Groups*c.R*c.S), PadTop: top, PadLeft: left}
		seed := rapid.Uint32().Draw(t, "seed")
		next := func() int32 { seed = seed*1664525 + 1013904223; return int32(seed>>24) - 128 }
		for i := range d.Input {
			d.Input[i] = next()
		}
		for i := range d.Weights {
			d.Weights[i] = next()
		}
		parts := rapid.IntRange(1, 2).Draw(t, "parts")
		p, err := newPlan(n, &c, parts)
		var lack *LackError
		if errors.As(err, &lack) {
			t.Skip("does not fit")
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := Execute(n, c, parts, d)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		for i, want := range direct(&c, d) {
			if got[i] != want {
				t.Fatalf("%+v %s: output %d is %d, want %d", c, p.mode, i, got[i], want)
			}
		}
		if macs := uint64(c.MACs()); p.mode != Winograd && d.Products != macs {
			t.Fatalf("%s: %d products, want %d", p.mode, d.Products, macs)
		}
		r, err := p.run(context.Background(), n)
		if err != nil {
			t.Fatalf("%+v %s: %v", c, p.mode, err)
		}
		if d.Atomic != r.Busy {
			t.Fatalf("%s: %d atomic operations, the pipeline counts %d", p.mode, d.Atomic, r.Busy)
		}
		counts, _ := p.tally(n)
		counts.Cycles, counts.Bound = r.Cycles, r.Bound
		if counts != r {
			t.Fatalf("%+v: the plan has %+v, the pipeline counts %+v", c, counts, r)
		}
		if r.Cycles < r.Busy {
			t.Fatalf("%d cycles for %d atomic operations", r.Cycles, r.Busy)
		}
		seen[p.mode]++
		if len(p.ops) > c.N*c.Groups {
			sliced++
		}
	})
	t.Logf("%v, cut %d", seen, sliced)
}

// direct is the convolution by its definition.
func direct(c *Conv, d *Operands) []int32 {
	out := make([]int32, c.N*c.K*c.P*c.Q)
	cg, kg := c.C/c.Groups, c.K/c.Groups
	for i := range out {
		x, y, k, n := i%c.Q, i/c.Q%c.P, i/(c.P*c.Q)%c.K, i/(c.P*c.Q*c.K)
		for ch := range cg {
			for r := range c.R {
				for s := range c.S {
					yy, xx := y*c.StrideH-d.PadTop+r*c.DilH, x*c.StrideW-d.PadLeft+s*c.DilW
					if yy >= 0 && yy < c.H && xx >= 0 && xx < c.W {
						out[i] += d.Input[((n*c.C+k/kg*cg+ch)*c.H+yy)*c.W+xx] * d.Weights[((k*cg+ch)*c.R+r)*c.S+s]
					}
				}
			}
		}
	}
	return out
}

// slack is what the order in which clients of memory take turns may cost: a
// faster unit asks earlier, and another waits for a request of it.
func slack(cycles uint64) uint64 { return cycles + cycles/50 + 100 }

// Twice the bandwidth or a faster single-point processor never slow a layer.
func TestMetamorphic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := tiny(t)
		c, _, _ := drawConv(t)
		one, err := Run(context.Background(), n, c)
		if err != nil || one.Ops > 1 {
			t.Skip("does not fit, or takes several hardware layers: who gets room in the buffer first then depends on all rates")
		}
		fast := *n
		fast.Memory.Bandwidth *= 2
		two, err := Run(context.Background(), &fast, c)
		if err != nil || two.Cycles > slack(one.Cycles) {
			t.Fatalf("%d cycles, with twice the bandwidth %d (%v)", one.Cycles, two.Cycles, err)
		}
		// Results that are ready earlier are written earlier, each before a read that was
		// served first: 3x3 filters by Winograd, 9 channels of 4x5 points, bound by memory,
		// take 1,598 cycles and 1,742, of which 240 are writes.
		wide := *n
		wide.SDP.Rate *= 2
		writes := uint64(float64(one.Written) * float64(n.Clock) / float64(n.Memory.Bandwidth))
		if two, err = Run(context.Background(), &wide, c); err != nil || two.Cycles > slack(one.Cycles)+writes {
			t.Fatalf("%d cycles, with twice the single-point rate %d (%v)", one.Cycles, two.Cycles, err)
		}
		sparse := *n
		sparse.Features.Compression = true
		c.Density = 0.4
		c.Mode = one.Mode
		if two, err = Run(context.Background(), &sparse, c); err != nil || two.Read > one.Read && two.Ops == one.Ops {
			t.Fatalf("%d bytes read, of compressed weights %d (%v)", one.Read, two.Read, err)
		}
		if w := uint64(c.N * c.K * c.P * c.Q); one.Written < w {
			t.Fatalf("%d bytes written, the output has %d", one.Written, w)
		}
	})
}
