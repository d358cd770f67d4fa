package nvlink

import (
	"context"
	"fmt"

	"gpusim/configs"
	"gpusim/sim"
	"gpusim/workloads"
)

// Copy simulates a copy between two GPUs. What the measuring program adds is
// part of the time, as far as the system's file says. Mistakes of the user's
// are an InputError.
func Copy(ctx context.Context, s *configs.System, c *workloads.Collective, o Options) (Result, error) {
	g, err := build(s, max(c.Src, c.Dst)+1, nil)
	if err != nil {
		return Result{}, &InputError{err}
	}
	src, dst := g.gpus[c.Src], g.gpus[c.Dst]
	r, err := g.find(src, dst, "")
	if err != nil {
		return Result{}, &InputError{err}
	}
	e, d := sim.NewEngine(ctx, o.MaxCycles), sim.NewDomain(hz)
	f := newFabric(e, d, g)
	out := Result{Algo: c.Dir, Channels: 1, Folded: 1}
	overhead := uint64(s.Copies.Write)
	if c.Dir == "read" {
		overhead = uint64(s.Copies.Read)
	}
	var copies []*staging
	ends := [][2]int{{src, dst}}
	if c.Both {
		ends = append(ends, [2]int{dst, src})
	}
	host := c.Via == "host" || r.class == configs.ClassPCIe && !s.Library.Peer
	if host {
		out.Algo, overhead = "host", uint64(s.Copies.Staged)
	}
	var ways []*way
	for i, p := range ends {
		legs, err := g.legs(p[0], p[1], host)
		if err != nil {
			return Result{}, &InputError{err}
		}
		t := &staging{fabric: f, order: int64(i) << 8, gap: cycles(uint64(s.Copies.Gap))}
		for _, leg := range legs {
			w := &way{all: g.uses(leg, Copies), limit: 1e15}
			ways = append(ways, w)
			t.legs = append(t.legs, copyLeg{way: w})
			t.latency += leg.latency
		}
		t.cut(c.Size, int64(s.Copies.Chunk))
		copies = append(copies, t)
	}
	f.lay(ways)
	for _, t := range copies {
		t.begin(1)
	}
	if o.Watch != nil {
		o.Watch(e)
	}
	if err := e.RunAll(); err != nil {
		return Result{}, err
	}
	var end, latency uint64
	for _, t := range copies {
		if t.done < len(t.pieces) {
			return Result{}, fmt.Errorf("%w: %d of %d pieces of a copy arrived", sim.ErrDeadlock, t.done, len(t.pieces))
		}
		end, latency = max(end, t.end), max(latency, t.latency)
	}
	// The copy is over when its last write has been acknowledged; a GPU of another
	// socket than the program's first has the way there and back before and after it.
	overhead += 2*latency + 2*g.farFromHost(src)
	out.Seconds = float64(end)/hz + float64(overhead)*1e-12
	out.Slices = len(copies[0].pieces)
	f.report(g, &out)
	return out, nil
}

// legs are the routes of a copy: one between peers, two by way of the host's
// memory.
func (g *graph) legs(src, dst int, host bool) ([]*route, error) {
	if !host {
		r, err := g.find(src, dst, "")
		return []*route{r}, err
	}
	at, err := g.hostOf(src)
	if err != nil {
		return nil, err
	}
	up, err := g.find(src, at, "")
	if err != nil {
		return nil, err
	}
	down, err := g.find(at, dst, "")
	return []*route{up, down}, err
}

// farFromHost is the latency in ps of the links between sockets on the way from the
// first socket to a GPU: commands go that way.
func (g *graph) farFromHost(gpu int) (ps uint64) {
	mine, err := g.hostOf(gpu)
	if err != nil {
		return 0
	}
	for i := range g.nodes {
		if n := &g.nodes[i]; n.part.Kind == configs.PartCPU && n.box == g.nodes[gpu].box {
			if i == mine {
				return 0
			}
			r, err := g.find(i, mine, configs.ClassPCIe)
			if err != nil {
				return 0
			}
			for _, h := range r.paths[0].hops {
				ps += uint64(g.edge(h).typ.Latency)
			}
			return ps
		}
	}
	return 0
}

// staging is a copy in pieces over one leg or two with buffers between.
type staging struct {
	fabric  *fabric
	order   int64
	gap     uint64 // cycles between two pieces of a leg
	latency uint64 // ps
	legs    []copyLeg
	pieces  []int64
	done    int // pieces that are there
	end     uint64
}

type copyLeg struct {
	way  *way
	sent int // pieces that are over this leg
	busy bool
}

// buffers between two legs.
const copyBuffers = 2

// cut makes pieces; a copy between peers is a single one.
func (t *staging) cut(size, chunk int64) {
	if len(t.legs) == 1 {
		t.pieces = []int64{size}
		return
	}
	for ; size > chunk; size -= chunk {
		t.pieces = append(t.pieces, chunk)
	}
	t.pieces = append(t.pieces, size)
}

// begin starts what can go on every leg.
func (t *staging) begin(cycle uint64) {
	for i := range t.legs {
		l := &t.legs[i]
		switch {
		case l.busy || l.sent == len(t.pieces):
			continue
		case i > 0 && t.legs[i-1].sent <= l.sent: // not there yet
			continue
		case i+1 < len(t.legs) && l.sent-t.legs[i+1].sent >= copyBuffers: // no buffer
			continue
		}
		l.busy = true
		t.fabric.startAt(cycle, l.way, t.pieces[l.sent], t.order+int64(i), func(cycle uint64) { t.over(i, cycle) })
	}
}

// over takes note of a piece that is over a leg.
func (t *staging) over(i int, cycle uint64) {
	l := &t.legs[i]
	l.sent++
	if i == len(t.legs)-1 {
		t.done, t.end = l.sent, cycle
	}
	t.begin(cycle)
	if l.sent < len(t.pieces) {
		t.fabric.at(cycle+t.gap, t.order, func(cycle uint64) { l.busy = false; t.begin(cycle) })
	} else {
		l.busy = false
	}
}
