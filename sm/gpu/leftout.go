package gpu

import (
	"math"
	"slices"

	"gpusim/memory"
	"gpusim/sm"
	"gpusim/workloads/tile"
)

// leftOut is what sampling has left out of the main loops of a launch.
//
// A greedy scheduler lets the CTAs of an SM get out of step, so one that is outside its
// main loop, where it loads the first operands, reads what it adds to and stores, leaves
// the SM to those that are in theirs. Jumps shorten loops and not what is outside. In a
// sampled run more CTAs are outside at a time, so that there is hardly a moment in which
// all are in their loops, and now and then the SM has nothing to do at all. A jump whose
// windows are like that is worth what the moments show in which as many CTAs were in
// their loops as the SM held then, those of all SMs; and the time is taken off in which
// whole loops would have gone on. Both only as far as DRAM's pins can follow.
type leftOut struct {
	greedy bool         // CTAs get out of step; else all is as SMs noted it
	jumps  [][]sm.Jumps // by SM
	worth  float64      // of what jumps were charged, on average
	hidden uint64       // cycles of what was simulated in which whole loops would have gone on
}

// The pace of so many CTAs in their main loops is known if such moments of all SMs
// are overlapTrips iterations of each long, together, and one is overlapTime at least:
// loops begin and end with a CTA's first warp, others are a little before or behind, so that
// short moments show a pace up to 7 % too fast. [fit] Of 0.5, 1 and 2 iterations, on ten
// products and seven convolutions of V100 against detailed runs.
const (
	overlapTrips = 8
	overlapTime  = 0.5
)

// leftOut takes the cycles that DRAM's pins need for a sector, all channels taking part.
func (l *Launch) leftOut(sms []*sm.Comp, m *memory.Counters, perSector float64) leftOut {
	o := leftOut{jumps: make([][]sm.Jumps, len(sms)), worth: 1}
	for i, s := range sms {
		o.jumps[i] = slices.Clone(s.Core.Jumps())
	}
	if l.Plan == nil || len(l.Plan.Windows) == 0 || l.Policy.Even() || l.Kernel.Streams || l.Kernel.Tiles > 0 {
		return o
	}
	o.greedy = true
	shares := make([]sm.Overlap, l.CTAsPerSM+1)
	for _, s := range sms {
		for i, of := range s.Core.Overlaps() {
			shares[i].Times += of.Times
			shares[i].Cycles += of.Cycles
			shares[i].Sends += of.Sends
		}
	}
	charged, less := int64(0), int64(0)
	loose := make([]int64, len(shares)) // cycles that jumps were charged too much, by CTAs held
	sends := make([]int64, len(shares)) // and their memory instructions
	for held := range shares {
		for _, own := range o.jumps {
			charged += own[held].Cycles
			loose[held] += own[held].LooseCycles
			sends[held] += int64(own[held].LooseSends)
		}
		of, in := l.paceOf(shares, held)
		if in == 0 {
			loose[held] = 0
		}
		loose[held] = max(0, loose[held]-int64(float64(sends[held])*of)) // more CTAs go no slower
		less += loose[held]
	}
	var cta tile.CTA
	l.Kernel.Place(0, &cta)
	longer := float64(cta.Trips) / float64(l.Plan.Simulated(int(cta.Trips)))
	n := float64(len(sms))
	idle := 0.0
	if _, in := l.paceOf(shares, l.CTAsPerSM); in == l.CTAsPerSM {
		idle = hidden(shares, longer) / n
	}
	took := float64(l.lastDone-l.Start) + float64(charged)/n
	dram := (float64(m.DRAMReadSectors)*longer + float64(m.DRAMWriteSectors)) * perSector
	share := 1.0
	if off := float64(less)/n + idle; off > 0 {
		share = min(1, max(0, (took-dram)/off))
	}
	for held := range shares {
		each := share * float64(loose[held]) / float64(max(1, sends[held]))
		for _, own := range o.jumps {
			own[held].Cycles -= int64(each * float64(own[held].LooseSends))
		}
	}
	if charged > 0 {
		o.worth = 1 - share*float64(less)/float64(charged)
	}
	o.hidden = uint64(max(0, share*idle))
	return o
}

// paceOf is the cycles that SMs took for a memory instruction while so many of their CTAs
// were in their main loops, or else fewer, the most of whom it is known; of none it is 0.
func (l *Launch) paceOf(shares []sm.Overlap, in int) (cycles float64, of int) {
	for ; in > 0; in-- {
		trips := float64(shares[in].Sends) / float64(in*l.LoopSends())
		if s := &shares[in]; trips >= max(overlapTrips, overlapTime*float64(s.Times)) {
			return float64(s.Cycles) / float64(s.Sends), in
		}
	}
	return 0, 0
}

// times are CTAs' ends in time that includes what was left out of a launch that has taken from
// start to end.
func (o *leftOut) times(ends []virtualEnd, start, end uint64) []uint64 {
	out := make([]uint64, len(ends))
	for i, e := range ends {
		off := float64(o.hidden) * float64(e.at-start) / float64(end-start)
		out[i] = e.at - uint64(off) + uint64(float64(e.skipped)*o.worth)
	}
	return out
}

// hidden is how much less time SMs would lose to what CTAs do outside their main loops
// if loops were so many times longer, in cycles, from how long how many were in
// theirs at a time and what they did then.
//
// CTAs that take turns independently of each other between loops and what is outside are
// found in a state in proportion to the product of what each needs for where it is (as in
// a closed network of queues). Loops longer by some factor so weigh a state by that factor
// to the power of CTAs in their loops. Where all keep in step, loops and what is
// outside have states of their own, and the weights cancel out. The factor is the
// one with which loops do so many times more for as much outside.
func hidden(shares []sm.Overlap, longer float64) float64 {
	full := len(shares) - 1
	loops, outside := 0.0, 0.0
	for in, of := range shares {
		loops += float64(of.Sends)
		outside += float64(full-in) * float64(of.Cycles)
	}
	if shares[full].Sends == 0 || outside == 0 || longer <= 1 {
		return 0
	}
	weigh := func(factor float64) (scale, more float64) {
		l, o := 0.0, 0.0
		for in, of := range shares {
			w := math.Pow(factor, float64(in-full))
			l += w * float64(of.Sends)
			o += w * float64(full-in) * float64(of.Cycles)
		}
		return outside / o, l / loops * outside / o
	}
	const most, steps = 1e6, 60 // a factor beyond is one of CTAs in step
	low, high := 1.0, most
	if _, more := weigh(most); more < longer {
		return 0
	}
	for range steps {
		mid := math.Sqrt(low * high)
		if _, more := weigh(mid); more < longer {
			low = mid
		} else {
			high = mid
		}
	}
	scale, _ := weigh(low)
	pace := float64(shares[full].Cycles) / float64(shares[full].Sends)
	less := 0.0
	for in, of := range shares {
		lost := float64(of.Cycles) - pace*float64(of.Sends)
		less += lost * (1 - scale*math.Pow(low, float64(in-full)))
	}
	return less
}

// longest is how long the SM takes that is ready last, of which each took so long for
// its CTAs. Where they end one by one, CTAs go to where a place is free in time that includes
// what was left out: in time that does not, SMs that are soonest through what is outside
// main loops get more of them than they have time for.
func (o *leftOut) longest(sms []*sm.Comp, took []uint64) uint64 {
	all, most := 0, 0
	for _, s := range sms {
		all += s.Core.Ended()
		most = max(most, s.Core.Ended())
	}
	longest := slices.Max(took)
	if !o.greedy || most <= (all+len(sms)-1)/len(sms) {
		return longest
	}
	short, enough := uint64(0), longest
	for short < enough {
		cycles, n := (short+enough)/2, 0
		for i, s := range sms {
			n += int(uint64(s.Core.Ended()) * cycles / max(1, took[i]))
		}
		if n < all {
			short = cycles + 1
		} else {
			enough = cycles
		}
	}
	return enough
}
