package claims

import (
	"fmt"
	"math"

	"gpusim"
	"gpusim/energy"
)

var (
	largeHalf   = call{"volta", "gemm:4096x4096x4096:fp16", nil}
	largeSingle = call{"volta", "gemm:4096x4096x4096:fp32", nil}
	largeHopper = call{"hopper", "gemm:4096x4096x4096:fp16", nil}
	convolution = call{"volta", "conv:n=16,c=256,h=28,w=28,k=256,r=3,s=3,pad=1,dtype=fp16,layout=nhwc", nil}
	lowered     = call{"volta", "gemm:m=256,n=12544,k=2304,dtype=fp16,ta=t", nil}
	fusedGraph  = call{"volta", "model:resnet50,batch=1,dtype=fp16", nil}
	naiveGraph  = call{"volta", "model:resnet50,batch=1,dtype=fp16,fused=false", nil}
	fusedBatch  = call{"volta", "model:resnet50,batch=128,dtype=fp16", nil}
	naiveBatch  = call{"volta", "model:resnet50,batch=128,dtype=fp16,fused=false", nil}
)

func gpuClaims() []Entry {
	const topic = "GPUs"
	out := []Entry{{
		topic, "Volta has 5,120 CUDA cores", "gpusim config show volta",
		"gpu.sm.count x sub_cores x fp32 lanes", "cores", "5120",
		func(l *Lab) (answer, error) {
			m, err := l.machine(largeHalf)
			if err != nil {
				return answer{}, err
			}
			n := float64(m.GPU.SM.Count) * m.GPU.SM.FP32Lanes()
			return answer{n, judge(n, 5120, 5120, 5120, 5376), "V100: 80 of the 84 SMs of its die"}, nil
		},
	}}
	for _, s := range []struct {
		c     call
		what  string
		scope string
		read  string
		of    []string // columns of the whole; nil: everything
	}{
		{largeHalf, "fp16 on Tensor Cores", "board", "payload_energy_pct", nil},
		{largeHalf, "fp16 on Tensor Cores", "chip, dynamic", "payload over all columns but static and dram (energy.csv)",
			[]string{energy.Payload, energy.Instruction, energy.Register, energy.SharedL1, energy.L2, energy.Crossbar}},
		{largeHalf, "fp16 on Tensor Cores", "SMs, dynamic", "payload over payload, instruction, register and shared_l1 (energy.csv)",
			[]string{energy.Payload, energy.Instruction, energy.Register, energy.SharedL1}},
		{largeSingle, "fp32", "SMs, dynamic", "payload over payload, instruction, register and shared_l1 (energy.csv)",
			[]string{energy.Payload, energy.Instruction, energy.Register, energy.SharedL1}},
		{largeHopper, "fp16 with WGMMA", "SMs, dynamic", "payload over payload, instruction, register and shared_l1 (energy.csv)",
			[]string{energy.Payload, energy.Instruction, energy.Register, energy.SharedL1}},
	} {
		out = append(out, Entry{
			topic, fmt.Sprintf("A GPU spends over half its energy on payload arithmetic on dense work (%s, %s, %s)", s.c.machine, s.what, s.scope),
			s.c.command(), s.read, "%", "above 50",
			func(l *Lab) (answer, error) {
				r, err := l.run(s.c)
				if err != nil {
					return answer{}, err
				}
				whole, payload := r.Energy.TotalUJ, column(&r, energy.Payload)
				if s.of != nil {
					whole = column(&r, s.of...)
				}
				pct := 100 * payload / whole
				note := "holds whatever payload costs within a factor of two"
				if pct < 50 {
					note = fmt.Sprintf("half would need payload at %.1f times its coefficients, or all else at %.2f of its own", (whole-payload)/payload, payload/(whole-payload))
				}
				verdict := func(v float64) Verdict { return atLeast(v, 50, 25) }
				of := func(l []energy.Ledger) float64 {
					return 100 * columnsOf(&l[0], energy.Payload) / columnsOf(&l[0], s.of...)
				}
				return answer{pct, verdict(pct), note + "; " + sensitivity([]*gpusim.Result{&r}, of, verdict)}, nil
			},
		})
	}
	return append(out,
		Entry{
			topic, "Parallelism hides memory latency", "gpusim microbench volta --only 'latency hiding'",
			"hiding.knee: warps an SM needs until reads from DRAM come no faster", "warps/SM", "below the 64 that an SM holds",
			hides,
		},
		Entry{
			topic, "Convolution becomes GEMM by lowering", commands(convolution, lowered),
			"time_us of the convolution over that of the product of its lowered matrices", "x", "near 1",
			func(l *Lab) (answer, error) {
				c, g, err := l.both(convolution, lowered)
				if err != nil {
					return answer{}, err
				}
				if c.Ops != g.Ops {
					return answer{}, fmt.Errorf("the convolution has %g operations, the product %g", c.Ops, g.Ops)
				}
				v := c.TimeUS / g.TimeUS
				return answer{v, judge(v, 0.8, 1.25, 0.5, 2), fmt.Sprintf("%s against %s; the matrix is not stored, its addresses are computed", kernel(&c), kernel(&g))}, nil
			},
		},
		fusion(topic, "one image", naiveGraph, fusedGraph, "on the device alone: what a framework's host adds between kernels is not in it, and TensorRT's tiles are larger than cuDNN's"),
		fusion(topic, "128 images", naiveBatch, fusedBatch, "on the device alone"),
		Entry{
			topic, "Sharing a GPU in the cloud raises utilisation", commands(fusedGraph, batched),
			"tops with sixteen requests together over tops of one", "x", "above 1",
			func(l *Lab) (answer, error) {
				one, many, err := l.both(fusedGraph, batched)
				if err != nil {
					return answer{}, err
				}
				v := tops(&many) / tops(&one)
				verdict := Disagrees
				if v > 1 {
					verdict = Partly
				}
				return answer{v, verdict, "shows that one request leaves the GPU idle; two programs at a time on one GPU, or slices of one, are not modelled"}, nil
			},
		},
	)
}

var batched = call{"volta", "model:resnet50,batch=16,dtype=fp16", nil}

func hides(l *Lab) (answer, error) {
	m, err := l.machine(largeHalf)
	if err != nil {
		return answer{}, err
	}
	rep, err := l.probes("volta", "latency hiding")
	if err != nil {
		return answer{}, err
	}
	knee := rep.Get("hiding.knee")
	first, last := math.NaN(), math.NaN()
	for _, p := range rep.Points {
		if p.Curve == "latency_hiding" {
			if math.IsNaN(first) {
				first = p.Y / p.X
			}
			last = p.Y
		}
	}
	if math.IsNaN(knee) || math.IsNaN(first) {
		return answer{}, fmt.Errorf("the probe gives no curve")
	}
	most := float64(m.GPU.SM.MaxWarps)
	return answer{knee, judge(knee, 1, most, 1, 2*most), fmt.Sprintf("bandwidth with all warps is %.0f times that of one; Little's law asks for %.0f warps", last/first, rep.Get("hiding.little"))}, nil
}

// fusion compares a network layer by layer with what an inference compiler makes of it.
func fusion(topic, images string, naive, fused call, note string) Entry {
	return Entry{
		topic, fmt.Sprintf("An optimised graph beats a naive mapping (%s)", images), commands(naive, fused),
		"time_us layer by layer over time_us fused", "x", "above 1",
		func(l *Lab) (answer, error) {
			n, f, err := l.both(naive, fused)
			if err != nil {
				return answer{}, err
			}
			v := n.TimeUS / f.TimeUS
			return answer{v, atLeast(v, 1.1, 1.0001), note}, nil
		},
	}
}
