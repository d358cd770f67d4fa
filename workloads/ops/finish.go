package ops

import (
	"fmt"
	"slices"

	"gpusim/workloads/tile"
)

// finish settles registers and makes the kernel's program.
func (c *code) finish(l tile.Latencies) error {
	c.bare(tile.OpEXIT)
	c.cut()
	if len(c.k.Consts) > 255-tile.ImmConst {
		return fmt.Errorf("ops: kernel %s has %d constants", c.k.Name, len(c.k.Consts))
	}
	high, err := c.allocate()
	if err != nil {
		return fmt.Errorf("ops: kernel %s: %w", c.k.Name, err)
	}
	c.k.Regs = max(high, leastRegs)
	p := &tile.Program{}
	from := 0
	for _, end := range c.ends {
		seg := tile.Segment{}
		for _, lp := range c.loops {
			seg.Loop = seg.Loop || lp[0] == from
		}
		for _, v := range c.insts[from:end] {
			in := v.Inst
			in.Dst, in.SrcA, in.SrcB, in.SrcC = c.place(v.dst), c.place(v.a), c.place(v.b), c.place(v.c)
			seg.Code = append(seg.Code, in)
		}
		p.Segments = append(p.Segments, seg)
		from = end
	}
	c.k.Programs = []*tile.Program{p}
	c.k.Role = make([]uint8, c.k.Warps())
	if err := tile.Finish(c.k, l); err != nil {
		return fmt.Errorf("ops: %w", err)
	}
	return nil
}

// leastRegs is what compilers give a thread at least.
const leastRegs = 16

func (c *code) place(r reg) uint8 {
	if r == noReg {
		return tile.RZ
	}
	return uint8(c.units[c.unitOf[r]].at + c.offset[r])
}

// allocate gives units their registers in the order of their first use, and
// says how many there are. A unit that lives where a loop begins and is used in
// it lives to the loop's end.
func (c *code) allocate() (high int, err error) {
	for n := range c.insts {
		in := &c.insts[n]
		for _, r := range [4]reg{in.dst, in.a, in.b, in.c} {
			if r == noReg {
				continue
			}
			u := &c.units[c.unitOf[r]]
			if u.first < 0 {
				u.first = n
			}
			u.last = n
		}
	}
	var order []int
	for i := range c.units {
		u := &c.units[i]
		if u.first < 0 {
			continue
		}
		for _, lp := range c.loops {
			if u.first < lp[0] && u.last >= lp[0] && u.last < lp[1] {
				u.last = lp[1] - 1
			}
		}
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return c.units[a].first - c.units[b].first })
	var until [tile.RZ]int // place up to which a register is taken
	for i := range until {
		until[i] = -1
	}
	for _, i := range order {
		u := &c.units[i]
		step := 1
		for step < u.size {
			step *= 2
		}
	search:
		for u.at = 0; ; u.at += step {
			if u.at+u.size > len(until) {
				return 0, fmt.Errorf("more than %d registers", len(until))
			}
			for _, t := range until[u.at : u.at+u.size] {
				if t >= u.first {
					continue search
				}
			}
			break
		}
		for r := u.at; r < u.at+u.size; r++ {
			until[r] = u.last
		}
		high = max(high, u.at+u.size)
	}
	return high, nil
}
