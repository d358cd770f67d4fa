package memory

import (
	"math/big"
	"math/rand"
	"reflect"
	"sort"
	"strings"
	"testing"

	"gpusim/configs"

	"pgregory.net/rapid"
)

// TestCalendar compares the calendar with a sorted list, near and far.
func TestCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c calendar
		c.reset()
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		const flights = 300
		due := map[int32]uint64{}
		used, now := int32(0), uint64(0)
		for range 200 {
			for range r.Intn(4) {
				if int(used) == flights {
					break
				}
				at := now + uint64(r.Intn(50))
				switch r.Intn(6) {
				case 5:
					at = now - min(now, uint64(r.Intn(60)))
				case 0:
					at = now + uint64(r.Intn(3*calendarSpan))
				case 2:
					at = now + uint64(r.Intn(2*coarseEpochs*epochCycles))
				case 3: // where others are, near or far
					for _, d := range due {
						at = d
						break
					}
				case 1:
					at = now + calendarSpan - 1 + uint64(r.Intn(3))
				}
				c.put(at, used)
				due[used] = at
				used++
			}
			first := uint64(never)
			for _, at := range due {
				first = min(first, at)
			}
			if got := c.next(); got != first {
				t.Fatalf("next at %d, want %d", got, first)
			}
			limit := now + uint64(r.Intn(100))
			if r.Intn(10) == 0 {
				limit = now + uint64(r.Intn(4*calendarSpan))
			}
			if r.Intn(20) == 0 {
				limit = now + uint64(r.Intn(3*coarseEpochs*epochCycles))
			}
			items, at, ok := c.take(limit)
			if ok != (first < limit) {
				t.Fatalf("took something: %v, with the first at %d and a limit of %d", ok, first, limit)
			}
			if !ok {
				now = max(now, limit)
				continue
			}
			for n, i := range items {
				if n > 0 && items[n-1] > i { // flights are numbered as they are put
					t.Fatalf("at %d %d comes after %d", at, i, items[n-1])
				}
				if due[i] != first || at != first {
					t.Fatalf("took %d, due at %d, at %d", i, due[i], at)
				}
				delete(due, i)
			}
			for i, d := range due {
				if d == first {
					t.Fatalf("left %d, due at %d", i, d)
				}
			}
			now = max(now, first+1)
		}
	})
}

// TestRatio compares the conversion of cycles with exact arithmetic.
func TestRatio(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	some := func(bits int) uint64 { return 1 + uint64(r.Int63n(1<<(1+r.Intn(bits)))) }
	for range 20000 {
		num, den, at := some(36), some(36), some(50)
		switch r.Intn(4) {
		case 0:
			num, den = (1+num%4000)*1e6, (1+den%4000)*1e6
		case 1:
			at = at % (1 << 14) * den // no rest
		}
		q, m := new(big.Int).DivMod(new(big.Int).Mul(new(big.Int).SetUint64(at), new(big.Int).SetUint64(num)), new(big.Int).SetUint64(den), new(big.Int))
		if !q.IsUint64() || q.Uint64() > 1<<62 {
			continue
		}
		floor, ceil := q.Uint64(), q.Uint64()
		if m.Sign() != 0 {
			ceil++
		}
		if f := newRatio(num, den); f.floor(at) != floor || f.ceil(at) != ceil {
			t.Fatalf("%d x %d / %d: %d and %d, want %d and %d", at, num, den, f.floor(at), f.ceil(at), floor, ceil)
		}
	}
}

// TestDividerAndFold against plain arithmetic.
func TestDividerAndFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, x := rapid.IntRange(1, 1000).Draw(t, "n"), rapid.Uint64().Draw(t, "x")
		d := newDivider(n)
		if q, r := d.div(x); q != x/uint64(n) || r != x%uint64(n) {
			t.Fatalf("%d / %d = %d, %d", x, n, q, r)
		}
		w := uint(rapid.IntRange(1, 20).Draw(t, "width"))
		want := uint64(0)
		for bit := range uint(64) {
			want ^= x >> bit & 1 << (bit % w)
		}
		if got := fold(x, w) & (1<<w - 1); got != want {
			t.Fatalf("fold(%x, %d) = %x, want %x", x, w, got, want)
		}
	})
}

// TestBursts: how many bursts the sectors of a line take.
func TestBursts(t *testing.T) {
	for _, c := range []struct {
		bytes      int
		mask, want uint8
	}{{32, 15, 4}, {32, 5, 2}, {16, 1, 2}, {8, 3, 8}, {64, 1, 1}, {64, 3, 1}, {64, 6, 2}, {64, 9, 2}, {64, 15, 2}, {128, 8, 1}, {128, 15, 1}, {64, 0, 0}} {
		if got := burstsOf(c.mask, c.bytes); got != c.want {
			t.Errorf("sectors %04b in bursts of %d B: %d, want %d", c.mask, c.bytes, got, c.want)
		}
	}
}

// TestECCTakesBandwidth: one burst in so many is check bits, if lines come in order.
func TestECCTakesBandwidth(t *testing.T) {
	d := variants(t)["gddr"]
	b := newBench(t, d)
	var list []access
	for i := range 640 {
		a := walk(&d, i, false)
		a.arrive = uint64(1 + 40*i) // one at a time: in order
		list = append(list, a)
	}
	b.finish(t, list)
	if got := b.c.count.ECCBursts; got != 640/eccLines {
		t.Errorf("%d bursts of check bits for 640 lines, want %d", got, 640/eccLines)
	}
	reads := uint64(0)
	for _, c := range b.cmds {
		if c.kind == 'R' {
			reads++
		}
	}
	if want := uint64(640*4 + 640/eccLines); reads != want {
		t.Errorf("%d bursts, want %d", reads, want)
	}
}

// TestClosedPage: a row that nobody wants is closed as soon as it may be, so
// that the next access to the bank finds it closed, not in conflict.
func TestClosedPage(t *testing.T) {
	g, _ := machine(t, "volta")
	list := []access{{100, 3, 1, 0, 1, false}, {500, 3, 2, 0, 1, false}, {900, 3, 2, 1, 1, false}}
	for page, want := range map[string][2]uint64{"open": {uint64(g.DRAM.Timing.RP), 1}, "closed": {0, 0}} {
		d := g.DRAM
		d.Page = page
		b := newBench(t, d)
		f := b.run(list, 3000)
		first, second := b.s.flights[f[0]].ready-100, b.s.flights[f[1]].ready-500
		if second-first != want[0] || b.c.count.RowHits != want[1] {
			t.Errorf("%s: %d, then %d; %d row hits, want %d", page, first, second, b.c.count.RowHits, want[1])
		}
	}
}

// TestAgeLimit: a stream of row hits keeps a conflict waiting for the age
// limit, not for ever.
func TestAgeLimit(t *testing.T) {
	g, _ := machine(t, "volta")
	for _, limit := range []int{0, 200, 1000} {
		d := g.DRAM
		d.AgeLimit = limit
		var list []access
		for i := range 3000 {
			list = append(list, access{uint64(1 + 4*i), 0, 1, uint16(i % 16), 3, false})
		}
		list = append(list[:400], append([]access{{list[400].arrive, 0, 2, 0, 1, false}}, list[400:]...)...)
		b := newBench(t, d)
		f := b.finish(t, list)
		waited := b.s.flights[f[400]].ready - list[400].arrive
		if waited < uint64(limit) || waited > uint64(limit)+600 {
			t.Errorf("limit %d: the conflict waited for %d", limit, waited)
		}
	}
}

// TestWritesWaitForABatch: a lone write goes to DRAM when it is old, several
// as soon as they are worth it; and reads go first meanwhile.
func TestWritesWaitForABatch(t *testing.T) {
	g, _ := machine(t, "volta")
	d := g.DRAM
	one := newBench(t, d)
	one.run([]access{{10, 0, 1, 0, 15, true}}, 5000)
	if at := one.nth(t, 'A', 0); at != 10+uint64(d.AgeLimit) {
		t.Errorf("a lone write begins at %d, want %d", at, 10+d.AgeLimit)
	}
	var many []access
	for i := range d.QueueDepth*5/16 + 1 {
		many = append(many, access{uint64(10 + i), i % 16, 1, 0, 15, true})
	}
	b := newBench(t, d)
	b.run(many, 5000)
	if at := b.nth(t, 'A', 0); at != many[len(many)-1].arrive {
		t.Errorf("a batch begins at %d, want %d", at, many[len(many)-1].arrive)
	}
	b = newBench(t, d)
	b.run(append(many[:8:8], access{18, 0, 9, 0, 15, false}), 500)
	if b.nth(t, 'R', 0) < 18 || b.c.waiting[dirWrite] != 8 {
		t.Errorf("%d writes wait behind a read, want 8", b.c.waiting[dirWrite])
	}
}

// TestSub: the difference covers every field.
func TestSub(t *testing.T) {
	var a, b Counters
	va, vb := reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()
	for i := range va.NumField() {
		va.Field(i).SetUint(uint64(100 + 3*i))
		vb.Field(i).SetUint(uint64(1 + i))
	}
	d := reflect.ValueOf(a.Sub(b))
	for i := range d.NumField() {
		if got := d.Field(i).Uint(); got != uint64(99+2*i) {
			t.Errorf("%s: %d, want %d", d.Type().Field(i).Name, got, 99+2*i)
		}
	}
}

// TestNewRefuses what the model cannot represent, and says what it was.
func TestNewRefuses(t *testing.T) {
	for word, set := range map[string]func(*configs.GPU, *configs.Freq){
		"core clock":         func(_ *configs.GPU, f *configs.Freq) { *f = 0 },
		"SM":                 func(g *configs.GPU, _ *configs.Freq) { g.SM.Count = 0 },
		"lines of 64 B":      func(g *configs.GPU, _ *configs.Freq) { g.L2.LineBytes = 64 },
		"multiple":           func(g *configs.GPU, _ *configs.Freq) { g.L2.Slices = 48 },
		"less than one set":  func(g *configs.GPU, _ *configs.Freq) { g.L2.Size = 1 << 10 },
		"widths":             func(g *configs.GPU, _ *configs.Freq) { g.Crossbar.GPCReplyBytes = 0 },
		"latency":            func(g *configs.GPU, _ *configs.Freq) { g.L2.MissLatency = 0 },
		"hash":               func(g *configs.GPU, _ *configs.Freq) { g.L2.Hash = "md5" },
		"page policy":        func(g *configs.GPU, _ *configs.Freq) { g.DRAM.Page = "ajar" },
		"burst":              func(g *configs.GPU, _ *configs.Freq) { g.DRAM.BurstLength = 48 },
		"banks":              func(g *configs.GPU, _ *configs.Freq) { g.DRAM.BankGroups = 40 },
		"tREFI":              func(g *configs.GPU, _ *configs.Freq) { g.DRAM.Timing.RFC = g.DRAM.Timing.REFI },
		"per_bank; at least": func(g *configs.GPU, _ *configs.Freq) { g.DRAM.Timing.RFCPB = g.DRAM.Timing.REFI },
		"do not divide":      func(g *configs.GPU, _ *configs.Freq) { g.DRAM.Interleave = 3 * 128 },
		"region spreads":     func(g *configs.GPU, _ *configs.Freq) { g.DRAM.SpreadChannels = 5 },
		"share 128 channels": func(g *configs.GPU, _ *configs.Freq) { g.DRAM.Channels = 128 },
	} {
		g, core := machine(t, "volta")
		set(g, &core)
		if _, err := New(g, core); err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want an error about %q in one line, got %v", word, err)
		}
	}
}

// TestKeys: names in error messages are sorted.
func TestKeys(t *testing.T) {
	if k := keys(hashes); !sort.StringsAreSorted(k) || len(k) != len(hashes) {
		t.Errorf("%v", k)
	}
}
