package memory

import (
	"fmt"
	"math"
	"slices"

	"gpusim/configs"
)

// The line and sector sizes of every NVIDIA L2 from Maxwell on; the masks of
// the protocol hold four sectors.
const (
	lineShift   = 7
	sectorBytes = 32
	allSectors  = 0xf
)

const never = math.MaxUint64

// System is the memory system of one GPU below the L1s: request network, L2
// slices, DRAM channels and reply network. Times are SM cycles; the L2 runs
// at the SM clock.
//
// It is a pipeline of stages. Each is simulated strictly in its own time
// order, up to the time before which all of its inputs are known. Let all
// requests made before cycle F be submitted. Then, in SM cycles,
//
//   - slices know every arrival before A = F + request latency, since the
//     injection port only adds to that;
//   - a request reaches its channel no earlier than miss latency after its
//     slice began with it, which is no earlier than its arrival, so channels
//     know all they may choose among before B = A + miss latency;
//   - a channel that has taken all its decisions before B (rounded up to
//     tCK: D) delivers what is still undecided no earlier than
//     D + tCL + burst, plus PHY and fill latency; slices deliver hits that
//     are still to come no earlier than A + hit latency. The reply network
//     knows every item that is ready before the lesser of the two, C.
//
// All three bounds grow with F, and no stage looks at anything but time
// stamps of its inputs, so how often Advance is called changes nothing. An
// item that is ready at or after C is due no earlier than C + reply latency
// >= F + MinRoundTrip: all replies due before F + MinRoundTrip have been
// announced when Advance(F) returns. And an SM that must not run beyond
// F + MinRoundTrip before the next Advance has not passed any of them.
//
// Ties: requests that reach the slices in one cycle are served in the order
// of (SM, sequence number within the SM), and so are items that are ready for
// the reply network in one cycle. Hence the order of Submit calls of
// different SMs does not matter.
type System struct {
	xbar *configs.Crossbar
	l2   *configs.L2
	phy  uint64
	hash SliceHash

	ports   []port   // per SM
	gpcPort []uint64 // byte-time at which the reply port is free

	arrivals calendar // flights by arrival at their slice
	replies  calendar // flights by data-ready time
	flights  []flight
	free     []int32

	tlb         tlb
	lrc         coalescer
	cache       cache
	parts       partitions
	sliceCycles [5]uint64 // of the data array, by number of sectors
	rows        bool      // write back by rows of DRAM
	cleaned     []int32   // writes of lines that stay, see cleanRow
	widen       [16]uint8 // sectors that come with those missing, see FillBytes
	place       placement
	channels    []channel
	params      *dramParams
	toDRAM      ratio
	toCore      ratio
	fetches     fetchPool
	sems        map[uint64]*semaphore

	leastDRAM uint64 // SM cycles from a channel's decision to data at the slice
	gpcOf     func(sm int) int
	clients   []clientPort // that share DRAM
	frontier  uint64
	onJump    func(n uint64)
	jumped    uint64 // number of the latest Jump
	inFlight  int
	parked    int
	count     Counters
}

// flight is a request under way.
type flight struct {
	line    uint64
	ready   uint64 // when its last known sector is at the slice
	order   uint64 // SM<<32 | sequence
	tag     uint32
	value   int32
	missing int16 // DRAM reads that it still waits for
	sectors uint8
	kind    Kind
	gpc     uint8
	merged  bool
	way     uint8 // see partitions
	bytes   uint16
	peer    int16 // see Request

	translated bool
	joined     bool // see coalescer
	aside      bool // see Request
}

// New makes a cold memory system at time zero. core is the SM clock, which
// fixes the ratio to the DRAM clock.
func New(g *configs.GPU, core configs.Freq) (*System, error) {
	if err := check(g, core); err != nil {
		return nil, err
	}
	h, err := newHash(g)
	if err != nil {
		return nil, err
	}
	p, err := newDRAMParams(&g.DRAM)
	if err != nil {
		return nil, err
	}
	s := &System{xbar: &g.Crossbar, l2: &g.L2, hash: h, gpcOf: g.SM.GPC, phy: uint64(g.DRAM.PHYLatency),
		params: p, toDRAM: newRatio(uint64(g.DRAM.Clock), uint64(core)), toCore: newRatio(uint64(core), uint64(g.DRAM.Clock))}
	s.ports, s.gpcPort = make([]port, g.SM.Count), make([]uint64, max(1, g.SM.GPCs))
	for n := range s.sliceCycles {
		s.sliceCycles[n] = max(1, uint64((n*sectorBytes+g.L2.BytesPerSlice-1)/g.L2.BytesPerSlice))
	}
	evict, err := policy("L2 replacement", victims, g.L2.Replacement)
	if err != nil {
		return nil, err
	}
	s.cache = newCache(g.L2.Slices, setsOf(&g.L2), g.L2.Ways, evict)
	s.parts = newPartitions(&g.L2)
	s.lrc = newCoalescer(g.Crossbar.Coalesce, g.L2.HitLatency, max(1, g.SM.GPCs))
	s.tlb = newTLB(&g.TLB, g.SM.Count, max(1, g.SM.GPCs))
	s.widen = fillMasks(g.L2.FillBytes)
	s.rows = g.L2.WriteBack == "row"
	s.place = newPlacement(&g.DRAM, g.L2.Slices)
	s.channels = make([]channel, g.DRAM.Channels)
	s.leastDRAM = s.toCore.ceil(p.readData) + s.phy + uint64(g.L2.FillLatency)
	s.Reset()
	return s, nil
}

func setsOf(l *configs.L2) int { return int(l.Size) / l.Slices / l.LineBytes / l.Ways }

// fillMasks gives the sectors that a fill of aligned pieces of so many bytes
// brings, by the sectors asked for.
func fillMasks(bytes int) (masks [16]uint8) {
	n := max(1, bytes/sectorBytes)
	for m := range masks {
		for first := 0; first < 4; first += n {
			if piece := (1<<n - 1) << first; m&piece != 0 {
				masks[m] |= uint8(piece) & allSectors
			}
		}
	}
	return masks
}

// check refuses what the model cannot represent.
func check(g *configs.GPU, core configs.Freq) error {
	l, d := &g.L2, &g.DRAM
	switch {
	case core == 0 || d.Clock == 0:
		return fmt.Errorf("memory: core clock %v and DRAM clock %v must be above 0", core, d.Clock)
	case g.SM.Count < 1 || g.SM.GPCs > 255:
		return fmt.Errorf("memory: %d SMs in %d GPCs (at least 1 SM, at most 255 GPCs)", g.SM.Count, g.SM.GPCs)
	case l.LineBytes != 1<<lineShift || l.Sector != sectorBytes:
		return fmt.Errorf("memory: L2 lines of %d B in sectors of %d B (allowed: 128 and 32)", l.LineBytes, l.Sector)
	case l.Slices < 1 || d.Channels < 1 || l.Slices%d.Channels != 0 && d.Channels%l.Slices != 0:
		return fmt.Errorf("memory: %d L2 slices and %d DRAM channels: one must be a multiple of the other", l.Slices, d.Channels)
	case l.Ways < 1 || setsOf(l) < 1:
		return fmt.Errorf("memory: L2 of %v has less than one set in each of %d slices of %d ways", l.Size, l.Slices, l.Ways)
	case l.Partitions > 1 && (l.Slices%2 != 0 || l.FarLatency < 1):
		return fmt.Errorf("memory: %d L2 slices, %d cycles apart, in two partitions (allowed: an even number, at least 1 cycle)", l.Slices, l.FarLatency)
	case g.Crossbar.SMRequestBytes < 1 || g.Crossbar.SMReplyBytes < 1 || g.Crossbar.GPCReplyBytes < 1 || l.BytesPerSlice < 1:
		return fmt.Errorf("memory: the widths of the crossbar's ports and of the L2 slices must be above 0")
	case g.Crossbar.RequestHeader < 1 || g.Crossbar.RequestLatency < 0 || g.Crossbar.ReplyLatency < 0 ||
		l.HitLatency < 1 || l.MissLatency < 1 || l.FillLatency < 0 || d.PHYLatency < 0:
		return fmt.Errorf("memory: a latency of the crossbar, L2 or DRAM is negative, or that of an L2 hit or miss or the request header is 0")
	}
	return nil
}

// Reset empties caches, queues and counters and sets the time to zero.
func (s *System) Reset() {
	for i := range s.ports {
		s.ports[i] = port{gpc: uint8(s.gpcOf(i))}
	}
	clear(s.gpcPort)
	s.arrivals.reset()
	s.replies.reset()
	s.flights, s.free = s.flights[:0], s.free[:0]
	s.cache.reset()
	s.cleaned = s.cleaned[:0]
	s.tlb.reset()
	s.lrc.reset()
	s.fetches.reset()
	for i := range s.channels {
		s.channels[i].reset(s, i)
	}
	s.sems = map[uint64]*semaphore{}
	s.frontier, s.inFlight, s.parked, s.count = 0, 0, 0, Counters{}
}

// MinRoundTrip is the least time in SM cycles from a request's cycle to its
// reply: an L2 hit's, unless a DRAM row hit is configured to be faster still.
func (s *System) MinRoundTrip() uint64 {
	return uint64(s.xbar.RequestLatency+s.xbar.ReplyLatency) +
		min(uint64(s.l2.HitLatency), uint64(s.l2.MissLatency)+s.leastDRAM)
}

// Counters is a reading of the event counts. Writes that nothing waits for
// are counted when a channel gets to them, which later calls of Advance do.
func (s *System) Counters() Counters {
	c := s.count
	for i := range s.channels {
		s.channels[i].addTo(&c)
	}
	return c
}

// takeFlight finds a place for a flight, which may move the others.
func (s *System) takeFlight() (i int32) {
	if n := len(s.free); n > 0 {
		i, s.free = s.free[n-1], s.free[:n-1]
		return i
	}
	s.flights = append(s.flights, flight{})
	return int32(len(s.flights) - 1)
}

func (s *System) newFlight(r *Request, sm int) int32 {
	i := s.takeFlight()
	p := &s.ports[sm]
	s.flights[i] = flight{line: r.Line, order: uint64(sm)<<32 | uint64(p.seq), tag: r.Tag, value: r.Value,
		sectors: r.Sectors & allSectors, kind: r.Kind, gpc: p.gpc, bytes: r.Bytes, peer: r.Peer, aside: r.Aside}
	p.seq++
	return i
}

// sortByOrder puts simultaneous items into the order that does not depend on
// how they came in. Buckets are short and nearly sorted.
func (s *System) sortByOrder(items []int32) {
	if len(items) > 64 {
		slices.SortFunc(items, func(a, b int32) int {
			if s.flights[a].order < s.flights[b].order {
				return -1
			}
			return 1
		})
		return
	}
	for i := 1; i < len(items); i++ {
		v := items[i]
		o := s.flights[v].order
		j := i
		for ; j > 0 && s.flights[items[j-1]].order > o; j-- {
			items[j] = items[j-1]
		}
		items[j] = v
	}
}

// bounds are the frontiers of the stages that follow from the requests'
// frontier: slices (SM cycles), channels (tCK), reply network (SM cycles).
func (s *System) bounds(frontier uint64) (slices, channels, replies uint64) {
	slices = frontier + uint64(s.xbar.RequestLatency)
	channels = s.toDRAM.ceil(slices + uint64(s.l2.MissLatency))
	fills := s.toCore.ceil(channels+s.params.readData) + s.phy + uint64(s.l2.FillLatency)
	return slices, channels, min(slices+uint64(s.l2.HitLatency), fills)
}

// Advance decides everything that follows from the requests made before
// frontier, all of which must have been submitted, and announces replies in
// the order in which their data are ready. On return every reply due before
// frontier + MinRoundTrip has been announced. A frontier that is not beyond
// the last one does nothing.
func (s *System) Advance(frontier uint64, emit func(sm int, r Reply)) {
	if frontier <= s.frontier {
		return
	}
	s.frontier = frontier
	toSlices, toChannels, toReplies := s.bounds(frontier)
	for {
		items, t, ok := s.arrivals.take(toSlices)
		if !ok {
			break
		}
		s.sortByOrder(items)
		for _, f := range items {
			s.access(f, t)
		}
	}
	s.serveClients(toChannels)
	for i := range s.channels {
		if c := &s.channels[i]; c.nextAt < toChannels {
			c.run(toChannels)
		}
	}
	for {
		items, t, ok := s.replies.take(toReplies)
		if !ok {
			break
		}
		s.sortByOrder(items)
		for _, f := range items {
			s.reply(f, t, emit)
		}
	}
}

// NextDecision is the earliest frontier at which Advance could bring any
// request nearer to its reply. busy is false when no request is under way
// except Waits that no Signal has answered; dirty lines that are still being
// written to DRAM, and refresh, make nobody busy.
func (s *System) NextDecision() (cycle uint64, busy bool) {
	if s.inFlight == s.parked {
		return 0, false
	}
	request := uint64(s.xbar.RequestLatency)
	at := uint64(never)
	if t := s.arrivals.next(); t != never {
		at = t + 1 - min(t+1, request)
	}
	if t := s.replies.next(); t != never {
		at = min(at, s.frontierFor(t))
	}
	for i := range s.channels {
		c := &s.channels[i]
		if t := c.nextDecision(); t != never {
			// Decided as soon as ceil(slices' bound + miss latency in tCK) > t.
			need := s.toCore.floor(t) + 1
			at = min(at, need-min(need, request+uint64(s.l2.MissLatency)))
		}
	}
	return max(at, s.frontier+1), true
}

// frontierFor is the earliest frontier at which the reply network may handle
// an item that is ready at cycle t.
func (s *System) frontierFor(t uint64) uint64 {
	hi := t + 1 - min(t+1, uint64(s.xbar.RequestLatency)) // surely enough: no latency is negative
	_, _, c := s.bounds(hi)
	// The bound grows by one for each cycle of the frontier, but for rounding
	// to tCK and back: start surely too low.
	hi -= min(hi, c-(t+1)+2*s.toCore.ceil(1)+2)
	for {
		if _, _, c := s.bounds(hi); c > t {
			return hi
		}
		hi++
	}
}

// Warm installs lines in L2 as if they had been touched in the order of their
// addresses just before the present, without time passing: what a preceding
// launch leaves. Of more bytes than L2 holds only the last count. Dirty lines
// that must make room are taken as written back before.
func (s *System) Warm(addr uint64, bytes int64, dirty bool) {
	if bytes <= 0 {
		return
	}
	s.tlb.warm(addr, bytes)
	end := addr + uint64(bytes)
	if bytes > int64(s.l2.Size) {
		addr = end - uint64(s.l2.Size)
	}
	for n := addr >> lineShift; n<<lineShift < end; n++ {
		slice, local := s.hash.Map(n)
		e, _ := s.slot(slice, local, never)
		l := &s.cache.lines[e]
		l.valid, l.asked, l.young = allSectors, 0, 0
		if dirty {
			l.dirty = allSectors
		}
	}
}
