package microbench

import (
	"gpusim/configs"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// kernel describes a probe: a loop that all warps of all CTAs run.
type kernel struct {
	warps, ctas, trips int
	first              int     // CTAs whose origins lie before the first one's
	region             []int64 // bytes of each tensor; tensor i begins at i+1 TiB
	elem               int     // bytes of a tensor's element
	span               int     // elements between the CTAs' origins
	wrap               int     // CTAs after which origins begin again; 0: never
	accesses           []tile.Access
	shared             int
	mmas               []tile.MMA
	groups             []tile.GroupMMA
	consts             int         // constants
	cluster            int         // CTAs of a cluster; 0: none
	end                []tile.Inst // of each iteration, behind body
	body               []tile.Inst
}

// build turns the description into a kernel for a machine.
func (s kernel) build(g *configs.GPU) (*tile.Kernel, error) {
	k := &tile.Kernel{
		Name: "probe", Grid: [3]int{max(1, s.ctas), 1, 1}, Threads: 32 * s.warps, Regs: 32, Shared: s.shared,
		Splits: 1, Role: make([]uint8, s.warps), Accesses: append([]tile.Access(nil), s.accesses...), DType: "fp32",
		MMAs: s.mmas, GroupMMAs: s.groups, Consts: make([]uint32, s.consts), Cluster: s.cluster,
	}
	for i, bytes := range s.region {
		rows := int(bytes) / s.elem
		k.Tensors = append(k.Tensors, tile.Tensor{
			Name: "region", Base: uint64(i+1) << 40, Elem: s.elem, Rows: rows, Cols: 1, RowStride: 1, ColStride: int64(rows), Bytes: bytes, Output: i > 0,
		})
	}
	k.Place = func(i int, c *tile.CTA) {
		*c = tile.CTA{Index: i, Splits: 1, Tile: int32(i), Trips: int32(s.trips)}
		if s.cluster > 1 {
			c.Rank = int32(i % s.cluster)
		}
		if s.wrap > 0 {
			i %= s.wrap
		}
		i += s.first
		c.Origin[tile.VarM] = int32(i * s.span)
		c.Limit[tile.VarM] = 1<<31 - 1
	}
	loop := append(append(append([]tile.Inst(nil), s.body...), s.end...), bare(tile.OpBRA))
	for i := range loop {
		for _, r := range []uint8{loop[i].Dst, loop[i].SrcA, loop[i].SrcB, loop[i].SrcC} {
			if r != tile.RZ {
				k.Regs = max(k.Regs, int(r)+8)
			}
		}
	}
	for _, m := range s.mmas { // whose operands may be wider
		k.Regs = max(k.Regs, 4*m.RegsC()+m.RegsA()+m.RegsB())
	}
	for _, m := range s.groups {
		k.Regs = max(k.Regs, m.Registers()+8)
	}
	k.Programs = []*tile.Program{{Segments: []tile.Segment{{Code: loop, Loop: true}, {Code: []tile.Inst{bare(tile.OpEXIT)}}}}}
	return k, tile.Finish(k, library.Latencies(g))
}

func op(o tile.Op, dst, a, b, c int) tile.Inst {
	return tile.Inst{Op: o, Dst: uint8(dst), SrcA: uint8(a), SrcB: uint8(b), SrcC: uint8(c)}
}

func bare(o tile.Op) tile.Inst { return op(o, tile.RZ, tile.RZ, tile.RZ, tile.RZ) }

// memop is a load into, or a store from, a register.
func memop(o tile.Op, reg, access int) tile.Inst {
	in := bare(o)
	if o == tile.OpLDG || o == tile.OpLDS {
		in.Dst = uint8(reg)
	} else {
		in.SrcA = uint8(reg)
	}
	in.Access = int16(access)
	return in
}

func repeat(n int, in ...tile.Inst) (out []tile.Inst) {
	for range n {
		out = append(out, in...)
	}
	return out
}

// stream is an access of so many bytes a lane: thread t of a CTA touches
// element first+t*stride, and step elements further on with each iteration.
func stream(threads, tensor, bytes, first, stride, step int) tile.Access {
	a := tile.Access{Space: tile.Global, Bytes: bytes, Tensor: tensor, RowVar: tile.VarM, RowStep: int32(step), Row: make([]int32, threads), Col: make([]int32, threads)}
	for t := range a.Row {
		a.Row[t] = int32(first + t*stride)
	}
	return a
}

// bank is an access to shared memory: lane l of each warp touches the word
// l*stride.
func bank(threads, bytes, stride int) tile.Access {
	a := tile.Access{Space: tile.Shared, Bytes: bytes, Addr: make([]int32, threads)}
	for t := range a.Addr {
		a.Addr[t] = int32(t % 32 * stride * 4)
	}
	return a
}
