package microbench

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// Rung is one instruction class of the overhead ladder: what one warp instruction
// costs, divided over its 32 lanes, at the machine's node and voltage. A matrix
// instruction of a warp group is divided over its 128 lanes.
type Rung struct {
	Class       string  // FMA, HFMA, DP4A, HDP4A, HMMA, IMMA or WGMMA
	Instruction string  // as in machine code, with the shape of matrix instructions
	Note        string  // what is to be known of it
	MACs        float64 // multiply-adds of a lane
	PayloadPJ   float64 // the arithmetic itself
	UnitPJ      float64 // latches, broadcast and clock inside the arithmetic unit
	FetchPJ     float64 // fetch, decode, schedule
	OperandPJ   float64 // register file, and shared memory where it holds factors
	ClockPJ     float64 // clock tree of the SM at the instruction's full rate
	Lo, Hi      float64 // interval of OverheadPct from the coefficients' ranges, percent
}

// OverheadPct is fetch, decode and operand delivery over that and the energy of the
// arithmetic unit, in percent: what published ladders call overhead. The clock tree
// is in neither.
func (r *Rung) OverheadPct() float64 {
	o := r.FetchPJ + r.OperandPJ
	return 100 * o / (o + r.PayloadPJ + r.UnitPJ)
}

// OverPayloadPct counts everything but the arithmetic itself as overhead.
func (r *Rung) OverPayloadPct() float64 {
	o := r.FetchPJ + r.OperandPJ + r.UnitPJ + r.ClockPJ
	return 100 * o / (o + r.PayloadPJ)
}

// step is an instruction of the ladder as a probe runs it.
type step struct {
	class, name, note string
	kernel            kernel
	lanes             float64 // that one instruction is divided over
	body              []tile.Inst
	count             func(energy.Count) energy.Count
}

// Ladder runs each instruction class that the machine has in a loop at full rate,
// and prices the events of one instruction: the difference of a loop that holds it
// twice as often, so that what surrounds it does not count.
func Ladder(ctx context.Context, m *configs.Machine) ([]Rung, error) {
	r := &rig{ctx, m.GPU}
	var out []Rung
	for _, s := range rungs(m.GPU) {
		rung, err := r.price(m, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		out = append(out, rung)
	}
	return out, nil
}

func rungs(g *configs.GPU) []step {
	lane := kernel{warps: 16, ctas: g.SM.Count, elem: 4}
	simd := func(o tile.Op) (body []tile.Inst) {
		for i := range 8 { // eight independent chains, operands in all banks
			body = append(body, op(o, i, 8+i, 16+i, i))
		}
		return body
	}
	out := []step{{class: "FMA", name: "FFMA", kernel: lane, lanes: 32, body: simd(tile.OpFFMA)}}
	if g.SM.Pipes.FP16.Lanes > 0 {
		out = append(out, step{class: "HFMA", name: "HFMA2", note: "two halves a lane", kernel: lane, lanes: 32, body: simd(tile.OpHFMA2)})
	}
	if g.SM.Pipes.DP4A.Lanes > 0 {
		out = append(out, step{class: "DP4A", name: "DP4A", kernel: lane, lanes: 32, body: simd(tile.OpDP4A)})
	}
	if g.SM.Pipes.FP16.Lanes > 0 {
		out = append(out, step{class: "HDP4A", name: "HFMA2 of four halves", note: "no GPU has it: run as HFMA2, which has its operands, with twice the multiply-adds", kernel: lane, lanes: 32, body: simd(tile.OpHFMA2),
			count: func(c energy.Count) energy.Count {
				if c.Component == energy.FMAFP16 {
					c.Events *= 2
				}
				return c
			}})
	}
	if g.Tensor.Shape == "884" {
		in := tile.Inst{Op: tile.OpHMMA, Steps: uint8(g.Tensor.StepsFP32)}
		var body []tile.Inst
		for i := range 4 {
			in.Dst, in.SrcC, in.SrcA, in.SrcB = uint8(8*i), uint8(8*i), 32, 34
			body = append(body, in)
		}
		return append(out, step{class: "HMMA", name: "HMMA.884.F32.F32", note: fmt.Sprintf("8x8x4 for each quad pair, %d steps", g.Tensor.StepsFP32), kernel: lane, lanes: 32, body: body})
	}
	// Of each kind the largest that the machine has.
	best := map[string]tile.MMA{}
	for _, mma := range library.Latencies(g).MMA {
		class := map[string]string{"fp16/fp32": "HMMA", "int8/int32": "IMMA"}[mma.Type+"/"+mma.Acc]
		if old, ok := best[class]; class != "" && !mma.Sparse && (!ok || mma.FMAs() > old.FMAs()) {
			best[class] = mma
		}
	}
	for _, class := range []string{"HMMA", "IMMA"} {
		mma, ok := best[class]
		if !ok {
			continue
		}
		k, c := lane, max(1, mma.RegsC())
		k.mmas = []tile.MMA{mma}
		a := 4 * c
		var body []tile.Inst
		for i := range 4 {
			body = append(body, op(tile.OpMMA, i*c, a, a+mma.RegsA(), i*c))
		}
		out = append(out, step{class: class, name: mma.Name, note: fmt.Sprintf("%dx%dx%d", mma.M, mma.N, mma.K), kernel: k, lanes: 32, body: body})
	}
	for _, in := range g.Tensor.Instructions {
		if !strings.Contains(in.Name, "GMMA") || in.Sparse || !slices.Contains([]string{"fp16/fp32", "int8/int32"}, in.Type+"/"+in.Acc) {
			continue
		}
		k := kernel{warps: 4, ctas: g.SM.Count, elem: 4, shared: 64 << 10}
		k.groups = []tile.GroupMMA{{N: in.N, K: in.K, Type: in.Type, Acc: in.Acc, A: tile.SharedOperand{Elem: 32 / in.K}, B: tile.SharedOperand{Elem: 32 / in.K, Addr: 8 << 10}}}
		mma := memop(tile.OpWGMMA, tile.RZ, 0)
		mma.Dst, mma.SrcA, mma.Imm = 0, tile.RZ, tile.MMACommit
		wait := memop(tile.OpWGWAIT, tile.RZ, 0)
		wait.SrcA = tile.RZ
		k.end = []tile.Inst{wait}
		out = append(out, step{class: "WGMMA", name: in.Name, note: fmt.Sprintf("%dx%dx%d of four warps, factors from shared memory", in.M, in.N, in.K), kernel: k, lanes: 128, body: []tile.Inst{mma}})
	}
	return out
}

// price runs a step and prices one instruction of it.
func (r *rig) price(m *configs.Machine, s step) (Rung, error) {
	const copies, trips = 4, 32
	var events [2]map[string]float64
	for i := range events {
		k := withTrips(s.kernel, trips)
		k.body = repeat(copies*(i+1), s.body...)
		reports, err := r.run(k)
		if err != nil {
			return Rung{}, err
		}
		events[i] = map[string]float64{}
		for _, c := range gpusim.Events(r.g, &reports[0]) {
			if s.count != nil {
				c = s.count(c)
			}
			events[i][c.Component] += float64(c.Events)
		}
	}
	// Instructions of the whole grid in the difference; of a warp group one is four.
	n := float64(copies*trips*len(s.body)*s.kernel.warps*r.g.SM.Count) * 32 / s.lanes
	out := Rung{Class: s.class, Instruction: s.name, Note: s.note}
	var parts [2][3]float64                                    // low, value, high of what is overhead and what is not
	for _, name := range slices.Sorted(maps.Keys(events[1])) { // sums of floats depend on the order
		per := (events[1][name] - events[0][name]) / n / s.lanes
		e, ok := m.Energy.Events[name]
		if !ok {
			if energy.Optional(name) {
				continue
			}
			return Rung{}, fmt.Errorf("no coefficient of %s", name)
		}
		pj, side := per*e.PJ, 1
		switch {
		case e.Column == energy.Payload:
			out.PayloadPJ += pj
			out.MACs += per
		case name == energy.LaneSlot || name == energy.MMASlot:
			out.UnitPJ += pj
		case name == energy.SMCycle:
			out.ClockPJ += pj
			continue
		case e.Column == energy.Register || e.Column == energy.SharedL1:
			out.OperandPJ += pj
			side = 0
		case e.Column == energy.Instruction:
			out.FetchPJ += pj
			side = 0
		default:
			continue // instruction cache misses and the like do not belong to one instruction
		}
		lo, hi := e.Range()
		parts[side][0] += pj * (1 - lo)
		parts[side][1] += pj
		parts[side][2] += pj * (hi - 1)
	}
	o, p := parts[0], parts[1]
	total := o[1] + p[1]
	// Overhead and payload come from different sources: in quadrature.
	share := func(dOver, dPay float64) float64 {
		return 100 * math.Hypot(dOver*p[1], dPay*o[1]) / (total * total)
	}
	out.Lo = max(0, out.OverheadPct()-share(o[0], p[2]))
	out.Hi = min(100, out.OverheadPct()+share(o[2], p[0]))
	return out, nil
}
