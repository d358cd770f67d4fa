package nvlink

// haloExchange sends each rank's buffer to both neighbours in its ring: a channel
// goes either way with the whole of its part.
func haloExchange(p *plan) *program {
	prog := &program{ranks: p.ranks, bytes: p.bytes}
	for c, ring := range p.rings {
		n := len(ring)
		next, back := make([]int, n), make([]int, n)
		for i, r := range ring {
			next[i] = prog.connect(r, ring[(i+1)%n], c)
			back[i] = prog.connect(r, ring[(i+n-1)%n], c)
		}
		chunks := p.loops(p.part(c), 1)
		for i, r := range ring {
			send := prog.work(r, c, "send")
			from := [2]*worker{prog.work(r, c, "receive from before"), prog.work(r, c, "receive from behind")}
			for _, chunk := range chunks {
				send.each(p, chunk[0], op{to: []int{next[i], back[i]}, own: true, input: true})
				from[0].each(p, chunk[0], op{from: []int{next[(i+n-1)%n]}, keep: true})
				from[1].each(p, chunk[0], op{from: []int{back[(i+1)%n]}, keep: true})
			}
		}
	}
	return prog
}
