package cpu

import (
	"fmt"
	"math"
	"testing"
)

// simCache is a set-associative, write-back, write-allocate LRU cache: the
// second fidelity that the closed-form traffic model must agree with.
type simCache struct {
	sets, ways   int
	tags         []int64 // most recent first within a set; -1 empty
	dirty        []bool
	fills, backs int
	next         *simCache
}

func newSimCache(bytes, ways int, next *simCache) *simCache {
	c := &simCache{sets: bytes / 64 / ways, ways: ways, next: next}
	c.tags = make([]int64, c.sets*ways)
	c.dirty = make([]bool, c.sets*ways)
	for i := range c.tags {
		c.tags[i] = -1
	}
	return c
}

func (c *simCache) touch(line int64, write bool) {
	if c == nil {
		return
	}
	base := int(line%int64(c.sets)) * c.ways
	t, d := c.tags[base:base+c.ways], c.dirty[base:base+c.ways]
	at := -1
	for i := range t {
		if t[i] == line {
			at = i
			break
		}
	}
	isDirty := write
	if at < 0 {
		c.fills++
		c.next.touch(line, false)
		at = c.ways - 1
		if t[at] >= 0 && d[at] {
			c.backs++
			c.next.touch(t[at], true)
		}
	} else {
		isDirty = isDirty || d[at]
	}
	copy(t[1:at+1], t[:at])
	copy(d[1:at+1], d[:at])
	t[0], d[0] = line, isDirty
}

// walker executes the loop nest of a nest with whole block sizes, address by
// address.
type walker struct {
	s                      nest
	p, q, c, pb, qb        int64 // base addresses
	l1                     *simCache
	m, n, k                int
	mc, nc, kc, mr, nr, el int
}

func newWalker(s nest, l1 *simCache) *walker {
	w := &walker{s: s, l1: l1, m: int(s.m), n: int(s.n), k: int(s.k), mc: int(s.mc), nc: int(s.nc), kc: int(s.kc),
		mr: int(s.mr), nr: int(s.nr), el: int(s.elem)}
	size := func(ld, other float64) int64 { return (int64(ld*other*s.elem)/4096 + 1) * 4096 }
	ld := func(kContig bool, l, own float64) int64 {
		if kContig {
			return size(l, own)
		}
		return size(l, s.k)
	}
	w.p = 1 << 20
	w.q = w.p + ld(s.pK, s.ldP, s.m)
	w.c = w.q + ld(s.qK, s.ldQ, s.n)
	w.pb = w.c + size(s.ldC, max(s.m, s.n))
	w.qb = w.pb + size(s.mc, s.kc)
	return w
}

func (w *walker) at(addr int64, write bool) { w.l1.touch(addr/64, write) }

func (w *walker) source(base int64, kContig bool, ld float64, own, k int) int64 {
	if kContig {
		return base + (int64(own)*int64(ld)+int64(k))*int64(w.el)
	}
	return base + (int64(k)*int64(ld)+int64(own))*int64(w.el)
}

func (w *walker) run() {
	for jc := 0; jc < w.n; jc += w.nc {
		for pc := 0; pc < w.k; pc += w.kc {
			if w.s.qPack {
				w.pack(w.q, w.qb, w.s.qK, w.s.ldQ, jc, w.nc, w.nr, pc)
			}
			for ic := 0; ic < w.m; ic += w.mc {
				if w.s.pPack {
					w.pack(w.p, w.pb, w.s.pK, w.s.ldP, ic, w.mc, w.mr, pc)
				}
				for jr := 0; jr < w.nc; jr += w.nr {
					for ir := 0; ir < w.mc; ir += w.mr {
						w.micro(jc, pc, ic, jr, ir)
					}
				}
			}
		}
	}
}

func (w *walker) pack(src, dst int64, kContig bool, ld float64, from, extent, tile, pc int) {
	for r := 0; r < extent; r += tile {
		for k := 0; k < w.kc; k++ {
			for i := 0; i < tile; i++ {
				w.at(w.source(src, kContig, ld, from+r+i, pc+k), false)
				w.at(dst+int64(r*w.kc+k*tile+i)*int64(w.el), true)
			}
		}
	}
}

func (w *walker) micro(jc, pc, ic, jr, ir int) {
	for k := 0; k < w.kc; k++ {
		for i := 0; i < w.mr; i++ {
			if w.s.pPack {
				w.at(w.pb+int64(ir*w.kc+k*w.mr+i)*int64(w.el), false)
			} else {
				w.at(w.source(w.p, w.s.pK, w.s.ldP, ic+ir+i, pc+k), false)
			}
		}
		for j := 0; j < w.nr; j++ {
			if w.s.qPack {
				w.at(w.qb+int64(jr*w.kc+k*w.nr+j)*int64(w.el), false)
			} else {
				w.at(w.source(w.q, w.s.qK, w.s.ldQ, jc+jr+j, pc+k), false)
			}
		}
	}
	for j := 0; j < w.nr; j++ {
		for i := 0; i < w.mr; i++ {
			row, col := ic+ir+i, jc+jr+j
			if !w.s.cRow {
				row, col = col, row
			}
			w.at(w.c+(int64(col)*int64(w.s.ldC)+int64(row))*int64(w.el), true)
		}
	}
}

// The closed form and the cache simulator count the same traffic, in the
// steady state and per level, for packed, unpacked and transposed operands. The
// sizes keep clear of working sets within 15 % of a capacity, where the closed
// form steps and a set-associative cache slides.
func TestTrafficAgreesWithCacheSimulator(t *testing.T) {
	type level struct{ bytes, ways int }
	for _, tc := range []struct {
		name         string
		m, n, k      int
		mc, nc, kc   int
		pPack, qPack bool
		pK, qK       bool
		levels       []level
		tolerance    float64
	}{
		{"packed", 96, 96, 96, 32, 48, 32, true, true, false, true, []level{{4096, 8}, {16384, 8}, {65536, 16}}, 0.15},
		{"packed, transposed", 96, 96, 96, 32, 48, 32, true, true, true, false, []level{{4096, 8}, {16384, 8}, {65536, 16}}, 0.15},
		{"P packed only", 96, 96, 96, 32, 48, 32, true, false, false, true, []level{{4096, 8}, {16384, 8}, {65536, 16}}, 0.15},
		{"unpacked", 80, 96, 80, 16, 96, 80, false, false, false, true, []level{{16384, 8}, {32768, 8}}, 0.15},
		{"everything fits the last level", 64, 48, 64, 32, 48, 32, true, true, false, true, []level{{4096, 8}, {16384, 8}, {131072, 16}}, 0.15},
		{"matrix times vector", 512, 1, 256, 512, 1, 64, false, false, false, true, []level{{4096, 8}, {65536, 16}}, 0.15},
		{"long k", 32, 24, 1024, 32, 24, 64, true, true, false, true, []level{{4096, 8}, {32768, 8}}, 0.15},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nr := min(6, tc.n)
			s := nest{m: float64(tc.m), n: float64(tc.n), k: float64(tc.k), mc: float64(tc.mc), nc: float64(tc.nc), kc: float64(tc.kc),
				mr: 16, nr: float64(nr), elem: 4, line: 64, pPack: tc.pPack, qPack: tc.qPack, pK: tc.pK, qK: tc.qK, cRow: true,
				ldP: float64(tc.m), ldQ: float64(tc.n), ldC: float64(tc.m), qShare: 1}
			if tc.pK {
				s.ldP = s.k
			}
			if tc.qK {
				s.ldQ = s.k
			}
			for r := range s.share {
				s.share[r] = 1
			}
			var caches []*simCache
			var below *simCache
			for i := len(tc.levels) - 1; i >= 0; i-- {
				below = newSimCache(tc.levels[i].bytes, tc.levels[i].ways, below)
				caches = append([]*simCache{below}, caches...)
			}
			w := newWalker(s, caches[0])
			w.run()
			for _, c := range caches {
				c.fills, c.backs = 0, 0
			}
			w.run() // the second call is the steady state
			for i, c := range caches {
				x := s
				x.sets = float64(c.sets)
				capacity := float64(tc.levels[i].bytes) / 64
				got := x.misses(capacity, 1, true)
				closed, simulated := got.packFill+got.kernelFill, float64(c.fills)
				t.Logf("L%d fills: closed form %.0f, simulated %d; write-backs %.0f, %d", i+1, closed, c.fills, got.packBack+got.kernelBack, c.backs)
				touched := s.all(-1)
				if d := math.Abs(closed - simulated); d > tc.tolerance*simulated+0.03*touched {
					t.Errorf("L%d fills: closed form %.0f, simulated %.0f", i+1, closed, simulated)
				}
				back, simBack := got.packBack+got.kernelBack, float64(c.backs)
				if d := math.Abs(back - simBack); d > 0.12*(simulated+simBack) {
					t.Errorf("L%d write-backs: closed form %.0f, simulated %.0f", i+1, back, simBack)
				}
			}
		})
	}
}

// Columns a power of two apart share few sets: the block does not stay in the
// cache although it is smaller, in both fidelities.
func TestPowerOfTwoPitchConflicts(t *testing.T) {
	fills := map[int][2]float64{}
	for _, ld := range []int{1024, 1040} {
		s := nest{m: 64, n: 48, k: 64, mc: 64, nc: 48, kc: 64, mr: 16, nr: 6, elem: 4, line: 64,
			qPack: true, qK: true, cRow: true, ldP: float64(ld), ldQ: 64, ldC: 64, qShare: 1, sets: 64}
		for r := range s.share {
			s.share[r] = 1
		}
		c := newSimCache(64*64*8, 8, nil)
		w := newWalker(s, c)
		w.run()
		c.fills = 0
		w.run()
		got := s.misses(512, 1, true)
		t.Logf("pitch %d: closed form %.0f, simulated %d", ld, got.packFill+got.kernelFill, c.fills)
		fills[ld] = [2]float64{got.packFill + got.kernelFill, float64(c.fills)}
	}
	for i, name := range []string{"closed form", "simulated"} {
		if !(fills[1024][i] > 2*fills[1040][i]) {
			t.Errorf("%s: %.0f fills at a pitch of 4 KiB, %.0f beside it: no conflict seen", name, fills[1024][i], fills[1040][i])
		}
	}
}

func ExampleBaselineType() {
	t, _ := BaselineType("fp16")
	fmt.Println(t)
	// Output: fp32
}
