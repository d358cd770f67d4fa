package nvlink

import (
	"math"

	"gpusim/configs"
	"gpusim/workloads"
)

// Closed is the closed form of a collective: a constant, and the longest of a time
// per step, a time per slice, and bytes over the bandwidth that the channels
// sustain (alpha-beta, overlapped).
func Closed(s *configs.System, c *workloads.Collective) (Result, error) {
	if c.Op == workloads.PointToPoint {
		return closedCopy(s, c)
	}
	u, err := newSetup(s, c, nil)
	if err != nil {
		return Result{}, &InputError{err}
	}
	r, err := u.closed()
	if err != nil {
		return r, err
	}
	if c, ok := u.carries(); ok {
		r.Links = c.links(u.g, r.Seconds)
		if u.plan.fold != nil {
			u.plan.fold.mark(u.g, r.Links)
		}
	}
	return r, nil
}

// closed is the closed form of a collective that has no program yet.
func (u *setup) closed() (Result, error) {
	c := u.c
	rounds := 1.0 // of the program, in ops that it has
	if u.foldsTree() {
		return u.closedTree()
	}
	if u.folds() {
		u.cut()
		u.prog, u.fold, rounds = u.folded(1), u.boxes, float64(u.sends()+1)/2 // of two ops a round instead of all
	} else if err := u.prepare(); err != nil {
		if u.pick.algo != Tree {
			return Result{}, &InputError{err}
		}
		return u.closedTree()
	}
	wires, err := u.wires()
	if err != nil {
		return Result{}, &InputError{err}
	}
	hop := 0.0 // ps; what goes round meets every connection
	for i := range wires {
		hop += float64(wires[i].latency) / float64(len(wires))
	}
	step := float64(u.pace().step)
	n := float64(c.GPUs)
	bw := u.rateOf() // bytes per ps of all channels
	size := float64(c.Size)
	var steps, bytes float64
	switch {
	case u.pick.algo == InSwitch:
		steps, bytes = 1, size/n
	case u.pick.algo == Tree:
		steps, bytes = 2*u.depth(), 2*size
		if len(u.plan.boxes) > 1 {
			bytes = size
		}
	case u.pick.algo == Halving:
		steps, bytes = 2*math.Log2(n), 2*size*(n-1)/n
	case c.Op == workloads.AllReduce:
		steps, bytes = 2*(n-1), 2*size*(n-1)/n
	case c.Op == workloads.HaloExchange:
		steps, bytes = 1, size
	case c.Op == workloads.Broadcast: // slices follow each other down a chain
		steps, bytes = n-1, size
	default:
		steps, bytes = n-1, size*(n-1)/n
	}
	ops, slice := 0.0, 0.0 // of the busiest worker, and its largest slice
	for _, w := range u.prog.workers {
		ops = math.Max(ops, rounds*float64(len(w.ops)))
		for i := range w.ops {
			slice = math.Max(slice, float64(w.ops[i].seg.size()))
		}
	}
	limit := float64(u.lib.CTARate) * 1e-12 // of a channel alone, bytes per ps
	for i := range wires {
		for _, w := range []*way{wires[i].push, wires[i].proxy} {
			if w != nil {
				limit = math.Min(limit, w.limit*1e-12)
			}
		}
	}
	// Three things go on at once: a slice's way through all steps, a CTA's work on all
	// its slices, and the links'. The slowest counts; while some channels are busy
	// with a step others have the links.
	chain := steps * (hop + slice/limit)
	cta := (ops-1)*step + bytes/float64(len(u.rings))/limit
	if c.Op == workloads.Broadcast {
		chain += math.Max(0, size-slice*float64(len(u.rings))) / bw
	}
	beta := bytes / bw
	ps := float64(u.launch()) + float64(u.lib.Jitter)*harmonic(len(u.rings)) + math.Max(math.Max(chain, cta), beta) + hop
	return Result{Seconds: ps * 1e-12, Folded: u.fold, Algo: u.pick.algo, Proto: u.pick.proto, Channels: len(u.rings), Bound: bound(beta, ps)}, nil
}

func bound(beta, all float64) string {
	if beta > all/2 {
		return "link"
	}
	return "latency"
}

// harmonic is the expectation of the largest of n exponential spreads, in means.
func harmonic(n int) (h float64) {
	for i := 1; i <= n; i++ {
		h += 1 / float64(i)
	}
	return h
}

// depth is that of the deepest rank in the trees, in hops.
func (u *setup) depth() float64 {
	deepest := 0
	for c := range min(2, len(u.rings)) {
		tree := u.plan.ranksTree(c)
		for r := range tree {
			d := 0
			for at := r; tree[at].up >= 0; at = tree[at].up {
				d++
			}
			deepest = max(deepest, d)
		}
	}
	return float64(deepest)
}

// rateOf is what the channels in use sustain in bytes of data per ps when all
// their connections are busy at once.
func (u *setup) rateOf() float64 {
	wires, err := u.wires()
	if err != nil {
		return 1 // the caller has asked already
	}
	ways := u.ways(wires)
	for i := range wires {
		for _, w := range []*way{wires[i].push, wires[i].proxy} {
			if w != nil {
				w.flows++
			}
		}
	}
	if u.plan.gathers != nil {
		for _, w := range ways {
			w.flows = len(u.rings)
		}
	}
	for _, w := range ways {
		w.lean = w.all
	}
	newSharer(u.g).share(ways)
	slowest := math.Inf(1)
	for _, w := range ways {
		if w.flows > 0 {
			slowest = math.Min(slowest, w.rate)
		}
	}
	out := slowest * float64(len(u.rings)) * 1e-12
	if u.pick.algo == Halving { // one partner at a time
		out *= math.Log2(float64(u.c.GPUs))
	}
	if u.c.Op == workloads.AllToAll {
		out *= float64(u.c.GPUs - 1)
	}
	return out
}

// closedCopy is the closed form of a copy.
func closedCopy(s *configs.System, c *workloads.Collective) (Result, error) {
	g, err := build(s, max(c.Src, c.Dst)+1, nil)
	if err != nil {
		return Result{}, &InputError{err}
	}
	src, dst := g.gpus[c.Src], g.gpus[c.Dst]
	r, err := g.find(src, dst, "")
	if err != nil {
		return Result{}, &InputError{err}
	}
	host := c.Via == "host" || r.class == configs.ClassPCIe && !s.Library.Peer
	legs, err := g.legs(src, dst, host)
	if err != nil {
		return Result{}, &InputError{err}
	}
	overhead, latency := float64(s.Copies.Write), uint64(0)
	switch {
	case host:
		overhead = float64(s.Copies.Staged)
	case c.Dir == "read":
		overhead = float64(s.Copies.Read)
	}
	slowest, carried := math.Inf(1), carriedBy(g)
	for _, leg := range legs {
		w := &way{all: g.uses(leg, Copies), limit: 1e15, flows: 1}
		w.lean = w.all
		ways := []*way{w}
		if c.Both {
			back, err := g.find(leg.to, leg.from, "")
			if err != nil {
				return Result{}, &InputError{err}
			}
			b := &way{all: g.uses(back, Copies), limit: 1e15, flows: 1}
			b.lean = b.all
			ways = append(ways, b)
		}
		newSharer(g).share(ways)
		for _, w := range ways {
			carried.add(w, float64(c.Size))
		}
		slowest = math.Min(slowest, w.rate)
		latency += leg.latency
	}
	ps := float64(c.Size) / slowest * 1e12
	algo := c.Dir
	if host { // pieces with a gap between, and one more to fill the other half
		pieces := math.Ceil(float64(c.Size) / float64(s.Copies.Chunk))
		ps += math.Min(float64(c.Size), float64(s.Copies.Chunk))/slowest*1e12 + (pieces-1)*float64(s.Copies.Gap)
		algo = "host"
	}
	ps += overhead + 2*float64(latency) + 2*float64(g.farFromHost(src))
	seconds := ps * 1e-12
	return Result{Seconds: seconds, Algo: algo, Channels: 1, Folded: 1, Bound: bound(ps-overhead, ps), Links: carried.links(g, seconds)}, nil
}

// closedTree is the closed form of trees over more ranks than a program is made
// for. Each box receives and sends the buffer twice over the network, as an
// inner place of one tree and a leaf of the other.
func (u *setup) closedTree() (Result, error) {
	u.cut()
	inside, outside := 0.0, 0.0
	ring := u.rings[0]
	for i, a := range ring {
		r, err := u.route(routeKey{a, ring[(i+1)%len(ring)], i == len(ring)-1})
		if err != nil {
			return Result{}, &InputError{err}
		}
		hop := float64(u.hop(r))
		if r.class == configs.ClassNet {
			outside = math.Max(outside, hop)
		} else {
			inside = math.Max(inside, hop)
		}
	}
	alpha := 2 * (float64(u.per-1)*inside + math.Ceil(math.Log2(float64(u.boxes)))*outside)
	slices := math.Ceil(float64(u.c.Size) / float64(len(u.rings)) / float64(u.plan.chunk))
	alpha += (slices - 1) * float64(u.pace().step)
	beta := 2 * float64(u.c.Size) / u.busGBps * 1e3
	ps := float64(u.launch()) + float64(u.lib.Jitter)*harmonic(len(u.rings)) + alpha + beta
	return Result{Seconds: ps * 1e-12, Folded: u.fold, Algo: Tree, Proto: u.pick.proto, Channels: len(u.rings), Bound: bound(beta, ps)}, nil
}
