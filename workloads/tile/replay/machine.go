// Package replay executes tile programs instruction by instruction on real
// numbers, so that tests can compare what a generated kernel computes with a
// plain reference.
package replay

import (
	"fmt"
	"math"

	"gpusim/workloads/tile"
)

// Machine executes kernels instruction by instruction on real numbers, the
// warps of a CTA in turn from barrier to barrier.
type Machine struct {
	Base   uint64           // address of the first byte of Mem
	Mem    []byte           // device memory
	Stored map[string]int64 // bytes written per tensor
	sems   map[int32]int32
	copies map[int][][]func() // of each warp: groups of copies under way, the open one last
}

// New has memory for some tensors, of all of a call's kernels.
func New(ts []tile.Tensor) *Machine {
	m := &Machine{Base: math.MaxUint64, sems: map[int32]int32{}, Stored: map[string]int64{}}
	end := uint64(0)
	for i := range ts {
		m.Base = min(m.Base, ts[i].Base)
		end = max(end, ts[i].Base+uint64(ts[i].Bytes))
	}
	m.Mem = make([]byte, end-m.Base)
	return m
}

// Bytes is a tensor's memory.
func (m *Machine) Bytes(t *tile.Tensor) []byte { return m.Mem[t.Base-m.Base:][:t.Bytes] }

// Step is an instruction of a warp's way through its program.
type Step struct {
	Inst *tile.Inst
	Iter int32 // main-loop iteration
	Seq  int32 // of all iterations of a persistent warp
	More bool  // another main-loop iteration follows
}

// flatten unrolls the program of a CTA with the given trips.
func flatten(p *tile.Program, trips int32) []Step {
	var out []Step
	for _, s := range p.Segments {
		n := int32(1)
		if s.Loop {
			n = trips
		}
		for it := range n {
			for i := range s.Code {
				out = append(out, Step{Inst: &s.Code[i], Iter: it, Seq: it, More: s.Loop && it+1 < n})
			}
		}
	}
	return out
}

// Run executes a kernel, one CTA after another.
func (m *Machine) Run(k *tile.Kernel) error {
	for c := range k.CTAs() {
		var cta tile.CTA
		k.Place(c, &cta)
		if err := m.runCTA(k, &cta); err != nil {
			return fmt.Errorf("%s: CTA %d: %w", k.Name, c, err)
		}
	}
	return nil
}

func (m *Machine) runCTA(k *tile.Kernel, cta *tile.CTA) error {
	shared := make([]byte, k.Shared)
	for i := range shared {
		shared[i] = 0xff // NaN: a read of what nobody wrote shows up in the result
	}
	warps := make([]*[32][256]uint32, k.Warps())
	m.copies = map[int][][]func(){}
	progs := make([][]Step, k.Warps())
	pos := make([]int, k.Warps())
	for w := range warps {
		warps[w] = new([32][256]uint32)
		for l := range 32 {
			for r := range 255 {
				warps[w][l][r] = 0x7fc07e00 // NaN in either type
			}
		}
		progs[w] = flatten(k.Programs[k.Role[w]], cta.Trips)
	}
	for done := 0; done < len(warps); {
		done = 0
		for w := range warps {
			for pos[w] < len(progs[w]) {
				s := progs[w][pos[w]]
				pos[w]++
				if err := m.Exec(k, cta, w, s, warps[w], shared); err != nil {
					return fmt.Errorf("warp %d at %d: %w", w, pos[w]-1, err)
				}
				if s.Inst.Op == tile.OpBAR {
					break
				}
			}
			if pos[w] == len(progs[w]) {
				done++
			}
		}
	}
	return nil
}

// Active says whether a guard holds.
func Active(g tile.Guard, s Step, cta *tile.CTA) bool {
	switch g {
	case tile.GuardMore:
		return s.More
	case tile.GuardFirst:
		return cta.Split == 0
	case tile.GuardNotFirst:
		return cta.Split != 0
	case tile.GuardLast:
		return cta.Split == cta.Splits-1
	case tile.GuardNotLast:
		return cta.Split != cta.Splits-1
	case tile.GuardAgain:
		return s.Iter > 0
	}
	return true
}

func f32(v uint32) float32  { return math.Float32frombits(v) }
func bits(v float32) uint32 { return math.Float32bits(v) }

// Exec executes an instruction of warp w of a CTA.
func (m *Machine) Exec(k *tile.Kernel, cta *tile.CTA, w int, s Step, regs *[32][256]uint32, shared []byte) error {
	in := s.Inst
	if !Active(in.Guard, s, cta) {
		return nil
	}
	scalar := func(lane int) float32 {
		switch in.Imm {
		case tile.ImmAlpha:
			return float32(k.Alpha)
		case tile.ImmBeta:
			return float32(k.Beta)
		case tile.ImmOne:
			return 1
		}
		return f32(regs[lane][in.SrcB])
	}
	switch in.Op {
	case tile.OpSHFL:
		var from [32]uint32
		for l := range 32 {
			from[l] = regs[l][in.SrcA]
		}
		for l := range 32 {
			regs[l][in.Dst] = from[l^int(in.Imm)]
		}
	case tile.OpHMMA:
		var a, b [32][2]uint32
		var c [32][8]uint32
		n := 8
		if in.Steps == 2 {
			n = 4
		}
		for l := range 32 {
			copy(a[l][:], regs[l][in.SrcA:])
			copy(b[l][:], regs[l][in.SrcB:])
			copy(c[l][:n], regs[l][in.SrcC:])
		}
		tile.HMMA884(in.Imm, in.Steps, &a, &b, &c)
		for l := range 32 {
			copy(regs[l][int(in.Dst):int(in.Dst)+n], c[l][:n])
		}
	case tile.OpMMA:
		var a, b [32][16]uint32
		var c [32][8]uint32
		mma := &k.MMAs[in.Access]
		n := mma.RegsC()
		for l := range 32 {
			copy(a[l][:mma.RegsA()], regs[l][in.SrcA:])
			copy(b[l][:mma.RegsB()], regs[l][in.SrcB:])
			copy(c[l][:n], regs[l][in.SrcC:])
		}
		if mma.Sparse {
			var e [32]uint32
			for l := range 32 {
				e[l] = regs[l][in.Mod]
			}
			mma.ExecSparse(&a, &b, &e, int(in.Imm), &c)
		} else {
			mma.Exec(&a, &b, &c)
		}
		for l := range 32 {
			copy(regs[l][int(in.Dst):int(in.Dst)+n], c[l][:n])
		}
	case tile.OpLDSM:
		return matrices(k, w, s, regs, shared)
	case tile.OpLDC:
		for l := range 32 {
			regs[l][in.Dst] = k.Consts[in.Imm-tile.ImmConst]
		}
	case tile.OpLDGSTS:
		return m.copy(k, cta, w, s, shared)
	case tile.OpCOMMIT:
		m.copies[w] = append(m.copies[w], nil)
	case tile.OpDEPBAR: // data arrive as late as they may
		groups := m.copies[w]
		done := max(0, len(groups)-1-int(in.Imm))
		for _, g := range groups[:done] {
			for _, arrive := range g {
				arrive()
			}
		}
		m.copies[w] = groups[done:]
	case tile.OpWAITSEM:
		if m.sems[cta.Tile] != cta.Split {
			return fmt.Errorf("semaphore of tile %d is %d, not %d", cta.Tile, m.sems[cta.Tile], cta.Split)
		}
	case tile.OpSIGSEM:
		if w == 0 {
			m.sems[cta.Tile]++
		}
	case tile.OpLDG, tile.OpSTG, tile.OpLDS, tile.OpSTS, tile.OpRED:
		return m.memory(k, cta, w, s, regs, shared)
	case tile.OpDFMA, tile.OpDADD, tile.OpDMUL:
		mul, given := map[uint8]float64{tile.ImmAlpha: k.Alpha, tile.ImmBeta: k.Beta, tile.ImmOne: 1}[in.Imm]
		for l := range 32 {
			double(&regs[l], in, mul, given)
		}
	case tile.OpS2R:
		for l := range 32 {
			switch in.Imm {
			case tile.S2RThread:
				regs[l][in.Dst] = uint32(32*w + l)
			case tile.S2RCTA:
				regs[l][in.Dst] = uint32(cta.Index)
			}
		}
	case tile.OpISETP, tile.OpBAR, tile.OpMEMBAR, tile.OpBRA, tile.OpEXIT, tile.OpNOP:
	default:
		for l := range 32 {
			r := &regs[l]
			var v uint32
			b, c := r[in.SrcB], r[in.SrcC]
			if in.Imm >= tile.ImmConst && tile.TakesConst(in.Op) {
				b = k.Consts[in.Imm-tile.ImmConst]
				if in.Op == tile.OpFFMA && in.Steps == 1 {
					b, c = r[in.SrcB], b
				}
			} else if in.Op == tile.OpFFMA || in.Op == tile.OpFMUL {
				b = bits(scalar(l))
			}
			a := r[in.SrcA]
			if in.Mod != 0 {
				a, b, c = modified(in.Mod, a, b, c)
			}
			switch in.Op {
			case tile.OpMOV:
				v = r[in.SrcA]
				if in.Imm >= tile.ImmConst {
					v = b
				}
			case tile.OpFADD:
				v = bits(f32(a) + f32(b))
			case tile.OpFMUL:
				v = bits(f32(a) * f32(b))
			case tile.OpFFMA:
				v = bits(float32(float64(f32(a))*float64(f32(b)) + float64(f32(c))))
			case tile.OpFMNMX, tile.OpFSETP, tile.OpFSEL, tile.OpLOP, tile.OpSHF, tile.OpIMULH, tile.OpI2F, tile.OpF2I, tile.OpI2FP, tile.OpF2IP, tile.OpMUFU:
				if in.Op == tile.OpLOP && in.Steps == 0 {
					continue
				}
				var err error
				if v, err = layer(in, a, b, c); err != nil {
					return err
				}
			case tile.OpHFMA2:
				for h := 0; h < 32; h += 16 {
					mul := tile.HalfValue(uint16(r[in.SrcB] >> h))
					if in.Imm != tile.ImmReg {
						mul = tile.HalfValue(tile.HalfBits(float64(scalar(l))))
					}
					x := float64(tile.HalfValue(uint16(r[in.SrcA]>>h)))*float64(mul) + float64(tile.HalfValue(uint16(r[in.SrcC]>>h)))
					v |= uint32(tile.HalfBits(x)) << h
				}
			case tile.OpPACK:
				v = uint32(tile.HalfBits(float64(f32(r[in.SrcA])))) | uint32(tile.HalfBits(float64(f32(r[in.SrcB]))))<<16
				if in.Imm&tile.ImmBF16 != 0 {
					v = tile.BF16Bits(f32(r[in.SrcA])) | tile.BF16Bits(f32(r[in.SrcB]))<<16
				}
			case tile.OpUNPACK:
				v = r[in.SrcA] >> (16 * (in.Imm &^ tile.ImmBF16))
				if in.Imm&tile.ImmBF16 != 0 {
					v <<= 16
				} else {
					v = bits(tile.HalfValue(uint16(v)))
				}
			case tile.OpPRMT:
				v = permute(r[in.SrcA], r[in.SrcB], in.Imm)
			case tile.OpDP4A:
				v = r[in.SrcC]
				for b := 0; b < 32; b += 8 {
					v += uint32(int32(int8(r[in.SrcA]>>b)) * int32(int8(r[in.SrcB]>>b)))
				}
			case tile.OpIADD:
				v = r[in.SrcA] + b
			case tile.OpIMAD:
				if in.Imm != tile.ImmReg && in.Imm < tile.ImmConst {
					b = uint32(int32(scalar(l)))
				}
				v = r[in.SrcA]*b + c
			case tile.OpI2I:
				v = uint32(int8(min(127, max(-128, int32(r[in.SrcA])))))
			default:
				return fmt.Errorf("op %d is not modelled", in.Op)
			}
			if in.Dst != tile.RZ {
				r[in.Dst] = v
			}
		}
	}
	return nil
}

// permute is OpPRMT: a nibble of the selector for each byte of the result, 0
// to 3 from a, 4 to 7 from b; with 8 more, its highest bit eight times.
func permute(a, b uint32, imm uint8) (v uint32) {
	selector := [...]uint32{tile.PRMTLow: 0x5410, tile.PRMTHigh: 0x7632, tile.PRMTZipLow: 0x5140, tile.PRMTZipHigh: 0x7362, tile.PRMTSigns: 0xba98}[imm]
	both := uint64(b)<<32 | uint64(a)
	for i := range 4 {
		b := uint8(both >> (8 * (selector >> (4 * i) & 7)))
		if selector>>(4*i)&8 != 0 {
			b = uint8(int8(b) >> 7)
		}
		v |= uint32(b) << (8 * i)
	}
	return v
}

// double executes an fp64 instruction on one lane. mul replaces SrcB if given.
func double(r *[256]uint32, in *tile.Inst, mul float64, given bool) {
	at := func(reg uint8) float64 { return math.Float64frombits(uint64(r[reg]) | uint64(r[reg+1])<<32) }
	if !given {
		mul = at(in.SrcB)
	}
	var v float64
	switch in.Op {
	case tile.OpDFMA:
		v = math.FMA(at(in.SrcA), mul, at(in.SrcC))
	case tile.OpDADD:
		v = at(in.SrcA) + at(in.SrcB)
	case tile.OpDMUL:
		v = at(in.SrcA) * mul
	}
	r[in.Dst], r[in.Dst+1] = uint32(math.Float64bits(v)), uint32(math.Float64bits(v)>>32)
}
