package memory

import (
	"math/bits"
	"math/rand"
	"sort"
	"testing"

	"gpusim/configs"

	"pgregory.net/rapid"
)

// oracle is the memory system as a functional model: request ports give the
// order in which requests reach the slices, caches are lists by recency, and
// nothing is ever on its way. Which set a line belongs to is asked of the
// System; everything else is its own.
type oracle struct {
	s     *System
	g     *configs.GPU
	sets  map[int][]*resident // most recent first
	count Counters
	ready map[uint32]uint64 // when each tag's reply is due if everything hits
}

type resident struct {
	slice        int
	local        uint64
	valid, dirty uint8
}

type arrival struct {
	at   uint64 // cycle at the slice
	sm   int
	seq  int
	req  Request
	done uint64 // data ready at the slice if it hits
}

// arrivals is when requests reach their slices, in the order of service.
func (o *oracle) arrivals(traffic [][]Request) []arrival {
	var all []arrival
	x := &o.g.Crossbar
	width := x.SMRequestBytes
	for sm, reqs := range traffic {
		sent := 0 // bytes that could have passed by the end of what passed last
		for seq, r := range reqs {
			o.count.Requests++
			data := 0
			if r.Kind == Write || r.Kind == Atomic {
				data = 32 * bits.OnesCount8(r.Sectors)
			}
			begin := max(sent, int(r.Cycle)*width)
			sent = begin + x.RequestHeader + data
			o.count.RequestBytes += uint64(x.RequestHeader + data)
			o.count.RequestSectors += uint64(data / 32)
			at := (begin + x.RequestHeader - 1) / width // cycle in which the header is complete
			if data > 0 {
				last := (sent - 1) / width
				at = max(at, last+1-o.cycles(data/32)) // so that data never run out
			}
			all = append(all, arrival{at: uint64(at + x.RequestLatency), sm: sm, seq: seq, req: r})
		}
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		if a.at != b.at {
			return a.at < b.at
		}
		if a.sm != b.sm {
			return a.sm < b.sm
		}
		return a.seq < b.seq
	})
	return all
}

func (o *oracle) cycles(sectors int) int {
	return max(1, (32*sectors+o.g.L2.BytesPerSlice-1)/o.g.L2.BytesPerSlice)
}

func newOracle(s *System, g *configs.GPU) *oracle {
	return &oracle{s: s, g: g, sets: map[int][]*resident{}, ready: map[uint32]uint64{}}
}

// run serves all requests.
func (o *oracle) run(traffic [][]Request) {
	all := o.arrivals(traffic)
	free := make([]uint64, o.g.L2.Slices)
	for i := range all {
		a := &all[i]
		slice := int(a.req.Line % uint64(o.g.L2.Slices))
		cycles := 1
		if a.req.Kind <= Atomic {
			var local uint64
			slice, local = o.s.hash.Map(a.req.Line / 128)
			n := bits.OnesCount8(a.req.Sectors)
			if cycles = o.cycles(n); a.req.Kind == Atomic {
				cycles = max(1, n*o.g.L2.AtomicCycles)
			}
			o.touch(slice, local, a.req)
		}
		start := max(a.at, free[slice])
		free[slice] = start + uint64(cycles)
		o.count.SliceBusy += uint64(cycles)
		a.done = start + uint64(cycles-1+o.g.L2.HitLatency)
	}
	o.reply(all)
}

// touch is one access to the cache.
func (o *oracle) touch(slice int, local uint64, r Request) {
	key := o.s.cache.set(slice, local)
	set := o.sets[key]
	n := uint64(bits.OnesCount8(r.Sectors))
	at := 0
	for at < len(set) && (set[at].local != local || set[at].slice != slice) {
		at++
	}
	var l *resident
	if at < len(set) {
		l = set[at]
		set = append(set[:at], set[at+1:]...)
	} else {
		l = &resident{slice: slice, local: local}
		if len(set) == o.g.L2.Ways {
			o.count.L2Evictions++
			o.count.DRAMWriteSectors += uint64(bits.OnesCount8(set[len(set)-1].dirty))
			set = set[:len(set)-1]
		}
	}
	o.sets[key] = append([]*resident{l}, set...)
	if r.Kind != Write {
		hit := uint64(bits.OnesCount8(r.Sectors & l.valid))
		o.count.L2Hits += hit
		o.count.L2Misses += n - hit
		o.count.DRAMReadSectors += n - hit
		o.count.L2ReadSectors += n
	}
	if r.Kind != Read {
		o.count.L2WriteSectors += n
		l.dirty |= r.Sectors
	}
	l.valid |= r.Sectors
}

// reply passes what is ready through the ports of the GPCs and SMs, in order.
func (o *oracle) reply(all []arrival) {
	sort.Slice(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		if a.done != b.done {
			return a.done < b.done
		}
		if a.sm != b.sm {
			return a.sm < b.sm
		}
		return a.seq < b.seq
	})
	x := &o.g.Crossbar
	gpc, port := map[int]uint64{}, map[int]uint64{} // bytes
	for _, a := range all {
		t := a.done
		if a.req.Kind == Read {
			size := uint64(32 * bits.OnesCount8(a.req.Sectors))
			o.count.ReplySectors += size / 32
			o.count.ReplyBytes += size
			through := func(free map[int]uint64, i, width int) {
				// Its last byte leaves in cycle t or when all before it have left.
				free[i] = max(free[i]+size, (t+1)*uint64(width))
				t = (free[i]+uint64(width)-1)/uint64(width) - 1
			}
			through(gpc, a.sm%o.g.SM.GPCs, x.GPCReplyBytes)
			through(port, a.sm, x.SMReplyBytes)
		}
		o.ready[a.req.Tag] = t + uint64(x.ReplyLatency)
	}
}

// agree compares the System's books with the oracle's, when all is done.
func (o *oracle) agree(t fataler, what string) {
	t.Helper()
	got, want := o.s.Counters(), o.count
	// What the oracle knows nothing of.
	got.Reads, got.Writes, got.Atomics, got.Signals, got.Waits, got.L2Merges = 0, 0, 0, 0, 0, 0
	got.Activates, got.Precharges, got.RowHits, got.ColumnAccesses = 0, 0, 0, 0
	got.Refreshes, got.ECCBursts, got.DRAMBusy, got.DRAMTurnarounds = 0, 0, 0, 0
	if got != want {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
	here := map[[2]uint64]*resident{}
	for _, set := range o.sets {
		for _, l := range set {
			here[[2]uint64{uint64(l.slice), l.local}] = l
		}
	}
	perSlice := int(o.s.cache.sets.n) * o.s.cache.ways
	for i, tag := range o.s.cache.tags {
		l := &o.s.cache.lines[i]
		if tag == 0 {
			continue
		}
		k := [2]uint64{uint64(i / perSlice), tag - 1}
		w := here[k]
		if w == nil || l.valid != w.valid || l.dirty != w.dirty || l.asked != 0 || l.fills >= 0 {
			t.Fatalf("%s: line %v is %+v, want %+v", what, k, *l, w)
		}
		delete(here, k)
	}
	if len(here) > 0 {
		t.Fatalf("%s: %d lines are not in L2", what, len(here))
	}
}

// nothingLeaks: when all is done, all that was taken from a pool is back.
func nothingLeaks(t fataler, s *System) {
	t.Helper()
	if p := &s.fetches; len(s.flights) != len(s.free)+s.parked || len(p.all) != len(p.free) || len(p.waits) != len(p.freeWaits) {
		t.Fatalf("flights %d of %d are free and %d parked, fetches %d of %d, waits %d of %d", len(s.free), len(s.flights), s.parked,
			len(p.free), len(p.all), len(p.freeWaits), len(p.waits))
	}
}

// chaos is random traffic of several SMs on few lines.
type chaos struct {
	sms, each  int
	lines      uint64
	gap        int
	kinds      []Kind
	semaphores uint64
}

func (c chaos) draw(r *rand.Rand) [][]Request {
	traffic := make([][]Request, c.sms)
	for sm := range traffic {
		at := uint64(r.Intn(20))
		for range c.each {
			if r.Intn(3) == 0 {
				at += uint64(r.Intn(c.gap + 1))
			}
			q := Request{Cycle: at, Line: uint64(r.Int63n(int64(c.lines))) * 128, Sectors: uint8(1 + r.Intn(15)), Kind: c.kinds[r.Intn(len(c.kinds))]}
			if q.Kind == Signal {
				q.Line = uint64(r.Int63n(int64(c.semaphores)))
			}
			traffic[sm] = append(traffic[sm], q)
		}
	}
	return traffic
}

// anyGPU draws a small machine that New accepts.
func anyGPU(t *rapid.T) (*configs.GPU, configs.Freq) {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	g := &configs.GPU{DRAM: anyDRAM(t)}
	ratio := rapid.SampledFrom([][2]int{{1, 1}, {2, 1}, {4, 2}, {1, 2}, {3, 6}, {6, 3}, {8, 8}, {5, 5}}).Draw(t, "slices and channels")
	g.L2.Slices, g.DRAM.Channels = ratio[0], ratio[1]
	hashes := []string{"xor", "modulo"}
	if ratio[0] >= ratio[1] {
		hashes = append(hashes, "region")
	}
	g.L2.Hash = rapid.SampledFrom(hashes).Draw(t, "hash")
	g.L2.Replacement, g.L2.FillBytes = "lru", 32
	g.TLB = allMapped
	g.DRAM.SpreadChannels = rapid.SampledFrom([]int{1, ratio[1]}).Draw(t, "spread")
	g.SM.Count, g.SM.GPCs = n("SMs", 1, 6), n("GPCs", 1, 3)
	g.Crossbar = configs.Crossbar{RequestLatency: n("request", 0, 60), ReplyLatency: n("reply", 0, 60), SMRequestBytes: n("SM request width", 1, 64),
		SMReplyBytes: n("SM reply width", 1, 128), GPCReplyBytes: n("GPC width", 1, 256), RequestHeader: n("header", 1, 16)}
	g.L2.LineBytes, g.L2.Sector, g.L2.Ways = 128, 32, n("ways", 1, 4)
	g.L2.BytesPerSlice = rapid.SampledFrom([]int{8, 32, 64, 128}).Draw(t, "slice width")
	g.L2.Size = configs.Bytes(g.L2.Slices * g.L2.Ways * 128 * n("sets", 1, 9))
	g.L2.HitLatency, g.L2.MissLatency, g.L2.FillLatency = n("hit", 1, 150), n("miss", 1, 80), n("fill", 0, 40)
	g.L2.AtomicCycles = n("atomic", 1, 4)
	return g, configs.Freq(n("core MHz", 100, 3000)) * 1e6
}

// TestBooksOfRandomTraffic: on any machine, every request is answered once,
// and counters and contents agree with the functional model.
func TestBooksOfRandomTraffic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anyGPU(t)
		s := build(t, g, core)
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		traffic := chaos{sms: g.SM.Count, each: 60, lines: uint64(rapid.IntRange(1, 200).Draw(t, "lines")), gap: rapid.IntRange(0, 100).Draw(t, "gap"),
			kinds: []Kind{Read, Read, Read, Write, Write, Atomic, Signal}, semaphores: 3}.draw(r)
		n := retag(traffic)
		replies := drive(t, s, traffic, atRandom(r, 200), nil)
		ready := readyByTag(t, traffic, replies)
		if len(ready) != n || s.inFlight != 0 {
			t.Fatalf("%d requests, %d replies, %d in flight", n, len(ready), s.inFlight)
		}
		drain(s, g, core)
		o := newOracle(s, g)
		o.run(traffic)
		o.agree(t, "random traffic")
		nothingLeaks(t, s)
		booksBalance(t, g, s, traffic)
	})
}

// booksBalance: sums that hold between the levels, whatever happened.
func booksBalance(t fataler, g *configs.GPU, s *System, traffic [][]Request) {
	t.Helper()
	c := s.Counters()
	var kinds [Wait + 1]uint64
	var read, written, signalled uint64
	for sm := range traffic {
		for _, r := range traffic[sm] {
			kinds[r.Kind]++
			n := uint64(bits.OnesCount8(r.Sectors))
			switch r.Kind {
			case Read:
				read += n
			case Write:
				written += n
			case Atomic:
				read, written, signalled = read+n, written+n, signalled+n
			}
		}
	}
	dirty := uint64(0)
	for i := range s.cache.lines {
		dirty += uint64(bits.OnesCount8(s.cache.lines[i].dirty))
	}
	for _, e := range []struct {
		what      string
		got, want uint64
	}{
		{"reads", c.Reads, kinds[Read]}, {"writes", c.Writes, kinds[Write]}, {"atomics", c.Atomics, kinds[Atomic]},
		{"signals", c.Signals, kinds[Signal]}, {"waits", c.Waits, kinds[Wait]},
		{"requests by kind", c.Reads + c.Writes + c.Atomics + c.Signals + c.Waits, c.Requests},
		{"hits + misses", c.L2Hits + c.L2Misses, read}, {"sectors read in L2", c.L2ReadSectors, read},
		{"sectors written in L2", c.L2WriteSectors, written}, {"sectors from DRAM", c.DRAMReadSectors, c.L2Misses},
		{"sectors to SMs", c.ReplySectors, read - signalled}, {"bytes to SMs", c.ReplyBytes, 32 * (read - signalled)},
		{"sectors from SMs", c.RequestSectors, written},
		{"bytes from SMs", c.RequestBytes, 32*written + c.Requests*uint64(g.Crossbar.RequestHeader)},
	} {
		if e.got != e.want {
			t.Errorf("%s: %d, want %d", e.what, e.got, e.want)
		}
	}
	if c.DRAMWriteSectors+dirty > written {
		t.Errorf("%d sectors written, but %d went to DRAM and %d are dirty", written, c.DRAMWriteSectors, dirty)
	}
	if c.L2Merges > c.Requests || c.RowHits > c.ColumnAccesses || c.Precharges > c.Activates {
		t.Errorf("parts exceed wholes: %+v", c)
	}
}

// TestHitsToTheCycle: when everything hits, the functional model with its
// ports is exact, so all replies must come in its very cycles.
func TestHitsToTheCycle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anyGPU(t)
		lines := uint64(rapid.IntRange(1, 60).Draw(t, "lines"))
		g.L2.Size = configs.Bytes(g.L2.Slices) * 16 * 64 * 128
		g.L2.Ways = 64 // all lines fit, however they fall into sets
		s := build(t, g, core)
		s.Warm(0, int64(lines)*128, false)
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		traffic := chaos{sms: g.SM.Count, each: 80, lines: lines, gap: rapid.IntRange(0, 30).Draw(t, "gap"),
			kinds: []Kind{Read, Read, Read, Write, Atomic, Signal}, semaphores: 5}.draw(r)
		retag(traffic)
		ready := readyByTag(t, traffic, drive(t, s, traffic, atRandom(r, 300), nil))
		o := newOracle(s, g)
		o.run(traffic)
		for tag, want := range o.ready {
			if ready[tag] != want {
				t.Fatalf("tag %d ready at %d, want %d", tag, ready[tag], want)
			}
		}
		if c := s.Counters(); c.L2Misses != 0 || c.DRAMReadSectors != 0 || c.L2Merges != 0 {
			t.Fatalf("misses in a warm cache: %+v", c)
		}
	})
}

// TestVoltaBooks is the same on the real machine, with enough traffic to evict.
func TestVoltaBooks(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.Size /= 16
	s := build(t, g, core)
	r := rand.New(rand.NewSource(1))
	traffic := chaos{sms: g.SM.Count, each: 150, lines: 8000, gap: 40, kinds: []Kind{Read, Read, Write, Atomic}}.draw(r)
	retag(traffic)
	readyByTag(t, traffic, drive(t, s, traffic, by(150), nil))
	drain(s, g, core)
	o := newOracle(s, g)
	o.run(traffic)
	o.agree(t, "volta")
	nothingLeaks(t, s)
	booksBalance(t, g, s, traffic)
	if c := s.Counters(); c.L2Evictions == 0 || c.L2Merges == 0 || c.DRAMWriteSectors == 0 || c.L2Hits == 0 {
		t.Errorf("nothing much happened: %+v", c)
	}
}
