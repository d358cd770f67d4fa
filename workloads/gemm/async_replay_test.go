package gemm

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"gpusim/workloads/tile"
	exec "gpusim/workloads/tile/replay"
)

// replay executes kernels of asynchronous units on real numbers. It is as unkind as
// the rules allow: warps go on in random order and for as long as they can, boxes
// land at random times or when nobody can go on otherwise, stores read shared memory
// and matrix instructions their operands as late as a wait admits. A missing or wrong
// wait shows up as a wrong result or as a deadlock.
type replay struct {
	m    *machine
	k    *tile.Kernel
	r    *rand.Rand
	ctas []*replayCTA // of the cluster
	air  []func()     // boxes on their way
	macs int64        // multiply-adds whose factors both lie within the matrices
}

type replayCTA struct {
	index  int
	shared []byte
	bars   [][]replayBarrier // per barrier and stage
	warps  []*replayWarp
}

type replayBarrier struct{ left, bytes, phase int }

type replayWarp struct {
	cta           *replayCTA
	id            int
	code          *tile.Program
	seg, pc, tile int
	iter, seq     int32
	work          tile.CTA
	regs          *[32][256]uint32
	math          []func() // matrix instructions not executed yet
	groups        []int    // lengths of math at the ends of groups
	stores        []func()
	at            int // CTA barrier or warp-group barrier where it waits: Imm+2, 0 none
	done          bool
}

func replayKernel(m *machine, k *tile.Kernel, seed uint64) (*replay, error) {
	p := &replay{m: m, k: k, r: rand.New(rand.NewPCG(seed, 1))}
	size := max(1, k.Cluster)
	for first := 0; first < k.CTAs(); first += size {
		p.ctas = nil
		for i := range size {
			p.ctas = append(p.ctas, p.newCTA(first+i))
		}
		if err := p.run(); err != nil {
			return p, fmt.Errorf("%s: cluster of CTA %d: %w", k.Name, first, err)
		}
	}
	return p, nil
}

func (p *replay) newCTA(index int) *replayCTA {
	c := &replayCTA{index: index, shared: slices.Repeat([]byte{0xff}, p.k.Shared)} // NaN
	for _, b := range p.k.Barriers {
		c.bars = append(c.bars, slices.Repeat([]replayBarrier{{left: b.Arrivals}}, b.Stages))
	}
	for id := range p.k.Warps() {
		w := &replayWarp{cta: c, id: id, code: p.k.Programs[p.k.Role[id]], regs: new([32][256]uint32)}
		for l := range w.regs {
			for r := range w.regs[l] {
				w.regs[l][r] = 0x7fc07e00 // NaN, except RZ
			}
			w.regs[l][tile.RZ] = 0
		}
		p.k.Place(index, &w.work)
		c.warps = append(c.warps, w)
	}
	return c
}

func (p *replay) run() error {
	for {
		var ready []*replayWarp
		left := 0
		for _, c := range p.ctas {
			for _, w := range c.warps {
				if w.done {
					continue
				}
				left++
				if p.ready(w) {
					ready = append(ready, w)
				}
			}
		}
		if len(p.air) > 0 && (len(ready) == 0 || p.r.IntN(8) == 0) {
			i := p.r.IntN(len(p.air))
			land := p.air[i]
			p.air = slices.Delete(p.air, i, i+1)
			land()
			continue
		}
		if len(ready) == 0 {
			if left > 0 {
				return fmt.Errorf("%d warps wait for ever, among them %s", left, p.stuck())
			}
			return nil
		}
		w := ready[p.r.IntN(len(ready))]
		for n := 1 + p.r.IntN(200); n > 0 && !w.done && p.ready(w); n-- {
			if err := p.step(w); err != nil {
				return fmt.Errorf("CTA %d warp %d segment %d at %d: %w", w.cta.index, w.id, w.seg, w.pc, err)
			}
		}
	}
}

func (p *replay) stuck() string {
	for _, c := range p.ctas {
		for _, w := range c.warps {
			if !w.done {
				return fmt.Sprintf("CTA %d warp %d at op %d of segment %d, tile %d", c.index, w.id, w.inst().Op, w.seg, w.tile)
			}
		}
	}
	return ""
}

func (w *replayWarp) inst() *tile.Inst { return &w.code.Segments[w.seg].Code[w.pc] }

// ready says whether a warp's next instruction has what it waits for.
func (p *replay) ready(w *replayWarp) bool {
	in := w.inst()
	if in.Op != tile.OpMBWAIT || w.at != 0 {
		return w.at == 0
	}
	b := &p.k.Barriers[in.Access]
	s := int(w.seq) + int(in.Steps)
	return w.cta.bars[in.Access][s%b.Stages].phase >= s/b.Stages+1-int(in.Imm)
}

// meet takes a warp to a barrier of several, which opens when the last arrives.
func (p *replay) meet(w *replayWarp, at int, member func(*replayWarp) bool) {
	w.at = at
	for _, o := range w.cta.warps {
		if member(o) && !o.done && o.at != at {
			return
		}
	}
	for _, o := range w.cta.warps {
		if member(o) {
			o.at = 0
		}
	}
}

func (p *replay) arrive(c *replayCTA, bar, stage, arrivals, bytes int) {
	b := &c.bars[bar][stage]
	b.left -= arrivals
	b.bytes += bytes
	if b.left == 0 && b.bytes == 0 {
		b.phase++
		b.left = p.k.Barriers[bar].Arrivals
	}
}

func (w *replayWarp) leave(p *replay) {
	w.pc++
	for w.pc == len(w.code.Segments[w.seg].Code) {
		segs := w.code.Segments
		if segs[w.seg].Loop {
			w.iter++
			w.seq++
			if w.iter < w.work.Trips {
				w.pc = 0
				return
			}
		}
		w.iter, w.pc = 0, 0
		if next := w.cta.index + (w.tile+1)*p.k.CTAs(); segs[w.seg].PerTile && !segs[w.seg+1].PerTile && next < p.k.Tiles {
			w.tile++
			p.k.Place(next, &w.work)
			for w.seg > 0 && segs[w.seg-1].PerTile {
				w.seg--
			}
			return
		}
		w.seg++
	}
}

func (p *replay) active(w *replayWarp, g tile.Guard) bool {
	switch g {
	case tile.GuardAgain:
		return w.iter > 0
	case tile.GuardLeader:
		return w.id%tile.GroupWarps == 0
	}
	return exec.Active(g, step{Iter: w.iter, More: w.iter+1 < w.work.Trips}, &w.work)
}

func (p *replay) step(w *replayWarp) error {
	in, k := w.inst(), p.k
	if in.Op == tile.OpEXIT {
		if len(w.math)+len(w.stores) > 0 {
			return fmt.Errorf("%d matrix instructions and %d stores are not over", len(w.math), len(w.stores))
		}
		w.done = true
		return nil
	}
	defer w.leave(p)
	if !p.active(w, in.Guard) {
		return nil
	}
	switch in.Op {
	case tile.OpBAR:
		p.meet(w, 2, func(*replayWarp) bool { return true })
	case tile.OpBARG:
		p.meet(w, 3+int(in.Imm), func(o *replayWarp) bool {
			if in.Imm == 0 {
				return o.id/tile.GroupWarps == w.id/tile.GroupWarps
			}
			return o.id < int(in.Imm)*tile.GroupWarps
		})
	case tile.OpMBTX:
		b := &k.Barriers[in.Access]
		p.arrive(w.cta, int(in.Access), int(w.seq)%b.Stages, 1, b.Bytes)
	case tile.OpMBARRIVE:
		b := &k.Barriers[in.Access]
		for _, c := range p.ctas {
			p.arrive(c, int(in.Access), (int(w.seq)-int(in.Imm))%b.Stages, 1, 0)
		}
	case tile.OpTMALD:
		p.fetch(w, &k.Boxes[in.Access])
	case tile.OpTMAST:
		b, work := &k.Boxes[in.Access], w.work
		w.stores = append(w.stores, func() { p.save(w.cta, b, &work) })
	case tile.OpTMAWAIT:
		for len(w.stores) > int(in.Imm) {
			w.stores[0]()
			w.stores = w.stores[1:]
		}
	case tile.OpWGMMA:
		m := &k.GroupMMAs[in.Access]
		zero := in.Imm&tile.MMAZero != 0 || in.Imm&tile.MMAZeroFirst != 0 && w.iter == 0
		stage, dst := int(w.seq)%k.Barriers[barFull].Stages, int(in.Dst)
		w.math = append(w.math, func() { p.multiply(w, m, stage, dst, zero) })
		if in.Imm&tile.MMACommit != 0 {
			w.groups = append(w.groups, len(w.math))
		}
	case tile.OpWGWAIT:
		if n := len(w.groups) - int(in.Imm); n > 0 {
			upTo := w.groups[n-1]
			for _, f := range w.math[:upTo] {
				f()
			}
			w.math = w.math[upTo:]
			w.groups = w.groups[n:]
			for i := range w.groups {
				w.groups[i] -= upTo
			}
		}
	case tile.OpSTSM:
		return p.storeMatrices(w, in)
	case tile.OpSEL:
		col := w.work.Origin[tile.VarM]
		for l := range w.regs {
			if col/128 == (col+8*int32(in.Imm))/128 {
				w.regs[l][in.Dst] = w.regs[l][in.SrcA]
			} else {
				w.regs[l][in.Dst] = w.regs[l][in.SrcB]
			}
		}
	case tile.OpFENCE, tile.OpMBINIT, tile.OpMBWAIT, tile.OpSETREG, tile.OpWGARRIVE:
	default:
		return p.m.Exec(k, &w.work, w.id, step{Inst: in, Iter: w.iter, Seq: w.seq, More: w.iter+1 < w.work.Trips}, w.regs, w.cta.shared)
	}
	return nil
}

// fetch puts a box on its way: to all CTAs of the cluster if it is multicast.
func (p *replay) fetch(w *replayWarp, b *tile.Box) {
	work, iter := w.work, w.iter
	stage := int(w.seq) % p.k.Barriers[b.Barrier].Stages
	to := []*replayCTA{w.cta}
	if b.Multicast {
		to = p.ctas
	}
	p.air = append(p.air, func() {
		from, end := b.Share(p.k, &work)
		_, bytes := b.Lines(p.k)
		for line := from; line < end; line++ {
			addr, n := b.Line(p.k, &work, iter, line)
			data := make([]byte, bytes)
			if n > 0 {
				copy(data[:n], p.m.Mem[addr-tile.DeviceBase:])
			}
			for _, c := range to {
				for i := range data {
					c.shared[int(b.Addr)+stage*int(b.Stride)+line*bytes+swizzled(b, line, i)] = data[i]
				}
			}
		}
		for _, c := range to {
			p.arrive(c, b.Barrier, stage, 0, -(end-from)*bytes)
		}
	})
}

func swizzled(b *tile.Box, line, i int) int {
	if b.Swizzled {
		return tile.Swizzle(line, i)
	}
	return i
}

// save is a store of a box.
func (p *replay) save(c *replayCTA, b *tile.Box, work *tile.CTA) {
	lines, bytes := b.Lines(p.k)
	for line := range lines {
		addr, n := b.Line(p.k, work, 0, line)
		for i := range n {
			p.m.Mem[int(addr-tile.DeviceBase)+i] = c.shared[int(b.Addr)+line*bytes+swizzled(b, line, i)]
		}
		p.m.Stored[p.k.Tensors[b.Tensor].Name] += int64(n)
	}
}

// multiply executes a warp's part of a matrix instruction: 16 rows.
func (p *replay) multiply(w *replayWarp, m *tile.GroupMMA, stage, dst int, zero bool) {
	element := func(o *tile.SharedOperand, outer, k int) float64 {
		at, bits := o.At(stage, outer, k), uint32(0)
		for i := range o.Elem {
			bits |= uint32(w.cta.shared[at+i]) << (8 * i)
		}
		return value(m.Type, bits)
	}
	first := w.id % tile.GroupWarps * 16
	var a [16][]float64
	for r := range a {
		for k := range m.K {
			a[r] = append(a[r], element(&m.A, first+r, k))
		}
	}
	cols := make([][]float64, m.N)
	for n := range cols {
		for k := range m.K {
			cols[n] = append(cols[n], element(&m.B, n, k))
		}
	}
	for lane := range 32 {
		for i := range m.Registers() {
			add := func(i int, sum float64) float64 {
				row, col := tile.FragMMA(w.id%tile.GroupWarps*32+lane, i)
				if zero {
					sum = 0
				}
				for k, x := range a[row-first] {
					sum += x * cols[col][k]
				}
				return sum
			}
			switch r := &w.regs[lane][dst+i]; m.Acc {
			case "fp16":
				lo, hi := add(2*i, value("fp16", *r&0xffff)), add(2*i+1, value("fp16", *r>>16))
				*r = uint32(tile.HalfBits(lo)) | uint32(tile.HalfBits(hi))<<16
			case "int32":
				*r = uint32(int32(add(i, float64(int32(*r)))))
			default:
				*r = bits(float32(add(i, float64(f32(*r)))))
			}
		}
	}
	p.macs += int64(16 * m.N * m.K)
}

// storeMatrices is stmatrix.
func (p *replay) storeMatrices(w *replayWarp, in *tile.Inst) error {
	a := &p.k.Accesses[in.Access]
	for m := range int(in.Imm) {
		for lane := range 32 {
			at := int(a.Addr[w.id*32+m*8+lane/4]) + lane%4*4
			v := w.regs[lane][int(in.SrcA)+m]
			for i := range 4 {
				w.cta.shared[at+i] = byte(v >> (8 * i))
			}
		}
	}
	return nil
}
