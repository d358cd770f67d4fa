package microbench

import (
	"strings"

	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

const matrixGroup = "matrix instructions"

// matrix measures latency and rate of every matrix instruction.
func matrix(r *rig, out *Report) error {
	if r.g.Tensor.Shape == "884" {
		return steps(r, out)
	}
	const warps = 16
	for _, m := range library.Latencies(r.g).MMA {
		// Accumulators from register 0 on, operands behind them.
		c, a := max(1, m.RegsC()), 4*max(1, m.RegsC())
		mma := func(i int) tile.Inst { return op(tile.OpMMA, i*c, a, a+m.RegsA(), i*c) }
		k := kernel{warps: 1, elem: 4, mmas: []tile.MMA{m}}
		key := strings.ToLower(m.Name)
		latency, err := r.each(k, mma(0))
		if err != nil {
			return err
		}
		out.add(matrixGroup, "latency."+key, m.Name+" to the next on its accumulators", latency, "cycles")
		k.warps = warps
		per, err := r.each(k, mma(0), mma(1), mma(2), mma(3))
		if err != nil {
			return err
		}
		name := m.Name
		if m.Sparse {
			name += ", zeros counted"
		}
		out.add(matrixGroup, "rate."+key, name, float64(4*warps*m.FMAs())/per, "FMA/clk/SM")
	}
	return nil
}

// steps measures latency and rate of the matrix instructions of Volta, which
// issue step by step.
func steps(r *rig, out *Report) error {
	t := &r.g.Tensor
	for _, c := range []struct {
		key, name string
		steps     int
	}{{"hmma.884.f32", "HMMA.884, fp32 accumulators", t.StepsFP32}, {"hmma.884.f16", "HMMA.884, fp16 accumulators", t.StepsFP16}} {
		mma := func(acc int) tile.Inst {
			in := op(tile.OpHMMA, acc, 40, 42, acc)
			in.Steps = uint8(c.steps)
			return in
		}
		wmma, err := r.wmma(mma)
		if err != nil {
			return err
		}
		out.add(matrixGroup, "latency.wmma."+c.key, c.name+": 16x16x16 to its result", wmma, "cycles")
		warps := 16
		per, err := r.each(kernel{warps: warps, elem: 4}, mma(0), mma(8), mma(16), mma(24))
		if err != nil {
			return err
		}
		out.add(matrixGroup, "rate."+c.key, c.name, float64(4*warps*1024)/per, "FMA/clk/SM")
		out.add(matrixGroup, "interval."+c.key, c.name+", per step", per*float64(r.g.SM.SubCores)/float64(4*warps*c.steps), "cycles")
	}
	return nil
}

// wmma is the time of a product of 16x16x16 by one warp, four MMA on one set of
// accumulators, measured as a chain: the next one begins with an operand that
// is computed from the result.
func (r *rig) wmma(mma func(int) tile.Inst) (float64, error) {
	return r.each(kernel{warps: 1, elem: 4}, mma(0), mma(0), mma(0), mma(0))
}
