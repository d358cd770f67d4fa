package memory

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestSlicesShareStrides: lines a power of two apart, from 128 B to 1 MiB,
// spread evenly over the slices, and over channels and banks well enough.
func TestSlicesShareStrides(t *testing.T) {
	for _, name := range []string{"region", "xor"} {
		g, _ := machine(t, "volta")
		g.L2.Hash = name
		h, err := newHash(g)
		if err != nil {
			t.Fatal(err)
		}
		p := newPlacement(&g.DRAM, g.L2.Slices)
		banks := g.DRAM.Ranks * g.DRAM.BankGroups * g.DRAM.BanksPerGroup
		for shift := 7; shift <= 20; shift++ {
			for _, n := range []int{1024, 4096, 16384} {
				slices := make([]int, g.L2.Slices)
				channels := make([]int, g.DRAM.Channels)
				bank := make([]int, g.DRAM.Channels*banks)
				for i := range n {
					s, local := h.Map(uint64(i) << shift >> 7)
					slices[s]++
					c, b, _, _ := p.locate(s, local)
					channels[c]++
					bank[c*banks+int(b)]++
				}
				what := fmt.Sprintf("%s, %d lines, %d B apart", name, n, 1<<shift)
				// Each of so many degrees of freedom has a mean of one if lines fall at random.
				even(t, what+", slices", slices, 0.5)
				even(t, what+", channels", channels, 0.5)
				if n >= 4096 && shift >= 14 { // beyond a region: a row's own lines are in one bank
					even(t, what+", banks", bank, 4)
				}
			}
		}
	}
}

// even bounds chi squared per degree of freedom.
func even(t *testing.T, what string, count []int, most float64) {
	t.Helper()
	n := 0
	for _, c := range count {
		n += c
	}
	mean := float64(n) / float64(len(count))
	chi := 0.0
	for _, c := range count {
		chi += (float64(c) - mean) * (float64(c) - mean) / mean
	}
	if chi /= float64(len(count) - 1); chi > most {
		t.Errorf("%s: chi squared %.2f per degree of freedom, at most %.2f: %v", what, chi, most, count)
	}
}

// TestAddressesAreUnique: no two lines share a place, neither in a slice nor
// in DRAM, on any machine; and places are in range.
func TestAddressesAreUnique(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, _ := anyGPU(t)
		if rapid.Bool().Draw(t, "volta-like") {
			g.L2.Slices, g.DRAM.Channels, g.DRAM.SpreadChannels, g.DRAM.RowBytes, g.DRAM.Interleave = 64, 32, 8, 2048, 512
		} else if rapid.Bool().Draw(t, "five stacks") && g.L2.Hash != "modulo" {
			g.L2.Slices, g.DRAM.Channels, g.DRAM.SpreadChannels, g.DRAM.RowBytes, g.DRAM.Interleave = 80, 40, 8, 1024, 256
		}
		h, err := newHash(g)
		if err != nil {
			t.Fatal(err)
		}
		p := newPlacement(&g.DRAM, g.L2.Slices)
		type inSlice struct {
			slice int
			local uint64
		}
		type inDRAM struct {
			channel int
			bank    uint8
			row     uint32
			column  uint16
		}
		a, b := map[inSlice]uint64{}, map[inDRAM]uint64{}
		start := rapid.Uint64Range(0, 1<<26).Draw(t, "start")
		stride := uint64(1) << rapid.IntRange(0, 14).Draw(t, "stride")
		for i := range uint64(1500) {
			line := start + i%50 + i/50*stride*64
			s, local := h.Map(line)
			ch, bank, row, col := p.locate(s, local)
			if s < 0 || s >= g.L2.Slices || ch < 0 || ch >= g.DRAM.Channels || int(bank) >= g.DRAM.Ranks*g.DRAM.BankGroups*g.DRAM.BanksPerGroup ||
				int(col) >= int(g.DRAM.RowBytes)>>lineShift {
				t.Fatalf("line %d: slice %d, channel %d, bank %d, column %d", line, s, ch, bank, col)
			}
			if per := g.L2.Slices / g.DRAM.Channels; per > 0 && s/per != ch {
				t.Fatalf("line %d: slice %d with a line of channel %d", line, s, ch)
			}
			if o, taken := a[inSlice{s, local}]; taken && o != line {
				t.Fatalf("lines %d and %d are both line %d of slice %d", o, line, local, s)
			}
			if o, taken := b[inDRAM{ch, bank, row, col}]; taken && o != line {
				t.Fatalf("lines %d and %d share a place in DRAM", o, line)
			}
			a[inSlice{s, local}], b[inDRAM{ch, bank, row, col}] = line, line
		}
	})
}

// TestSetsAreShared: strided lines do not crowd into few sets of a slice. Half
// of a cache of 24 ways spread at random leaves one line in a thousand in a set
// that is full.
func TestSetsAreShared(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	sets := int(s.cache.sets.n) * g.L2.Slices
	for shift := 7; shift <= 20; shift++ {
		n := sets * g.L2.Ways / 2 // half of the cache
		count := map[int]int{}
		crowded := 0
		for i := range n {
			slice, local := s.hash.Map(uint64(i) << shift >> 7)
			k := s.cache.set(slice, local)
			count[k]++
			if count[k] > g.L2.Ways {
				crowded++
			}
		}
		if 500*crowded > n { // twice that
			t.Errorf("%d B apart: half of the cache's lines, but %d of %d find their set of %d ways full", 1<<shift, crowded, n, g.L2.Ways)
		}
	}
}

// TestScatteredEviction: a loop over a quarter more than the cache holds hits
// about what random replacement predicts, where LRU hits nothing. With
// miss rate m a line survives a round with exp(-1.25 m), so m = 0.37.
func TestScatteredEviction(t *testing.T) {
	const ways, lines, rounds = 16, 20, 4000
	for name, want := range map[string]float64{"lru": 1, "random": 0.37} {
		c := newCache(1, 1, ways, victims[name])
		missed := 0
		for i := range lines * rounds {
			at, found := c.touch(0, uint64(i%lines))
			if !found {
				missed++
				c.tags[at] = uint64(i%lines) + 1
				c.lines[at].used = c.clock
			}
		}
		if got := float64(missed) / (lines * rounds); got < want-0.05 || got > want+0.05 {
			t.Errorf("%s: %.2f of accesses miss, want %.2f", name, got, want)
		}
	}
}

// TestFillMasks: a miss brings the whole burst that it lies in.
func TestFillMasks(t *testing.T) {
	for bytes, want := range map[int][3]uint8{32: {1, 4, 0b1010}, 64: {3, 12, 15}, 128: {15, 15, 15}} {
		m := fillMasks(bytes)
		if got := [3]uint8{m[1], m[4], m[0b1010]}; got != want {
			t.Errorf("%d bytes: %v, want %v", bytes, got, want)
		}
		if m[0] != 0 {
			t.Errorf("%d bytes: nothing missed brings %v", bytes, m[0])
		}
	}
}
