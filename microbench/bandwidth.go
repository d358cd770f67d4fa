package microbench

import (
	"fmt"

	"gpusim/workloads/tile"
)

// mix is a streaming kernel: for each element so many loads of arrays and so
// many stores to others.
type mix struct {
	key, name    string
	reads, write int
}

// streams is a kernel that moves through arrays with full warps: the grid
// works on consecutive 16-byte elements, each at its own distance apart, so
// that DRAM sees the whole array at once. The array is at least as large as
// trips iterations need.
func (r *rig) streams(m mix, trips int) kernel {
	const warps, each = 8, 2
	ctas := r.full(warps)
	rows := 32 * warps * ctas * each
	k := kernel{warps: warps, ctas: ctas, elem: 16, span: 32 * warps * each, trips: trips}
	n := m.reads + m.write
	for t := range n {
		k.region = append(k.region, int64(rows)*16*int64(4*trips+64))
		for i := range each {
			k.accesses = append(k.accesses, stream(32*warps, t, 16, i*32*warps, 1, rows))
		}
	}
	for t := range m.reads {
		for i := range each {
			k.body = append(k.body, memop(tile.OpLDG, 4*(t*each+i), t*each+i))
		}
	}
	for i := range each { // use what was loaded
		if m.reads > 0 {
			k.body = append(k.body, op(tile.OpFFMA, 4*i, 4*i, 4*((m.reads-1)*each+i), tile.RZ))
		}
	}
	for t := range m.write {
		for i := range each {
			k.body = append(k.body, memop(tile.OpSTG, 4*i, (m.reads+t)*each+i))
		}
	}
	return k
}

// full is how many CTAs of so many warps the GPU holds.
func (r *rig) full(warps int) int {
	return r.g.SM.Count * max(1, min(r.g.SM.MaxCTAs, r.g.SM.MaxWarps/warps))
}

// bandwidths streams through DRAM, L2 and L1.
func bandwidths(r *rig, out *Report) error {
	const group = "bandwidth"
	clock := float64(r.g.Clock.Sustained)
	for _, m := range []mix{
		{"bandwidth.dram.read", "DRAM read", 1, 0},
		{"bandwidth.dram.write", "DRAM write", 0, 1},
		{"bandwidth.dram.copy", "DRAM copy, 1 read 1 write", 1, 1},
		{"bandwidth.dram.triad", "DRAM triad, 3 reads 1 write", 3, 1},
	} {
		bytes, err := r.streamed(m)
		if err != nil {
			return err
		}
		out.add(group, m.key, m.name, bytes*clock/1e9, "GB/s")
	}
	v, err := r.stencil()
	if err != nil {
		return err
	}
	out.add(group, "bandwidth.dram.stencil", "DRAM, stencil of 3 points", v*clock/1e9, "GB/s").Note = "a double read and one written for each point"
	for _, bytes := range []int{4, 8, 16} {
		v, err := r.narrow(bytes)
		if err != nil {
			return err
		}
		out.add(group, fmt.Sprintf("bandwidth.dram.load%d", 8*bytes), fmt.Sprintf("DRAM, loads of %d bit", 8*bytes), v*clock/1e9, "GB/s").Note = "64 CTAs of 256 threads, one load at a time each"
	}
	l2, err := r.cached(int64(r.g.L2.Size)/int64(3*r.g.L2.Partitions), true)
	if err != nil {
		return err
	}
	out.add(group, "bandwidth.l2.read", "L2 read", l2*clock/1e9, "GB/s").Note = "all SMs through a third of a partition"
	out.add(group, "bandwidth.l2.read.clk", "L2 read", l2, "B/clk")
	l1, err := r.cached(4<<10, false)
	if err != nil {
		return err
	}
	out.add(group, "bandwidth.l1.read.clk", "L1 read", l1/float64(r.g.SM.Count), "B/clk/SM")
	return nil
}

// streamed is the bytes per cycle of a stream through DRAM.
func (r *rig) streamed(m mix) (float64, error) {
	k := r.streams(m, 0)
	perTrip := float64(k.warps*32*16*2*k.ctas) * float64(m.reads+m.write)
	from := int(1.5*float64(r.g.L2.Size)/perTrip) + 2 // L2 is full of what is written
	k = r.streams(m, 2*from)
	per, err := r.slope(k, from, 2*from, withTrips(k, from))
	return perTrip / per, err
}

// stencil is the bytes per cycle of DRAM where each thread reads a double and its
// neighbours and writes one.
func (r *rig) stencil() (float64, error) {
	const warps, elem = 8, 8
	ctas := r.full(warps)
	rows := 32 * warps * ctas
	from := int(1.5*float64(r.g.L2.Size))/(2*rows*elem) + 2
	k := kernel{warps: warps, ctas: ctas, elem: elem, span: 32 * warps}
	for t := range 2 {
		k.region = append(k.region, int64(rows*elem)*int64(2*from+64))
		for at := range 3 - 2*t { // all three are read, the middle one is written
			k.accesses = append(k.accesses, stream(32*warps, t, elem, at+t, 1, rows))
		}
	}
	for i := range 3 {
		k.body = append(k.body, memop(tile.OpLDG, 2*i, i))
	}
	k.body = append(k.body, op(tile.OpDADD, 6, 0, 2, tile.RZ), op(tile.OpDADD, 6, 6, 4, tile.RZ), memop(tile.OpSTG, 6, 3))
	per, err := r.slope(k, from, 2*from, withTrips(k, from))
	return float64(2*rows*elem) / per, err
}

// narrow is the bytes per cycle that 64 CTAs of 256 threads receive from DRAM with one
// load of some bytes a thread under way, as in gpu-arch-microbenchmark of sjfeng1999.
func (r *rig) narrow(bytes int) (float64, error) {
	const warps, ctas, from = 8, 64, 24
	return r.oneLoad(warps, ctas, bytes, from, from+max(48, int(2*float64(r.g.L2.Size))/(32*warps*ctas*bytes)))
}

// cached is the bytes per cycle of reading a footprint over and over: a part
// of it by each CTA past L1, or all of it by each from L1.
func (r *rig) cached(footprint int64, bypass bool) (float64, error) {
	const warps, each, from, to = 8, 4, 32, 96
	ctas := r.full(warps)
	rows := 32 * warps * each // of 16 B
	pieces := max(1, int(footprint/16)/rows)
	k := kernel{warps: warps, ctas: ctas, elem: 16, region: []int64{int64(pieces * rows * 16)}, span: rows, wrap: pieces}
	for i := range each {
		a := stream(32*warps, 0, 16, i*32*warps, 1, 0)
		a.Bypass = bypass
		for t := range a.Row {
			a.Row[t] %= int32(max(32, footprint/16))
		}
		k.accesses = append(k.accesses, a)
		k.body = append(k.body, memop(tile.OpLDG, 4*i, i))
	}
	per, err := r.slope(k, from, to, r.fill(footprint))
	return float64(rows*16*ctas) / per, err
}
