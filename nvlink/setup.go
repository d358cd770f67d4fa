package nvlink

import (
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/workloads"
)

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
	fold     int     // boxes that the one of the program stands for
	coarse   float64 // rounds of the program that one of its rounds stands for, see coarsen
	foldAll  bool    // trees are folded however few ranks they have
	all      *graph  // on which the program runs, where it is one of several; nil: it makes its own
	nodes    []int   // of all, of the ranks
}

// newSetup finds channels, algorithm and protocol. ranks says which GPU is
// which rank, nil: in their order. Its errors are the user's.
func newSetup(s *configs.System, c *workloads.Collective, ranks []int) (*setup, error) {
	per := PerNode(s)
	boxes := (c.GPUs + per - 1) / per
	if boxes > s.Nodes {
		return nil, fmt.Errorf("gpus=%d, but the system has %d", c.GPUs, per*s.Nodes)
	}
	// Channels are found in one box, which stands for the others.
	g, err := build(s, min(per, c.GPUs), ranks)
	if err != nil {
		return nil, err
	}
	return setupOn(s, c, g, per, boxes)
}

// setupOn is newSetup for ranks on a graph of one box, per of each box.
func setupOn(s *configs.System, c *workloads.Collective, g *graph, per, boxes int) (*setup, error) {
	u := &setup{fold: 1, coarse: 1, c: c, lib: &s.Library, g: g, per: per, boxes: boxes, routes: map[routeKey]*route{}, class: configs.ClassNVLink}
	var err error
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
const maxRanks = 256

// prepare makes the program. Ranks of several boxes that all do the same are
// those of one box.
func (u *setup) prepare() (err error) {
	if u.folds() {
		u.cut()
		u.prog, u.fold = u.folded(u.coarsen()), u.boxes
		return nil
	}
	if u.foldsTree() {
		return u.foldedTree()
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
		return fmt.Errorf("%d GPUs with %s are more than the %d that are simulated one by one (allowed: allreduce with algo=ring or tree, reducescatter and allgather on whole nodes, or the analytic fidelity)",
			u.c.GPUs, u.pick.algo, maxRanks)
	case u.all != nil:
		g := *u.all
		g.gpus = u.nodes
		u.g, u.routes = &g, map[routeKey]*route{}
		if u.boxes > 1 {
			u.rings = spread(u.rings, u.per, u.c.GPUs)
		}
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
