package nvlink

import (
	"context"
	"fmt"
	"math"
	"math/bits"

	"gpusim/configs"
	"gpusim/sim"
	"gpusim/workloads"
)

// Result is what a collective or a copy took.
type Result struct {
	Seconds  float64
	Algo     string // copies: write, read, host
	Proto    string
	Channels int
	Bound    string // link, latency or cta
	Links    []LinkUse
	Slices   int     // that were simulated
	Folded   int     // nodes that each node of Links stands for
	PeakUse  float64 // highest share of a link's rate in use at any time

	output [][]int64 // of each rank, when the program was executed on numbers
}

// LinkUse is one direction of a bundle of links.
type LinkUse struct {
	Link    string
	Dir     string  // a>b: from the first part of the name to the second
	Data    float64 // bytes without headers
	Wire    float64 // bytes with headers and answers
	BusyPct float64
}

// setup is a collective on a system, ready to run.
type setup struct {
	g        *graph
	c        *workloads.Collective
	lib      *configs.CommLibrary
	pick     choice
	proto    protocol
	rings    [][]int // of the channels in use
	class    string  // farthest class of the ring's routes inside a box
	plan     plan
	prog     *program
	routes   map[routeKey]*route
	busGBps  float64
	channels int // that the library could use
	per      int // ranks of a box
	boxes    int
	fold     int // boxes that the one of the program stands for
}

// newSetup finds channels, algorithm and protocol. ranks says which GPU is
// which rank, nil: in their order. Its errors are the user's.
func newSetup(s *configs.System, c *workloads.Collective, ranks []int) (*setup, error) {
	u := &setup{fold: 1, c: c, lib: &s.Library, per: PerNode(s), routes: map[routeKey]*route{}, class: configs.ClassNVLink}
	u.boxes = (c.GPUs + u.per - 1) / u.per
	if u.boxes > s.Nodes {
		return nil, fmt.Errorf("gpus=%d, but the system has %d", c.GPUs, u.per*s.Nodes)
	}
	// Channels are found in one box, which stands for the others.
	var err error
	if u.g, err = build(s, min(u.per, c.GPUs), ranks); err != nil {
		return nil, err
	}
	if u.rings, err = u.g.rings(s.Library.Channels); err != nil {
		return nil, err
	}
	if u.boxes > 1 {
		if u.rings, err = u.g.turned(u.rings); err != nil {
			return nil, err
		}
	}
	u.channels = len(u.rings)
	if err := u.bus(); err != nil {
		return nil, err
	}
	return u, u.choose()
}

// maxRanks are the most that are simulated one by one.
const maxRanks = 2048

// prepare makes the program. Ranks of several boxes that all do the same are
// those of one box.
func (u *setup) prepare() (err error) {
	if u.folds() {
		u.cut()
		u.prog, u.fold = u.folded(u.sends()), u.boxes
		return nil
	}
	return u.whole()
}

// folds says whether one box stands for all.
func (u *setup) folds() bool {
	return u.boxes > 1 && u.c.GPUs%u.per == 0 && foldable(u.c, u.pick.algo)
}

// whole makes the program of all ranks one by one.
func (u *setup) whole() (err error) {
	switch {
	case u.c.GPUs > maxRanks:
		return fmt.Errorf("%d GPUs with %s are more than the %d that are simulated one by one (allowed: allreduce with algo=ring, reducescatter and allgather on whole nodes, or the analytic fidelity)",
			u.c.GPUs, u.pick.algo, maxRanks)
	case u.boxes > 1:
		if u.g, err = build(u.g.sys, u.c.GPUs, nil); err != nil {
			return err
		}
		u.routes = map[routeKey]*route{}
		u.rings = spread(u.rings, u.per, u.c.GPUs)
	}
	u.cut()
	u.prog, err = u.generate()
	return err
}

// routeKey names a route: between two ranks, or to one of the next box.
type routeKey struct {
	from, to int
	loop     bool
}

// route between two ranks.
func (u *setup) route(k routeKey) (r *route, err error) {
	if r := u.routes[k]; r != nil {
		return r, nil
	}
	if k.loop {
		r, err = u.g.loop(u.g.gpus[k.from], u.g.gpus[k.to])
	} else {
		r, err = u.g.find(u.g.gpus[k.from], u.g.gpus[k.to], "")
	}
	u.routes[k] = r
	return r, err
}

// bus is the bandwidth that all channels together sustain, in GB/s of data, by
// the links alone, and the class of the farthest link inside a box.
func (u *setup) bus() error {
	var ways []*way
	of := make([]map[*way]bool, len(u.rings)) // of each channel
	known := map[*route]*way{}
	for c, ring := range u.rings {
		of[c] = map[*way]bool{}
		for i, a := range ring {
			r, err := u.route(routeKey{a, ring[(i+1)%len(ring)], u.boxes > 1 && i == len(ring)-1})
			if err != nil {
				return err
			}
			if r.class == configs.ClassPCIe {
				u.class = configs.ClassPCIe
			}
			w := known[r]
			if w == nil {
				uses := u.g.uses(r, Stores)
				w = &way{all: uses, lean: uses, limit: u.limit(r)}
				known[r] = w
				ways = append(ways, w)
			}
			w.flows++
			of[c][w] = true
		}
	}
	newSharer(u.g).share(ways)
	slowest := make([]float64, len(u.rings))
	for i := range slowest {
		slowest[i] = math.Inf(1)
	}
	for c := range of {
		for w := range of[c] {
			slowest[c] = min(slowest[c], w.rate)
		}
	}
	for _, r := range slowest {
		u.busGBps += r / 1e9
	}
	return nil
}

// has says whether the library has a protocol here.
func (u *setup) has(proto string) bool {
	switch proto {
	case LL:
		return u.lib.LL
	case LL128:
		return u.lib.LL128 && u.class == configs.ClassNVLink && u.boxes == 1
	}
	return true
}

// choose takes the algorithm and protocol that the library expects to be
// fastest, among those that the user leaves to it.
func (u *setup) choose() error {
	algos := []string{Ring}
	if u.c.Op == workloads.AllReduce {
		algos = []string{Ring, Tree}
		if u.lib.Tuning == "mpi" && u.c.GPUs&(u.c.GPUs-1) == 0 {
			algos = []string{Halving}
		}
		if u.lib.InSwitch && u.boxes == 1 && u.c.GPUs > 2 {
			algos = append(algos, InSwitch)
		}
		if u.lib.Tuning == "pascal" {
			algos = []string{Ring} // NCCL 2.0 had no trees
		}
	}
	if u.c.Algo != "" {
		algos = []string{u.c.Algo}
	}
	protos := []string{LL, LL128, Simple}
	if u.c.Proto != "" {
		if !u.has(u.c.Proto) {
			return fmt.Errorf("proto=%s: the library has it not on these links", u.c.Proto)
		}
		protos = []string{u.c.Proto}
	}
	u.pick.us = math.Inf(1)
	for _, a := range algos {
		for _, p := range protos {
			if !u.has(p) || a == InSwitch && p != Simple {
				continue
			}
			model := a
			if a == Halving {
				model = Ring
			}
			t := expect(u.c.Op, u.lib.Tuning, model, p, u.class, u.c.GPUs, u.boxes, u.channels, u.busGBps, u.c.Size)
			if t < u.pick.us {
				u.pick = choice{a, p, t}
			}
		}
	}
	if u.pick.algo == "" {
		return fmt.Errorf("algo=%s has no protocol %s", u.c.Algo, u.c.Proto)
	}
	return nil
}

// cut decides how many channels and which chunks carry the buffer.
func (u *setup) cut() {
	u.proto = *protocolOf(u.pick.proto)
	p := &u.proto
	each := p.threads * p.least
	if p.name == LL && u.pick.algo == Ring {
		each *= int64(u.c.GPUs)
	}
	n := len(u.rings)
	threads := p.threads
	for u.c.Size < int64(n)*each {
		if n > 1 {
			n--
		} else if threads%128 == 0 {
			threads, each = threads/2, each/2
		} else {
			break
		}
	}
	u.rings = u.rings[:n]
	scale := float64(u.lib.Buffer) / (4 << 20)
	u.plan = plan{
		ranks: u.c.GPUs, bytes: u.c.Size, rings: u.rings, root: u.c.Root,
		chunk:  max(16, int64(float64(p.chunk)*scale)/16*16),
		pieces: p.pieces, least: 16, grain: threads * 8,
	}
	if p.name == Simple {
		u.plan.least = minSlice
	}
	u.plan.uneven = u.c.Op == workloads.AllReduce
	if p.name != LL && (u.pick.algo == Tree || u.c.Op == workloads.Broadcast) {
		u.pipeline()
	}
	u.plan.boxes = make([][]int, u.boxes)
	for r := range u.c.GPUs {
		u.plan.boxes[r/u.per] = append(u.plan.boxes[r/u.per], r)
	}
}

// pipeline cuts for trees and chains: slices of one step of the buffer, and
// smaller ones while there are few of them for the depth (NCCL 2.1x, enqueue.cc,
// computeColl, where it holds for trees; in chains LL128 goes on line by line).
func (u *setup) pipeline() {
	p := &u.plan
	p.chunk, p.pieces, p.least = max(16, p.chunk/4/16*16), 1, 16
	u.proto.slots = 8
	if u.pick.algo != Tree && u.proto.name == Simple {
		return
	}
	depth := int64(u.c.GPUs/u.boxes - 1 + bits.Len(uint(u.boxes)) - 1)
	for _, rule := range []struct{ slices, least int64 }{{8, 128 << 10}, {4, 64 << 10}, {1, 32 << 10}} {
		for p.bytes/(int64(len(p.rings))*p.chunk) < depth*rule.slices && p.chunk > rule.least {
			p.chunk /= 2
		}
	}
	p.chunk = max(16, p.chunk/16*16)
}

func (u *setup) generate() (*program, error) {
	p := &u.plan
	switch u.c.Op {
	case workloads.ReduceScatter:
		return ringReduceScatter(p), nil
	case workloads.AllGather:
		return ringAllGather(p), nil
	case workloads.Broadcast:
		return ringBroadcast(p), nil
	case workloads.AllToAll:
		return allToAll(p), nil
	}
	switch u.pick.algo {
	case Tree:
		return treeAllReduce(p), nil
	case Halving:
		return halvingAllReduce(p)
	case InSwitch:
		g, err := u.g.gathers(float64(u.lib.CTARate))
		if err != nil {
			return nil, err
		}
		p.gathers = func(r int) *gather { return g[r] }
		return inSwitchAllReduce(p), nil
	}
	return ringAllReduce(p), nil
}

// nominal are the latencies of routes in us that are part of the library's
// hop latencies, which were measured on such routes.
var nominalUS = map[string]float64{configs.ClassNVLink: 0.2, configs.ClassPCIe: 0.65, configs.ClassNet: 2.5}

// hop is the latency of a route's slices in ps, wire included.
func (u *setup) hop(r *route) uint64 {
	algo := Ring
	if u.pick.algo == Tree {
		algo = Tree
	}
	soft := us(hopUS[r.class][algo][u.proto.name])
	if u.lib.Hop > 0 {
		soft = uint64(u.lib.Hop)
	}
	const least = 50_000 // a poll
	return max(least, soft-min(soft, us(nominalUS[r.class]))) + r.latency
}

// wires lays the program's connections over routes.
func (u *setup) wires() ([]wireUp, error) {
	known := map[routeKey]wireUp{}
	out := make([]wireUp, len(u.prog.conns))
	for i, c := range u.prog.conns {
		key := routeKey{c.from, c.to, c.loop}
		w, ok := known[key]
		if !ok {
			r, err := u.route(key)
			if err != nil {
				return nil, err
			}
			if w, err = u.wire(r); err != nil {
				return nil, err
			}
			known[key] = w
		}
		out[i] = w
	}
	return out, nil
}

// limit is what a channel moves over a route beside the links: that of its
// CTA, or of the proxy towards the network.
func (u *setup) limit(r *route) float64 {
	l := float64(u.lib.CTARate)
	switch {
	case r.class == configs.ClassNet && u.lib.Network > 0:
		l = float64(u.lib.Network)
	case r.class == configs.ClassPCIe && !u.lib.Peer && u.lib.HostRate > 0:
		l = float64(u.lib.HostRate)
	}
	return l
}

func (u *setup) wire(r *route) (wireUp, error) {
	w := wireUp{latency: u.hop(r)}
	on := &way{limit: u.limit(r)}
	switch {
	case r.class == configs.ClassNet:
		on.all = u.g.uses(r, Copies)
		w.proxy = on
		return w, nil
	case r.class == configs.ClassPCIe && !u.lib.Peer:
		host, err := u.g.hostOf(r.from)
		if err != nil {
			return w, err
		}
		up, err := u.g.find(r.from, host, configs.ClassPCIe)
		if err != nil {
			return w, err
		}
		down, err := u.g.find(host, r.to, configs.ClassPCIe)
		if err != nil {
			return w, err
		}
		on.all = merged(append(u.g.uses(up, u.proto.traffic), u.g.uses(down, u.proto.traffic)...))
	default:
		on.all = u.g.uses(r, u.proto.traffic)
	}
	if u.proto.name == LL {
		on.limit /= 2 // half of what it stores are flags
	}
	w.push = on
	return w, nil
}

// ways are all that flows of the program take, each once.
func (u *setup) ways(wires []wireUp) (out []*way) {
	seen := map[*way]bool{}
	add := func(w *way) {
		if w != nil && !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	for i := range wires {
		add(wires[i].push)
		add(wires[i].proxy)
	}
	if u.plan.gathers != nil {
		for r := range u.plan.ranks {
			add(u.plan.gathers(r).reduce)
			add(u.plan.gathers(r).spread)
		}
	}
	return out
}

// hostOf is the CPU that is nearest to a part.
func (g *graph) hostOf(n int) (int, error) {
	best, hops := -1, 0
	for i := range g.nodes {
		if g.nodes[i].part.Kind != configs.PartCPU || g.nodes[i].box != g.nodes[n].box {
			continue
		}
		r, err := g.find(n, i, configs.ClassPCIe)
		if err == nil && (best < 0 || len(r.paths[0].hops) < hops) {
			best, hops = i, len(r.paths[0].hops)
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("%s is at no CPU, whose memory its data would go through", g.nodes[n].name)
	}
	return best, nil
}

// pace is the library's share.
func (u *setup) pace() pace {
	p := pace{step: u.proto.step, local: float64(u.lib.CTARate), copy: !u.c.Direct && !u.lib.CopiesBehind, slots: u.proto.slots}
	if u.lib.Step > 0 {
		p.step = uint64(u.lib.Step)
	}
	return p
}

// launch is when the first CTA could be at work, in ps.
func (u *setup) launch() uint64 {
	t := uint64(u.lib.Launch)
	switch {
	case u.pick.algo == InSwitch:
		t += us(baseInSwitch - baseUS[Ring][LL])
	case u.lib.LL || u.lib.LL128: // a library with protocols to choose among
		t += u.proto.extra
	}
	return t
}

// begin is the cycle at which the CTA of a channel is at work: CTAs of a
// kernel come to work at random, with an exponential spread; this is the
// expectation of the k-th of n.
func (u *setup) begin(channel int) uint64 {
	n, sum := len(u.rings), 0.0
	for j := 0; j <= channel; j++ {
		sum += 1 / float64(n-j)
	}
	return cycles(u.launch() + uint64(sum*float64(u.lib.Jitter)))
}

// Collective simulates a collective. ranks says which GPU is which rank; nil:
// in their order. Mistakes of the user's are an InputError.
func Collective(ctx context.Context, s *configs.System, c *workloads.Collective, ranks []int, maxCycles uint64) (Result, error) {
	u, err := newSetup(s, c, ranks)
	if err != nil {
		return Result{}, &InputError{err}
	}
	if err := u.prepare(); err != nil {
		return Result{}, &InputError{err}
	}
	return u.run(ctx, maxCycles)
}

// run simulates the program.
func (u *setup) run(ctx context.Context, maxCycles uint64) (Result, error) {
	wires, err := u.wires()
	if err != nil {
		return Result{}, &InputError{err}
	}
	e, d := sim.NewEngine(ctx, maxCycles), sim.NewDomain(hz)
	f := newFabric(e, d, u.g)
	f.lay(u.ways(wires))
	x := newExecution(e, d, u.g, f, u.prog, wires, u.pace(), u.begin)
	if err := e.RunAll(); err != nil {
		return Result{}, err
	}
	r := Result{Seconds: float64(x.end) / hz, Folded: u.fold, Algo: u.pick.algo, Proto: u.pick.proto, Channels: len(u.rings)}
	for _, w := range u.prog.workers {
		r.Slices += len(w.ops)
	}
	f.report(u.g, &r)
	return r, nil
}

// report fills in what the links did.
func (f *fabric) report(g *graph, r *Result) {
	busiest := 0.0
	for res := range 2 * len(g.edges) {
		e := g.edge(res)
		busy := f.wire[res] / (f.shares.capacity[res] * r.Seconds)
		busiest = max(busiest, busy)
		r.PeakUse = max(r.PeakUse, f.shares.peak[res])
		r.Links = append(r.Links, LinkUse{
			Link: g.linkName(e), Dir: g.nodes[g.from(res)].name + ">" + g.nodes[g.to(res)].name,
			Data: math.Round(f.data[res]), Wire: math.Round(f.wire[res]), BusyPct: 100 * busy,
		})
	}
	r.Bound = "latency"
	if busiest > 0.5 {
		r.Bound = "link"
	}
}

// InputError marks a mistake of the user's.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *InputError) Unwrap() error { return e.Err }
