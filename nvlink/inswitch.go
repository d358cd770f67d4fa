package nvlink

import (
	"fmt"
	"slices"

	"gpusim/configs"
)

// inSwitchEfficiency is what of the links' rate collectives get through switches
// that add up (NCCL 2.2x, src/graph/tuning.cc, nvlsEfficiency of Hopper).
const inSwitchEfficiency = 0.85

// inSwitchAllReduce lets the switches add up: each rank takes its block, summed over all
// ranks by the switches, and writes it to all through them.
func inSwitchAllReduce(p *plan) *program {
	prog := &program{ranks: p.ranks, bytes: p.bytes}
	for c := range p.rings {
		rounds := p.blocks(c)
		for r := range p.ranks {
			w := prog.work(r, c, "")
			for _, blocks := range rounds {
				w.each(p, blocks[r], op{own: true, keep: true, gather: p.gathers(r)})
			}
		}
	}
	return prog
}

// gathers gives, for each rank, what a byte of its block takes of the links: up from
// every GPU to the switches and down to the rank; then up from the rank and down to all. limit
// is that of a CTA.
func (g *graph) gathers(limit float64) ([]*gather, error) {
	ups := make([][]use, len(g.gpus)) // from a GPU to the switches
	downs := make([][]use, len(g.gpus))
	for r, gpu := range g.gpus {
		total := 0
		var hops []hop
		for _, h := range g.adj[gpu] {
			if g.edge(h.res).typ.Class != configs.ClassNVLink {
				continue
			}
			if !g.nodes[h.to].part.Reduction {
				return nil, fmt.Errorf("algo=in_switch, but %s does not add up", g.nodes[h.to].name)
			}
			hops, total = append(hops, h), total+g.edge(h.res).count
		}
		if total == 0 {
			return nil, fmt.Errorf("algo=in_switch, but %s is at no switch that adds up", g.nodes[gpu].name)
		}
		for _, h := range hops {
			share := float64(g.edge(h.res).count) / float64(total)
			forward, back := wire(g.edge(h.res).typ, Stores)
			w := forward * share / inSwitchEfficiency
			ups[r] = append(ups[r], use{h.res, w, share})
			downs[r] = append(downs[r], use{h.res ^ 1, w, share})
			if back > 0 {
				ups[r] = append(ups[r], use{h.res ^ 1, back * share, 0})
				downs[r] = append(downs[r], use{h.res, back * share, 0})
			}
		}
	}
	out := make([]*gather, len(g.gpus))
	for r := range g.gpus {
		reduce, spread := slices.Clone(downs[r]), slices.Clone(ups[r])
		for o := range g.gpus {
			reduce, spread = append(reduce, ups[o]...), append(spread, downs[o]...)
		}
		out[r] = &gather{reduce: &way{all: merged(reduce), limit: limit}, spread: &way{all: merged(spread), limit: limit}}
	}
	return out, nil
}

// merged adds up uses of the same resource.
func merged(uses []use) []use {
	at := map[int]int{}
	var out []use
	for _, u := range uses {
		i, ok := at[u.res]
		if !ok {
			i = len(out)
			at[u.res] = i
			out = append(out, use{res: u.res})
		}
		out[i].weight += u.weight
		out[i].share += u.share
	}
	return out
}
