package tile

import "math"

// MMA is a matrix instruction of a warp since Turing: D = A*B + C with A of M
// rows and K columns, B of K rows and N columns.
//
// Fragments are laid out by bytes, alike for all types. With g = lane/4 and
// t = lane%4, register i of A holds the four bytes from k-byte 16*j+4*t on of
// row g+8*h, where M = 16 has h = i%2 and j = i/2, M = 8 has h = 0 and j = i;
// register i of B holds the bytes from k-byte 16*i+4*t on of column g.
// Accumulators 2*i and 2*i+1 of a lane are columns 2*t and 2*t+1 of row g+8*i,
// fp16 ones two to a register. This is what the PTX ISA documents for
// mma.m16n8k{4,8,16,32,64,256} and m8n8k{4,16,32,128} in row.col layout.
type MMA struct {
	Name       string // as in machine code, e.g. HMMA.1688.F32
	Type, Acc  string // of the elements and of the accumulators
	M, N, K    int
	Sparse     bool // two of four of A's elements along k are zeros that are left out (2:4)
	Cycles     int  // that it holds the sub-core's unit
	Latency    int  // issue to the accumulators readable by any other instruction
	Accumulate int  // issue to issue of an MMA that adds to the same accumulators
}

// bitsOf is the size of an element as it lies in registers.
var bitsOf = map[string]int{"fp64": 64, "fp32": 32, "int32": 32, "tf32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "int4": 4, "int1": 1}

// RegsA, RegsB and RegsC are the registers per lane of the fragments.
func (m *MMA) RegsA() int {
	if m.Sparse {
		return m.M * m.KBytes() / 256
	}
	return m.M * m.KBytes() / 128
}
func (m *MMA) RegsB() int { return m.N * m.KBytes() / 128 }
func (m *MMA) RegsC() int { return m.M * m.N * bitsOf[m.Acc] / 1024 }

// KBytes is the extent of K in bytes.
func (m *MMA) KBytes() int { return m.K * bitsOf[m.Type] / 8 }

// FMAs is the multiply-adds of one instruction, those of zeros that are left out
// among them.
func (m *MMA) FMAs() int { return m.M * m.N * m.K }

// Multiplies is the multiply-adds that are done.
func (m *MMA) Multiplies() int {
	if m.Sparse {
		return m.FMAs() / 2
	}
	return m.FMAs()
}

// Exec executes the instruction on a warp: c becomes a*b + c. Sums are kept
// exactly as far as float64 does and rounded once to the accumulator's type.
func (m *MMA) Exec(a, b *[32][16]uint32, c *[32][8]uint32) {
	if m.Type == "fp64" {
		m.double(a, b, c)
		return
	}
	m.product(m.factorA(a, m.K), b, c)
}

// factorA gives the values of A, of k a row, row by row.
func (m *MMA) factorA(a *[32][16]uint32, k int) []float64 {
	bits := bitsOf[m.Type]
	out := make([]float64, m.M*k)
	for lane := range 32 {
		g, t := lane/4, lane%4
		for i := range m.RegsA() {
			row, j := g, i
			if m.M == 16 {
				row, j = g+8*(i%2), i/2
			}
			for e := range 32 / bits {
				out[row*k+(16*j+4*t)*8/bits+e] = Value(m.Type, a[lane][i]>>(e*bits))
			}
		}
	}
	return out
}

// product adds am times B to c.
func (m *MMA) product(am []float64, b *[32][16]uint32, c *[32][8]uint32) {
	bits := bitsOf[m.Type]
	per := 32 / bits
	bm := make([]float64, m.K*m.N)
	for lane := range 32 {
		g, t := lane/4, lane%4
		for i := range m.RegsB() {
			for e := range per {
				bm[g*m.K+(16*i+4*t)*8/bits+e] = Value(m.Type, b[lane][i]>>(e*bits))
			}
		}
	}
	for lane := range 32 {
		for i := range 2 * m.M / 8 {
			row, col := lane/4+8*(i/2), lane%4*2+i%2
			var sum float64
			for k := range m.K {
				sum += am[row*m.K+k] * bm[col*m.K+k]
			}
			switch m.Acc {
			case "fp16":
				r, shift := &c[lane][i/2], i%2*16
				v := HalfBits(sum + float64(HalfValue(uint16(*r>>shift))))
				*r = *r&^(0xffff<<shift) | uint32(v)<<shift
			case "int32":
				c[lane][i] += uint32(int32(sum))
			default:
				c[lane][i] = math.Float32bits(float32(sum + float64(math.Float32frombits(c[lane][i]))))
			}
		}
	}
}

// double is Exec of fp64.
func (m *MMA) double(a, b *[32][16]uint32, c *[32][8]uint32) {
	at := func(r []uint32) float64 { return math.Float64frombits(uint64(r[0]) | uint64(r[1])<<32) }
	for lane := range 32 {
		for i := range m.RegsC() / 2 {
			row, col := lane/4+8*(i/2), lane%4*2+i%2
			sum := at(c[lane][2*i:])
			for k := range m.K {
				ai := k / 4
				if m.M == 16 {
					ai = 2*ai + row/8
				}
				sum = math.FMA(at(a[row%8*4+k%4][2*ai:]), at(b[col*4+k%4][2*(k/4):]), sum)
			}
			v := math.Float64bits(sum)
			c[lane][2*i], c[lane][2*i+1] = uint32(v), uint32(v>>32)
		}
	}
}
