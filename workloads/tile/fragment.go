package tile

import "math"

// The Volta matrix instruction multiplies an 8x4 matrix A by a 4x8 matrix B
// in each of a warp's four quad pairs. Quad pair q is the lanes 4q..4q+3 (low
// quad) and 16+4q..16+4q+3 (high quad). The maps from lane and register to
// matrix element below are those the PTX ISA documents for mma.m8n8k4 with
// .f16 operands. A larger warp product (16x16x4) comes from the generator:
// quad pairs that share rows load the same A fragment, those that share
// columns the same B fragment.

// Layout bits of OpHMMA, in Inst.Imm. Zero is row.col: both operands hold
// four consecutive k per lane.
const (
	HMMAACol = 1 // A is column-major: a lane holds four rows of one k
	HMMABRow = 2 // B is row-major: a lane holds four columns of one k
)

// QuadPair is the quad pair that a lane belongs to, 0 to 3.
func QuadPair(lane int) int { return lane >> 2 & 3 }

// FragA gives the row (0..7) and k (0..3) of element i (0..3) of a lane's A
// fragment: element i is half i&1 of register i>>1.
func FragA(lane, i int, col bool) (row, k int) {
	if col {
		return i + lane>>4*4, lane & 3
	}
	return lane&3 + lane>>4*4, i
}

// FragB gives the k (0..3) and column (0..7) of element i (0..3) of a lane's
// B fragment, packed as in FragA.
func FragB(lane, i int, row bool) (k, col int) {
	if row {
		return lane & 3, i + lane>>4*4
	}
	return i, lane&3 + lane>>4*4
}

// FragC32 gives the row and column (0..7 each) of fp32 accumulator register i
// (0..7) of a lane.
func FragC32(lane, i int) (row, col int) {
	return lane&1 + i&2 + lane>>4*4, i&4 + lane&2 + i&1
}

// FragC16 gives the row and column of element i (0..7) of a lane's fp16
// accumulators: element i is half i&1 of register i>>1.
func FragC16(lane, i int) (row, col int) {
	return lane&3 + lane>>4*4, i
}

// HMMA884 executes one OpHMMA group on a warp: c becomes a*b + c in each quad
// pair. imm is the instruction's Imm; steps its Steps (4: fp32 accumulators in
// c[lane][0..7]; 2: fp16 accumulators, two per register, in c[lane][0..3]).
//
// Products are exact and the four of them and the accumulator are added
// without intermediate rounding, then rounded once to the accumulator's type.
// Silicon truncates the aligned addends instead; both lie within one unit of
// the last place of the largest addend.
func HMMA884(imm, steps uint8, a, b *[32][2]uint32, c *[32][8]uint32) {
	var am [4][8][4]float64
	var bm [4][4][8]float64
	for lane := range 32 {
		q := QuadPair(lane)
		for i := range 4 {
			row, k := FragA(lane, i, imm&HMMAACol != 0)
			am[q][row][k] = float64(HalfValue(uint16(a[lane][i>>1] >> (i & 1 * 16))))
			k, col := FragB(lane, i, imm&HMMABRow != 0)
			bm[q][k][col] = float64(HalfValue(uint16(b[lane][i>>1] >> (i & 1 * 16))))
		}
	}
	dot := func(q, row, col int, acc float64) float64 {
		for k := range 4 {
			acc += am[q][row][k] * bm[q][k][col]
		}
		return acc
	}
	for lane := range 32 {
		q := QuadPair(lane)
		for i := range 8 {
			if steps == 2 {
				row, col := FragC16(lane, i)
				shift := i & 1 * 16
				r := &c[lane][i>>1]
				v := HalfBits(dot(q, row, col, float64(HalfValue(uint16(*r>>shift)))))
				*r = *r&^(0xffff<<shift) | uint32(v)<<shift
				continue
			}
			row, col := FragC32(lane, i)
			r := &c[lane][i]
			*r = math.Float32bits(float32(dot(q, row, col, float64(math.Float32frombits(*r)))))
		}
	}
}
