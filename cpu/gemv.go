package cpu

import "gpusim/configs"

// columnsAtOnce is how many columns a matrix-vector product takes in one pass over
// the result (four in OpenBLAS's kernels).
const columnsAtOnce = 4

// matrixVector runs a product with a vector: the matrix is read once in the order
// in which it lies, and nothing is packed.
func (m *model) matrixVector(machine *configs.Machine) (Result, error) {
	w := m.w
	e := float64(m.core.elem)
	long, batch := float64(max(w.M, w.N)), float64(m.batch)
	k := float64(w.K)
	n := long * k * batch
	size := (n + (long+k)*batch) * e
	s := sweep{name: "gemv", elems: n, streams: []stream{read(e, size), write(e/k, size)}, work: insts{fma: 1}}
	// Vectors run along what lies together: the result's elements, loaded and stored
	// once for a few columns, or k.
	columns := !w.TransA
	if w.M == 1 {
		columns = w.TransB
	}
	if columns {
		s.work.vecLoad, s.work.store = 1.0/columnsAtOnce, 1.0/columnsAtOnce
	} else {
		s.work.vecLoad = 1 // of the vector, in L1
	}
	r, counts, err := m.runSweep(&s)
	if err != nil {
		return Result{}, err
	}
	r.Ops = 2 * n
	r.ThreadGrid = [3]int{1, r.Threads, 1}
	for _, part := range []Reason{{Name: r.waits(), Seconds: r.Seconds - m.forkJoin(r.Threads)/m.hz}, {Name: ForkJoinBarrier, Seconds: m.forkJoin(r.Threads) / m.hz}} {
		part.SharePct = 100 * part.Seconds / r.Seconds
		r.Reasons = append(r.Reasons, part)
	}
	err = finish(machine, m, w.DType, &r, counts)
	return r, err
}

// waits is the reason that goes with what a loop is bound by.
func (r *Result) waits() string {
	for _, name := range []string{Compute, Latency, Issue, L2Bandwidth, L3Bandwidth, DRAMBandwidth} {
		if boundNames[name] == r.Bound {
			return name
		}
	}
	return Issue
}
