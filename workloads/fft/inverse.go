package fft

import (
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// inverse generates the kernel that transforms spectra back to real squares, of
// which it writes what the squares hold, times alpha.
func inverse(name string, c spectra, r squares, alpha float64, l tile.Latencies) (*tile.Kernel, error) {
	t := newTransform(name, r, c, true, alpha/(size*size))
	e := t.e
	var pairs []int
	for round := range rounds {
		global, _ := t.spectrum(round)
		pairs = append(pairs, e.Pair())
		e.Integers(t.addr, 2)
		e.Add(emit.Load(tile.OpLDG, pairs[round], global))
	}
	for round := range rounds {
		_, staged := t.spectrum(round)
		e.Add(emit.Store(tile.OpSTS, pairs[round], staged))
	}
	e.Add(emit.Bare(tile.OpBAR))
	g := &graph{}
	row := t.inputs(g, size)
	for j, v := range row {
		e.Add(emit.Load(tile.OpLDS, v.re.n.reg, t.lanes(8, func(lane int) int { return j*half + spectrumLane(lane) })))
	}
	var out []value
	for _, v := range g.fourier(row, 1)[:r.cols] {
		out = append(out, v.re, v.im)
	}
	g.emit(e, out, func(i, reg int) {
		e.Add(emit.Store(tile.OpSTS, reg, t.part(i%2, func(lane int) int { return spectrumLane(lane)*rowPitch + i/2 })))
	})
	g = &graph{}
	column := t.inputs(g, half)
	for i, v := range column {
		e.Add(emit.Load(tile.OpLDS, v.re.n.reg, t.lanes(8, func(lane int) int { return i*rowPitch + min(lane, r.cols-1) })))
	}
	g.emit(e, g.realInverse(column, size)[:r.rows], func(i, reg int) {
		e.Integers(t.addr, rowAddress)
		e.Add(emit.Alpha(reg, reg), emit.Store(tile.OpSTG, reg, t.row(i)))
	})
	return t.finish(l)
}
