package microbench

import "gpusim/workloads/tile"

// constantMemory measures constants that are operands, by where they are found, and loads
// of constants.
func constantMemory(r *rig, out *Report) error {
	const group = "constant memory"
	bytes := r.g.SM.Constants.LineBytes
	if bytes == 0 {
		return nil
	}
	perLine := max(1, bytes/4)
	lines := min(8, 256/perLine-1)
	k := kernel{warps: 1, elem: 4, consts: lines * perLine, trips: 1}
	add := func(line int) tile.Inst {
		in := op(tile.OpFADD, 0, 0, tile.RZ, tile.RZ)
		in.Imm = uint8(tile.ImmConst + line*perLine)
		return in
	}
	load := func(dst, line int) tile.Inst {
		in := op(tile.OpLDC, dst, tile.RZ, tile.RZ, tile.RZ)
		in.Imm = uint8(tile.ImmConst + line*perLine)
		return in
	}
	hit, err := r.each(k, add(0))
	if err != nil {
		return err
	}
	out.add(group, "constant.hit", "operand, sub-core's cache", hit, "cycles")
	// apart is the time of a constant that is used for the first time, after other code.
	apart := func(before []tile.Inst) (float64, error) {
		same, first := append([]tile.Inst(nil), before...), append([]tile.Inst(nil), before...)
		for i := range lines {
			same, first = append(same, add(0)), append(first, add(i))
		}
		k.body = same
		a, err := r.cycles(k)
		if err != nil {
			return 0, err
		}
		k.body = first
		b, err := r.cycles(k)
		if err != nil {
			return 0, err
		}
		return hit + float64(b[0]-a[0])/float64(lines-1), nil
	}
	v, err := apart(nil)
	if err != nil {
		return err
	}
	var before []tile.Inst // loads bring all lines to the SM, but to the caches of loads
	for i := range lines {
		before = append(before, load(8+i, i))
	}
	for i := range lines {
		before = append(before, op(tile.OpFADD, 0, 0, 8+i, tile.RZ))
	}
	near, err := apart(before)
	if err != nil {
		return err
	}
	out.add(group, "constant.sm", "operand, SM's cache", near, "cycles")
	out.add(group, "constant.wait", "its wait before issue", near-hit, "cycles")
	out.add(group, "constant.memory", "operand, memory", v, "cycles")
	if v, err = r.each(k, load(0, 0)); err != nil {
		return err
	}
	out.add(group, "constant.load", "LDC", v, "cycles")
	indexed := load(0, 0)
	indexed.SrcB = addressReg
	if v, err = r.each(k, indexed); err != nil {
		return err
	}
	out.add(group, "constant.load.register", "LDC, by register", v, "cycles")
	if v, err = r.reuse(k, indexed, addressReg); err != nil {
		return err
	}
	out.add(group, "reuse.constant.load", "LDC: source free", v, "cycles")
	return nil
}
