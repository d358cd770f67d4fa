package pipe

// Fn is what an instruction computes on fp32 lanes.
type Fn uint8

// Functions. Dst is the result; a memory operand takes the place of the last source.
const (
	None      Fn = iota // nothing that is looked at
	Move                // memory or Src[0]
	Broadcast           // one element of memory in all lanes
	MulAdd              // Dst += Src[0] * (Src[1], or a broadcast element of memory)
	Zero                // 0
	Add                 // Src[0] + Src[1]
	Max                 // the larger one of Src[0] and Src[1]
)

// Exec runs a program on numbers: memory is fp32 elements by byte address / 4. It
// proves that the instructions whose time is simulated compute what they should.
func Exec(p *Program, memory []float32, lanes int) {
	regs := make([][]float32, 256)
	for i := range regs {
		regs[i] = make([]float32, lanes)
	}
	pos := make([]uint64, len(p.Streams))
	for i := range p.Streams {
		pos[i] = p.Streams[i].Base
	}
	for b := range p.Blocks {
		block := &p.Blocks[b]
		for range block.Trips {
			for i := range block.Body {
				u := &block.Body[i]
				if u.Fn == None {
					continue
				}
				var addr int
				if u.Mem > 0 {
					addr = int(int64(pos[u.Mem-1])+int64(u.Disp)) / 4
				}
				exec(u, regs, memory, addr, lanes)
			}
			for i, d := range block.Step {
				pos[i] += uint64(d)
			}
		}
		for i, d := range block.After {
			pos[i] += uint64(d)
		}
	}
}

func exec(u *Uop, regs [][]float32, memory []float32, addr, lanes int) {
	stride := int(u.Stride) / 4
	if stride == 0 {
		stride = 1
	}
	dst := regs[u.Dst]
	switch {
	case u.Op == Store:
		for l := range int(u.Lanes) {
			memory[addr+l*stride] = regs[u.Src[0]][l]
		}
	case u.Fn == Zero:
		clear(dst)
	case u.Fn == Broadcast:
		for l := range lanes {
			dst[l] = memory[addr]
		}
	case u.Fn == Move && u.Mem > 0:
		clear(dst)
		for l := range int(u.Lanes) {
			dst[l] = memory[addr+l*stride]
		}
	case u.Fn == Move:
		copy(dst, regs[u.Src[0]])
	case u.Fn == MulAdd && u.Mem > 0:
		for l := range lanes {
			dst[l] += regs[u.Src[0]][l] * memory[addr]
		}
	case u.Fn == MulAdd:
		for l := range lanes {
			dst[l] += regs[u.Src[0]][l] * regs[u.Src[1]][l]
		}
	case u.Fn == Add:
		for l := range lanes {
			dst[l] = regs[u.Src[0]][l] + regs[u.Src[1]][l]
		}
	case u.Fn == Max:
		for l := range lanes {
			dst[l] = max(regs[u.Src[0]][l], regs[u.Src[1]][l])
		}
	}
}
