package sm

import (
	"gpusim/configs"
	"gpusim/workloads/tile"
)

// constants is the cache of the SM that stands behind those of its sub-cores for
// constants. On silicon it holds instructions too; a kernel's few constants always find
// room beside them. Like all caches of the SM it is cold at every launch.
type constants struct {
	spec  *configs.Constants
	held  int      // lines of a sub-core's cache
	ready []uint64 // per line: when the SM has it, never = not asked for
}

func (c *constants) reset(spec *configs.Constants, lines int) {
	c.spec, c.held = spec, 0
	if spec.LineBytes > 0 {
		c.held = max(1, int(spec.L0)/spec.LineBytes)
	}
	c.ready = lineTimes(c.ready, lines)
}

// constant brings a line to a cache of a sub-core and returns when it is there.
func (c *Core) constant(l0 *l0cache, line uint16, t uint64) uint64 {
	if r := l0.ready[line]; r != never {
		return r // on its way
	}
	k := &c.consts
	if k.ready[line] == never {
		k.ready[line] = t + uint64(k.spec.L1MissLatency)
	}
	at := max(t, k.ready[line]) + uint64(k.spec.L0MissLatency)
	l0.order = insert(l0.ready, l0.order, l0.cap, line, at)
	return at
}

// loadConstant issues a load of a constant.
func (c *Core) loadConstant(s *subcore, w *warp, u *uop, t uint64) {
	cycles := uint64(1)
	if !w.guarded(u) {
		cycles = 0
	}
	start := c.send(s, t, cycles)
	latency, at := uint64(1), start
	if u.konst != 0 && cycles > 0 {
		latency = uint64(c.consts.spec.LoadLatency)
		if u.steps != 0 {
			latency = uint64(c.consts.spec.LoadRegister)
		}
		at = max(at, c.constant(&s.consts[1], uint16(u.konst-1), start))
	}
	w.hold(u.wr, at+latency, ShortBoard)
	if u.rd != 0 {
		w.hold(u.rd, at+latency, ShortBoard)
	}
}

// constantLine is the line of the constant that an instruction names, plus one; 0 where
// there is none or where constants cost nothing.
func constantLine(in *tile.Inst, s *configs.Constants) uint8 {
	if s.LineBytes == 0 || in.Imm < tile.ImmConst || !tile.TakesConst(in.Op) && in.Op != tile.OpLDC {
		return 0
	}
	return uint8(4*int(in.Imm-tile.ImmConst)/s.LineBytes) + 1
}
