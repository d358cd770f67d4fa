package tile

import (
	"math"
	"math/rand"
	"testing"
)

// TestHalf checks every binary16 value and the rounding between neighbours.
func TestHalf(t *testing.T) {
	for h := range 0x7c00 {
		v := float64(HalfValue(uint16(h)))
		if got := HalfBits(v); got != uint16(h) {
			t.Fatalf("HalfBits(%g) = %#x, want %#x", v, got, h)
		}
		if got := HalfBits(-v); got != uint16(h)|0x8000 {
			t.Fatalf("HalfBits(%g) = %#x, want %#x", -v, got, h|0x8000)
		}
		if h == 0x7bff {
			break
		}
		next := float64(HalfValue(uint16(h + 1)))
		mid := (v + next) / 2
		even := uint16(h + h&1)
		if got := HalfBits(mid); got != even {
			t.Fatalf("HalfBits(%g) = %#x, want the even %#x", mid, got, even)
		}
		if lo, hi := HalfBits(mid-(next-v)/8), HalfBits(mid+(next-v)/8); lo != uint16(h) || hi != uint16(h+1) {
			t.Fatalf("around %g: %#x, %#x", mid, lo, hi)
		}
	}
	for v, want := range map[float64]uint16{65504: 0x7bff, 65519: 0x7bff, 65520: 0x7c00, math.Inf(-1): 0xfc00, 1e30: 0x7c00, 0x1p-26: 0} {
		if got := HalfBits(v); got != want {
			t.Errorf("HalfBits(%g) = %#x, want %#x", v, got, want)
		}
	}
	if v := HalfValue(HalfBits(math.NaN())); v == v {
		t.Errorf("NaN became %g", v)
	}
	if v := HalfValue(0xfc00); !math.IsInf(float64(v), -1) {
		t.Errorf("-Inf became %g", v)
	}
}

// TestFragmentsCover: the lanes of a quad pair hold each element exactly once.
func TestFragmentsCover(t *testing.T) {
	for q := range 4 {
		for _, col := range []bool{false, true} {
			var a, b [8][4]int
			var c32, c16 [8][8]int
			for lane := range 32 {
				if QuadPair(lane) != q {
					continue
				}
				for i := range 4 {
					row, k := FragA(lane, i, col)
					a[row][k]++
					k, n := FragB(lane, i, col)
					b[n][k]++
				}
				for i := range 8 {
					r, n := FragC32(lane, i)
					c32[r][n]++
					r, n = FragC16(lane, i)
					c16[r][n]++
				}
			}
			for r := range 8 {
				for k := range 4 {
					if a[r][k] != 1 || b[r][k] != 1 {
						t.Errorf("quad pair %d, %v: A(%d,%d) held %d times, B(%d,%d) %d times", q, col, r, k, a[r][k], k, r, b[r][k])
					}
				}
				for n := range 8 {
					if c32[r][n] != 1 || c16[r][n] != 1 {
						t.Errorf("quad pair %d: C(%d,%d) held %d times in fp32, %d in fp16", q, r, n, c32[r][n], c16[r][n])
					}
				}
			}
		}
	}
}

// TestFragmentExamples pins single entries of the PTX ISA's figures.
func TestFragmentExamples(t *testing.T) {
	type at struct{ r, c int }
	for _, tc := range []struct {
		name string
		got  func() (int, int)
		want at
	}{
		{"A row, T2 a3", func() (int, int) { return FragA(2, 3, false) }, at{2, 3}},
		{"A row, T17 a0", func() (int, int) { return FragA(17, 0, false) }, at{5, 0}},
		{"A col, T3 a1", func() (int, int) { return FragA(3, 1, true) }, at{1, 3}},
		{"A col, T18 a1", func() (int, int) { return FragA(18, 1, true) }, at{5, 2}},
		{"B col, T1 b2", func() (int, int) { return FragB(1, 2, false) }, at{2, 1}},
		{"B row, T19 b2", func() (int, int) { return FragB(19, 2, true) }, at{3, 6}},
		{"C fp32, T0 c1", func() (int, int) { return FragC32(0, 1) }, at{0, 1}},
		{"C fp32, T0 c2", func() (int, int) { return FragC32(0, 2) }, at{2, 0}},
		{"C fp32, T2 c0", func() (int, int) { return FragC32(2, 0) }, at{0, 2}},
		{"C fp32, T17 c7", func() (int, int) { return FragC32(17, 7) }, at{7, 5}},
		{"C fp16, T17 c7", func() (int, int) { return FragC16(17, 7) }, at{5, 7}},
	} {
		if r, c := tc.got(); (at{r, c}) != tc.want {
			t.Errorf("%s: (%d, %d), want %v", tc.name, r, c, tc.want)
		}
	}
}

// TestHMMA884 compares the instruction with a plain product per quad pair.
func TestHMMA884(t *testing.T) {
	rnd := rand.New(rand.NewSource(2))
	for imm := range uint8(4) {
		for _, steps := range []uint8{4, 2} {
			var a, b [32][2]uint32
			var c [32][8]uint32
			var am, bm, cm [4][8][8]float64
			for lane := range 32 {
				q := QuadPair(lane)
				for i := range 4 {
					h := HalfBits(rnd.NormFloat64())
					row, k := FragA(lane, i, imm&HMMAACol != 0)
					am[q][row][k] = float64(HalfValue(h))
					a[lane][i/2] |= uint32(h) << (i % 2 * 16)
					h = HalfBits(rnd.NormFloat64())
					k, col := FragB(lane, i, imm&HMMABRow != 0)
					bm[q][k][col] = float64(HalfValue(h))
					b[lane][i/2] |= uint32(h) << (i % 2 * 16)
				}
				for i := range 8 {
					if steps == 2 {
						h := HalfBits(rnd.NormFloat64())
						row, col := FragC16(lane, i)
						cm[q][row][col] = float64(HalfValue(h))
						c[lane][i/2] |= uint32(h) << (i % 2 * 16)
					} else {
						v := float32(rnd.NormFloat64())
						row, col := FragC32(lane, i)
						cm[q][row][col] = float64(v)
						c[lane][i] = math.Float32bits(v)
					}
				}
			}
			HMMA884(imm, steps, &a, &b, &c)
			for lane := range 32 {
				q := QuadPair(lane)
				for i := range 8 {
					row, col := FragC32(lane, i)
					got := float64(math.Float32frombits(c[lane][i]))
					ulp := 0x1p-24
					if steps == 2 {
						row, col = FragC16(lane, i)
						got = float64(HalfValue(uint16(c[lane][i/2] >> (i % 2 * 16))))
						ulp = 0x1p-11
					}
					want := cm[q][row][col]
					for k := range 4 {
						want += am[q][row][k] * bm[q][k][col]
					}
					if math.Abs(got-want) > ulp*math.Abs(want)+1e-9 {
						t.Fatalf("layout %d, %d steps: quad pair %d C(%d,%d) = %g, want %g", imm, steps, q, row, col, got, want)
					}
				}
			}
		}
	}
}
