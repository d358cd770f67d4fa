package microbench

import "gpusim/workloads/tile"

// classes are the instruction classes; width is operations of a lane.
var classes = []struct {
	op    tile.Op
	key   string
	name  string
	width float64
}{
	{tile.OpFFMA, "ffma", "FFMA (fp32 multiply-add)", 1},
	{tile.OpFADD, "fadd", "FADD", 1},
	{tile.OpFMUL, "fmul", "FMUL", 1},
	{tile.OpDFMA, "dfma", "DFMA (fp64)", 1},
	{tile.OpHFMA2, "hfma2", "HFMA2 (two fp16)", 2},
	{tile.OpDP4A, "dp4a", "DP4A (four int8)", 4},
	{tile.OpIADD, "iadd", "IADD", 1},
	{tile.OpIMAD, "imad", "IMAD", 1},
	{tile.OpLOP, "lop", "LOP", 1},
	{tile.OpISETP, "isetp", "ISETP", 1},
	{tile.OpMUFU, "mufu", "MUFU (special function)", 1},
}

// pipes measures dependent-issue latency and throughput of each class, and
// what operands in one register bank cost.
func pipes(r *rig, out *Report) error {
	const group = "instructions"
	for _, c := range classes {
		if c.op == tile.OpDP4A && r.g.SM.Pipes.DP4A.Lanes == 0 {
			continue
		}
		if c.op == tile.OpHFMA2 && r.g.SM.Pipes.FP16.Lanes == 0 || c.op == tile.OpDFMA && r.g.SM.Pipes.FP64.Lanes == 0 {
			continue
		}
		chain := op(c.op, 0, 0, 2, 4)
		if c.op == tile.OpMUFU {
			chain = op(c.op, 0, 0, tile.RZ, tile.RZ)
		}
		v, err := r.each(kernel{warps: 1, elem: 4}, chain)
		if err != nil {
			return err
		}
		out.add(group, "latency."+c.key, c.name+", dependent", v, "cycles")
		if v, err = r.rate(c.op); err != nil {
			return err
		}
		out.add(group, "throughput."+c.key, c.name, 32*c.width*v, "op/clk/SM")
	}
	if r.g.SM.Pipes.FP64.Lanes > 0 {
		var body []tile.Inst
		for i := range 4 {
			body = append(body, op(tile.OpDFMA, tile.RZ, 16+2*i, 25, 31)) // so that none waits for the one before
		}
		v, err := r.each(kernel{warps: 1, elem: 4}, body...)
		if err != nil {
			return err
		}
		out.add(group, "throughput.dfma.warp", "DFMA of one warp", 4/v, "inst/clk")
	}
	return banks(r, out)
}

// rate is the warp instructions per cycle and SM of independent instructions
// with as many warps as fit.
func (r *rig) rate(o tile.Op) (float64, error) {
	warps := min(32, r.g.SM.MaxWarps)
	var body []tile.Inst
	for i := range 4 {
		in := op(o, 2*i, 16+2*i, 25, 31) // in different banks, be they two or four
		if o == tile.OpMUFU {
			in = op(o, 2*i, 16+2*i, tile.RZ, tile.RZ)
		}
		body = append(body, in)
	}
	per, err := r.each(kernel{warps: warps, elem: 4}, body...)
	return float64(4*warps) / per, err
}

// banks compares multiply-adds and multiplications whose operands lie in different
// register banks with such in one.
func banks(r *rig, out *Report) error {
	const group = "instructions"
	warps := min(32, r.g.SM.MaxWarps)
	per := func(o tile.Op, step int) (float64, error) {
		var body []tile.Inst
		for i := range 4 {
			b := 8 + 4*i
			in := op(o, i, b, b+step, b+2*step)
			switch {
			case o == tile.OpFMUL:
				in.SrcC = tile.RZ
			case step == 1: // of two banks, two operands of three would meet in one
				in.SrcC = in.SrcB
			}
			body = append(body, in)
		}
		v, err := r.each(kernel{warps: warps, elem: 4}, body...)
		return v * float64(r.g.SM.SubCores) / float64(4*warps), err
	}
	for _, c := range []struct {
		op         tile.Op
		name, free string
		same, wait string
	}{{tile.OpFFMA, "FFMA", "bank.free", "bank.conflict", "bank.bubble.ffma"}, {tile.OpFMUL, "FMUL", "bank.free.fmul", "bank.conflict.fmul", "bank.bubble.fmul"}} {
		apart, err := per(c.op, 1)
		if err != nil {
			return err
		}
		same, err := per(c.op, 4) // a multiple of any number of banks
		if err != nil {
			return err
		}
		out.add(group, c.free, c.name+", operands in different banks", apart, "clk/inst/sub-core")
		out.add(group, c.same, c.name+", operands in one bank", same, "clk/inst/sub-core")
		out.add(group, c.wait, c.name+", bubble of one bank", same-apart, "cycles")
	}
	return nil
}

// synchronization measures barriers, atomics and the empty kernel.
func synchronization(r *rig, out *Report) error {
	const group = "synchronization"
	for _, b := range []struct {
		warps     int
		key, name string
	}{{1, "barrier.1", "barrier of one warp"}, {4, "barrier.4", "barrier of 4 warps"}, {32, "barrier.32", "barrier of 32 warps"}} {
		v, err := r.each(kernel{warps: min(b.warps, r.g.SM.MaxWarps), elem: 4}, bare(tile.OpBAR))
		if err != nil {
			return err
		}
		out.add(group, b.key, b.name, v, "cycles")
	}
	for _, c := range []struct {
		key, name string
		spread    int
	}{{"atomic.same", "atomic add, one address for all", 0}, {"atomic.spread", "atomic add, an address for each lane", 1}} {
		a := stream(256, 0, 4, 0, c.spread, 0)
		k := kernel{warps: 8, ctas: r.g.SM.Count, elem: 4, region: []int64{1 << 20}, span: 256 * c.spread, accesses: []tile.Access{a}, body: []tile.Inst{memop(tile.OpRED, 0, 0)}}
		per, err := r.slope(k, 16, 48)
		if err != nil {
			return err
		}
		out.add(group, c.key, c.name, float64(256*r.g.SM.Count)/per, "op/clk")
	}
	n, err := r.cycles(kernel{warps: 1, trips: 0, elem: 4, body: []tile.Inst{bare(tile.OpNOP)}})
	if err != nil {
		return err
	}
	us := float64(n[0]) / float64(r.g.Clock.Sustained) * 1e6
	out.add(group, "launch.empty", "empty kernel, on the device", us, "us")
	return nil
}
