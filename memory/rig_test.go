package memory

import (
	"math/rand"
	"testing"

	"gpusim/configs"
)

// allMapped translates everything at once.
var allMapped = configs.TLB{Page: 1 << 40, Entries: 1, L2Page: 1 << 40, L2Entries: 1, Walkers: 1}

// machine gives a copy of an embedded machine, which the test may change, and
// the clock of its SMs.
func machine(t testing.TB, name string) (*configs.GPU, configs.Freq) {
	t.Helper()
	m, err := configs.Load(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := *m.GPU
	g.L2.Replacement, g.L2.FillBytes = "lru", 32 // what the oracle knows
	g.TLB = allMapped
	return &g, g.Clock.Sustained
}

func build(t fataler, g *configs.GPU, core configs.Freq) *System {
	t.Helper()
	s, err := New(g, core)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fataler is what testing.T, testing.B and rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// said is a reply with the frontier whose Advance announced it and the one before.
type said struct {
	sm           int
	reply        Reply
	known, after uint64
}

// stepper chooses the next frontier, which must lie beyond the present one.
type stepper func(s *System, frontier, nextRequest uint64) uint64

func by(n uint64) stepper { return func(_ *System, f, _ uint64) uint64 { return f + n } }

// atRandom takes steps of 1 to n.
func atRandom(r *rand.Rand, n int) stepper {
	return func(_ *System, f, _ uint64) uint64 { return f + 1 + uint64(r.Intn(n)) }
}

// byDecision jumps to where something can be decided, as the component does.
func byDecision(s *System, f, request uint64) uint64 {
	next := request
	if next != never {
		next++ // a request is known to the frontiers beyond its cycle
	}
	if at, busy := s.NextDecision(); busy {
		next = min(next, at)
	}
	return max(next, f+1)
}

// drive submits each SM's requests as late as the contract allows, visiting
// the SMs in the given order (nil: ascending), and advances until nothing but
// parked requests is under way.
func drive(t fataler, s *System, traffic [][]Request, step stepper, order []int) []said {
	t.Helper()
	if order == nil {
		order = rand.New(rand.NewSource(0)).Perm(len(traffic))
	}
	pos := make([]int, len(traffic))
	var out []said
	frontier := s.frontier
	for {
		next := uint64(never)
		for sm, reqs := range traffic {
			if pos[sm] < len(reqs) {
				next = min(next, reqs[pos[sm]].Cycle)
			}
		}
		if _, busy := s.NextDecision(); !busy && next == never {
			return out
		}
		to := step(s, frontier, next)
		if to <= frontier || to > 1<<32 {
			t.Fatalf("from frontier %d to %d with %d in flight, %d parked", frontier, to, s.inFlight, s.parked)
		}
		for _, sm := range order {
			from := pos[sm]
			for pos[sm] < len(traffic[sm]) && traffic[sm][pos[sm]].Cycle < to {
				pos[sm]++
			}
			if from < pos[sm] {
				s.Submit(sm, traffic[sm][from:pos[sm]])
			}
		}
		s.Advance(to, func(sm int, r Reply) {
			out = append(out, said{sm: sm, reply: r, known: to, after: frontier})
		})
		frontier = to
	}
}

// settle lets the writes that nothing waits for reach DRAM.
func drain(s *System, g *configs.GPU, core configs.Freq) {
	longest := uint64(g.DRAM.AgeLimit+g.DRAM.Timing.RFC) + 200000
	s.Advance(s.frontier+longest*uint64(core)/uint64(g.DRAM.Clock), func(int, Reply) {})
}

// retag gives all requests different tags and returns how many there are.
func retag(traffic [][]Request) int {
	n := 0
	for sm := range traffic {
		for i := range traffic[sm] {
			traffic[sm][i].Tag = uint32(n)
			n++
		}
	}
	return n
}

// readyByTag checks that every request was answered once, to its own SM.
func readyByTag(t fataler, traffic [][]Request, replies []said) map[uint32]uint64 {
	t.Helper()
	owner := map[uint32]int{}
	for sm := range traffic {
		for _, r := range traffic[sm] {
			owner[r.Tag] = sm
		}
	}
	ready := map[uint32]uint64{}
	for _, r := range replies {
		sm, known := owner[r.reply.Tag]
		if _, twice := ready[r.reply.Tag]; twice || !known || sm != r.sm {
			t.Fatalf("tag %d: answered to SM %d (known %v, of SM %d, twice %v)", r.reply.Tag, r.sm, known, sm, twice)
		}
		ready[r.reply.Tag] = r.reply.Ready
	}
	return ready
}

// lone is the time from a request's cycle to its reply in a system at rest.
func lone(t fataler, s *System, r Request) uint64 {
	t.Helper()
	r.Cycle = max(r.Cycle, s.frontier)
	out := drive(t, s, [][]Request{{r}}, by(64), nil)
	if len(out) != 1 {
		t.Fatalf("%d replies to one request", len(out))
	}
	return out[0].reply.Ready - r.Cycle
}

// bench is a single DRAM channel whose accesses a test places itself. The SM
// clock equals the DRAM clock.
type bench struct {
	s    *System
	c    *channel
	d    *configs.DRAM
	cmds []command
}

// access is one read or write of a line's sectors.
type access struct {
	arrive uint64
	bank   int
	row    uint32
	col    uint16
	mask   uint8
	write  bool
}

func newBench(t fataler, d configs.DRAM) *bench {
	t.Helper()
	d.Channels = 1
	g := &configs.GPU{DRAM: d, SM: configs.SM{Count: 1, GPCs: 1},
		Crossbar: configs.Crossbar{RequestLatency: 1, ReplyLatency: 1, SMRequestBytes: 32, SMReplyBytes: 32, GPCReplyBytes: 32, RequestHeader: 8},
		L2: configs.L2{Size: 1 << 13, Slices: 1, LineBytes: 128, Sector: 32, Ways: 1, BytesPerSlice: 32,
			HitLatency: 1, MissLatency: 1, AtomicCycles: 1, Hash: "modulo", Replacement: "lru", FillBytes: 32}}
	b := &bench{s: build(t, g, d.Clock), d: &g.DRAM}
	b.c = &b.s.channels[0]
	b.c.trace = func(c command) { b.cmds = append(b.cmds, c) }
	return b
}

// push queues an access and returns the flight that a read wakes, -1 for a write.
func (b *bench) push(a access) int32 {
	first := int32(-1)
	if !a.write {
		first = b.s.newFlight(&Request{Kind: Read, Sectors: a.mask}, 0)
		b.s.flights[first].missing = 1
	}
	d, f := b.s.fetches.add()
	*f = fetch{arrive: a.arrive, row: a.row, bank: uint8(a.bank), column: a.col, sectors: a.mask, write: a.write,
		left: b.c.p.bursts[a.mask], first: first, waiters: -1, line: -1, older: -1}
	b.c.arrive(d)
	return first
}

// run pushes all accesses and lets the channel work until a time.
func (b *bench) run(list []access, until uint64) []int32 {
	var flights []int32
	for _, a := range list {
		flights = append(flights, b.push(a))
	}
	b.c.run(until)
	return flights
}

// nth is the time of the n-th (from 0) command of a kind.
func (b *bench) nth(t fataler, kind byte, n int) uint64 {
	t.Helper()
	for _, c := range b.cmds {
		if c.kind == kind {
			if n == 0 {
				return c.at
			}
			n--
		}
	}
	t.Fatalf("no further command %c in %v", kind, b.cmds)
	return 0
}
