package nvlink

import (
	"fmt"

	"gpusim/configs"
)

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
	type kind struct {
		route    routeKey
		partners [2]float64
	}
	known := map[kind]wireUp{}
	out := make([]wireUp, len(u.prog.conns))
	for i, c := range u.prog.conns {
		key := kind{routeKey{c.from, c.to, c.loop}, c.partners}
		w, ok := known[key]
		if !ok {
			r, err := u.route(key.route)
			if err != nil {
				return nil, err
			}
			if w, err = u.wire(r, c.partners); err != nil {
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

func (u *setup) wire(r *route, partners [2]float64) (wireUp, error) {
	w := wireUp{latency: u.times(u.hop(r))}
	on := &way{limit: u.limit(r)}
	switch {
	case r.class == configs.ClassNet:
		if partners == [2]float64{} {
			partners = [2]float64{1, 1}
		}
		on.all = u.g.usesOf(r, Copies, partners)
		u.g.inMemory(on, r.from, r.to, memoryPerProxy*partners[0], memoryPerProxy*partners[1])
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
	u.g.inMemory(on, r.from, r.to, memoryPerSent, memoryPerReceived)
	switch u.proto.name {
	case LL:
		on.limit /= 2 // half of what it stores are flags
	case LL128:
		on.limit = min(on.limit, limits[u.lib.Tuning].ll128*1e9)
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
