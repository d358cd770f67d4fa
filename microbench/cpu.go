package microbench

import (
	"context"
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/cpu"
	"gpusim/cpu/pipe"
)

// cpuRig runs probes on the cores of a CPU.
type cpuRig struct {
	m              *configs.Machine
	scalar, vector float64 // clocks, Hz
	lanes, threads int
}

// cpuProbes are the probes of a CPU.
var cpuProbes = []struct {
	name string
	run  func(r *cpuRig, out *Report) error
}{
	{"memory latency", (*cpuRig).chases},
	{"bandwidth", (*cpuRig).streams},
	{"instructions", (*cpuRig).pipes},
	{products, (*cpuRig).products},
}

const products = "matrix products"

// runCPU runs the probes of a CPU.
func runCPU(ctx context.Context, m *configs.Machine, only func(group string) bool, progress func(finished int)) (*Report, error) {
	lanes, threads, err := cpu.Lanes(m)
	if err != nil {
		return &Report{}, err
	}
	r := &cpuRig{m: m, scalar: float64(m.CPU.Clock.Scalar), vector: float64(m.CPU.Clock.Vector), lanes: lanes, threads: threads}
	out := &Report{}
	for _, p := range cpuProbes {
		if only != nil && !only(p.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return out, err
		}
		group := &Report{}
		if err := p.run(r, group); err != nil {
			return out, fmt.Errorf("%s of %s: %w", p.name, m.Name, err)
		}
		if out.take(group); progress != nil {
			progress(out.Finished)
		}
	}
	return out, nil
}

// slope is the cycles of an iteration: of a program's second block, which is as long
// as the first one.
func (r *cpuRig) slope(threads int, hz float64, p *pipe.Program, trips int) (float64, error) {
	s, err := cpu.CoreSpec(r.m, threads, hz)
	if err != nil {
		return 0, err
	}
	b := p.Blocks[len(p.Blocks)-1]
	b.Trips = trips
	p.Blocks = append(p.Blocks[:len(p.Blocks)-1], b, b)
	_, marks, err := pipe.Run(s, p)
	if err != nil {
		return 0, err
	}
	n := len(marks)
	return float64(marks[n-1]-marks[n-2]) / float64(trips), nil
}

// chase is the cycles of a load in a chain of pointers through a footprint, a power
// of two, after one round has warmed it up.
func (r *cpuRig) chase(footprint int) (float64, error) {
	lines, warm := footprint/64, footprint/64
	caches := r.m.CPU.Caches
	if footprint > int(caches[len(caches)-1].Size) {
		warm = 1 // none of its lines comes twice
	}
	p := &pipe.Program{Streams: []pipe.Stream{{Mask: uint64(lines - 1)}}, Blocks: []pipe.Block{
		{Body: []pipe.Uop{{Op: pipe.ILoad, Dst: 1, Src: [3]pipe.Reg{1}, Mem: 1}}, Trips: warm, Step: []int64{1}},
		{Body: []pipe.Uop{{Op: pipe.ILoad, Dst: 1, Src: [3]pipe.Reg{1}, Mem: 1}}, Step: []int64{1}},
	}}
	return r.slope(1, r.scalar, p, 8192)
}

// powerOfTwo is the largest one up to x.
func powerOfTwo(x int) int { return 1 << int(math.Floor(math.Log2(float64(x)))) }

func (r *cpuRig) chases(out *Report) error {
	const group = "memory latency"
	caches := r.m.CPU.Caches
	last := int(caches[len(caches)-1].Size)
	for f := 4 << 10; f <= 8*last; f *= 2 {
		c, err := r.chase(f)
		if err != nil {
			return err
		}
		out.Points = append(out.Points, Point{Curve: "latency_by_footprint", X: float64(f) / 1024, Y: c, Model: math.NaN()})
	}
	for i := range caches {
		c, err := r.chase(powerOfTwo(int(caches[i].Size) / 2))
		if err != nil {
			return err
		}
		out.add(group, fmt.Sprintf("latency.l%d", i+1), caches[i].Name, c, "cycles").Note = fmt.Sprintf("chase through half of it, at %.1f GHz", r.scalar/1e9)
	}
	c, err := r.chase(powerOfTwo(8 * last))
	if err != nil {
		return err
	}
	out.add(group, "latency.memory_ns", "memory", c/r.scalar*1e9, "ns").Note = "chase through eight times the last cache"
	return nil
}

// stream is the bytes per cycle of loads through a footprint that was read before.
func (r *cpuRig) stream(footprint, threads int) (float64, error) {
	const loads = 8
	vector := int64(4 * r.lanes)
	var body []pipe.Uop
	for i := range loads {
		body = append(body, pipe.Uop{Op: pipe.Load, Dst: pipe.Reg(i + 1), Mem: 1, Disp: int32(int64(i) * vector)})
	}
	body = append(body, pipe.Uop{Op: pipe.Int, Dst: 20, Src: [3]pipe.Reg{20}}, pipe.Uop{Op: pipe.Branch, Src: [3]pipe.Reg{20}})
	step := loads * vector
	round := pipe.Block{Body: body, Trips: int(int64(footprint) / step), Step: []int64{step}, After: []int64{-int64(footprint) / step * step}}
	s, err := cpu.CoreSpec(r.m, threads, r.vector)
	if err != nil {
		return 0, err
	}
	s.MemoryBurst = 0
	_, marks, err := pipe.Run(s, &pipe.Program{Streams: []pipe.Stream{{}}, Blocks: []pipe.Block{round, round, round}})
	if err != nil {
		return 0, err
	}
	return float64(step*int64(round.Trips)) / float64(marks[2]-marks[1]), nil
}

func (r *cpuRig) streams(out *Report) error {
	const group = "bandwidth"
	caches := r.m.CPU.Caches
	for i := range caches {
		threads := 1
		b, err := r.stream(int(caches[i].Size)/2, threads)
		if err != nil {
			return err
		}
		out.add(group, fmt.Sprintf("bandwidth.l%d", i+1), caches[i].Name+", one core", b, "bytes/clk")
	}
	last := int(caches[len(caches)-1].Size)
	one, err := r.stream(4*last, 1)
	if err != nil {
		return err
	}
	out.add(group, "bandwidth.memory_one", "memory, one core", one*r.vector/1e9, "GB/s")
	share := last
	if caches[len(caches)-1].Shared {
		share /= r.threads
	}
	all, err := r.stream(4*max(share, 1<<20), r.threads)
	if err != nil {
		return err
	}
	out.add(group, "bandwidth.memory", fmt.Sprintf("memory, %d threads", r.threads), all*float64(r.threads)*r.vector/1e9, "GB/s")
	return nil
}

// chains is the cycles of an iteration with so many independent chains of an
// operation.
func (r *cpuRig) chains(op pipe.Op, n int) (float64, error) {
	var body []pipe.Uop
	for i := range n {
		reg := pipe.Reg(i + 1)
		body = append(body, pipe.Uop{Op: op, Dst: reg, Src: [3]pipe.Reg{reg}})
	}
	return r.slope(1, r.vector, &pipe.Program{Blocks: []pipe.Block{{Body: body}}}, 2000)
}

func (r *cpuRig) pipes(out *Report) error {
	const group = "instructions"
	const many = 24
	for _, p := range []struct {
		op   pipe.Op
		key  string
		name string
	}{{pipe.FMA, "fma", "multiply-add"}, {pipe.Vec, "vec", "vector logic"}, {pipe.Shuffle, "shuffle", "shuffle"}, {pipe.Div, "div", "division"}, {pipe.Int, "int", "integer add"}} {
		one, err := r.chains(p.op, 1)
		if err != nil {
			return err
		}
		all, err := r.chains(p.op, many)
		if err != nil {
			return err
		}
		out.add(group, "latency."+p.key, p.name+", latency", one, "cycles")
		out.add(group, "throughput."+p.key, p.name+", throughput", many/all, "per clk")
	}
	fma, err := r.chains(pipe.FMA, many)
	if err != nil {
		return err
	}
	out.add(group, "peak.fp32", "multiply-adds of all cores", 2*float64(many*r.lanes*r.m.CPU.Cores*r.m.CPU.Sockets)/fma*r.vector/1e12, "TFLOP/s")
	return nil
}

func (r *cpuRig) products(out *Report) error {
	for _, n := range []int{128, 512, 2048, 8192} {
		c, err := cpu.Run(r.m, cpu.Problem{M: n, N: n, K: n, DType: "fp32"})
		if err != nil {
			return err
		}
		out.add(products, fmt.Sprintf("gemm.fp32_%d", n), fmt.Sprintf("fp32, %d x %d x %d", n, n, n), c.Ops/c.Seconds/1e12, "TFLOP/s").Note =
			fmt.Sprintf("%.0f %% of peak", 100*c.Ops/c.Seconds/c.PeakOps)
	}
	return nil
}
