package nvdla

import "gpusim/configs"

// Closed is the closed form beside Run, over the same plan. What is moved, multiplied
// and written follows from the plan alone and is the pipeline's to the byte. The time is
// the way in, with the first input on it, and the way out, and between them the longest
// of the array with what it waits for, of memory, and of the single-point processor.
func Closed(n *configs.NVDLA, c Conv) (Result, error) {
	return fastest(n, &c, func(p *plan) (Result, error) {
		r, first := p.tally(n)
		s := &n.Pipeline
		perCycle := float64(n.Memory.Bandwidth) / float64(n.Clock)
		sums := s.CSC + s.CMAC + s.CACC
		way := float64(s.Start+n.Memory.Latency+s.CDMA+sums+s.SDP) + float64(first)/perCycle
		memory := float64(r.Read+r.Written-uint64(first)) / perCycle
		// Little's law: so many atoms at most are between sequence controller and the
		// single-point processor's credit for them.
		loops := float64(r.SDPPoints)/float64(p.ops[0].spread*2*p.atomK) - 1
		output := float64(p.output(n)) + max(0, loops)*float64(sums+creditReturn)
		r.Cycles = uint64(way + max(p.array(n, perCycle), memory, output))
		r.Bound = bound(n, p, &r)
		return r, nil
	})
}

// array is the time of the MAC array. The input of a hardware layer is fetched while
// the one before runs, if the buffer has room for both, else behind it.
func (p *plan) array(n *configs.NVDLA, perCycle float64) (cycles float64) {
	for i := range p.ops {
		o := &p.ops[i]
		work, fetch := float64(o.work(p.atomK)), 0.0
		if i > 0 {
			fetch = float64(n.Memory.Latency+n.Pipeline.CDMA) + float64(o.loadBytes)/perCycle
			work += flushCycles
		}
		weights := min(2, len(o.kernels)) * o.kernels[0] * o.kernBytes
		if i > 0 && p.ops[i-1].dataBytes+o.dataBytes+weights > n.CBUF.Total() {
			cycles += work + fetch
		} else {
			cycles += max(work, fetch)
		}
	}
	return cycles
}

// tally counts what a plan does, and the bytes without which nothing begins: the first
// input and kernel group.
func (p *plan) tally(n *configs.NVDLA) (r Result, first int) {
	r = Result{Mode: p.mode, Ops: len(p.ops)}
	for i := range p.ops {
		o := &p.ops[i]
		atoms, kernels, groups := 0, 0, len(o.kernels)
		for _, a := range o.atoms {
			atoms += a
		}
		for _, k := range o.kernels {
			kernels += k
		}
		weights := kernels * o.kernBytes
		if o.kept {
			weights = 0
		}
		points := groups * atoms * o.spread
		r.Busy += uint64(groups * o.packages * atoms)
		r.SDPPoints += uint64(points)
		r.Read += uint64(o.loadBytes + weights + points*o.addBytes)
		r.Written += uint64(points * o.atomOut)
		r.CBUFBytes += uint64(o.loadBytes + weights + o.packages*(groups*atoms*int(n.CBUF.Width)+len(o.atoms)*kernels*n.AtomicC))
	}
	o := &p.ops[0]
	return r, o.loadBytes + o.kernels[0]*o.kernBytes
}
