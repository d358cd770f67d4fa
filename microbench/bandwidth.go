package microbench

import (
	"fmt"

	"gpusim/workloads/tile"
)

// mix is a streaming kernel: for each element so many arrays are read and so many
// written; a stencil reads the neighbours of the first array's element, too.
type mix struct {
	key, name    string
	reads, write int
	stencil      bool
}

// lane is the bytes that a thread moves at a time, a double.
const lane = 8

// streams is a launch that moves through arrays as gpu-stream of RRZE does where it fills
// SMs: each thread loads and stores one double of each, two CTAs share an SM, and the next
// begin when they end. So no CTA gets far ahead of the others, and what is under way is
// what so many threads may have, which on machines with much bandwidth is less than reads
// alone would want.
func (r *rig) streams(m mix, ctas int) kernel {
	warps := r.half()
	k := kernel{warps: warps, elem: lane, span: 32 * warps, trips: 1}
	for t := range m.reads + m.write {
		k.region = append(k.region, int64((ctas+1)*32*warps*lane))
		if t == 0 && m.stencil { // the element's neighbours, too
			for _, at := range []int{31, 33} {
				k.accesses = append(k.accesses, stream(32*warps, 0, lane, at, 1, 0))
			}
		}
		k.accesses = append(k.accesses, stream(32*warps, t, lane, 32, 1, 0))
	}
	loads := len(k.accesses) - m.write
	for i := range loads {
		k.body = append(k.body, memop(tile.OpLDG, 2*i, i))
	}
	for i := max(0, min(1, loads-1)); i < loads; i++ { // use what was loaded
		k.body = append(k.body, op(tile.OpDADD, 0, 0, 2*i, tile.RZ))
	}
	for i := range m.write {
		k.body = append(k.body, memop(tile.OpSTG, 0, loads+i))
	}
	return k
}

// half is the warps of a CTA of which an SM holds two.
func (r *rig) half() int { return min(32, r.g.SM.MaxWarps/2) }

// full is how many CTAs of so many warps the GPU holds.
func (r *rig) full(warps int) int {
	return r.g.SM.Count * max(1, min(r.g.SM.MaxCTAs, r.g.SM.MaxWarps/warps))
}

// bandwidths streams through DRAM, L2 and L1.
func bandwidths(r *rig, out *Report) error {
	const group = "bandwidth"
	clock := float64(r.g.Clock.Sustained)
	for _, m := range []mix{
		{"bandwidth.dram.read", "DRAM read", 1, 0, false},
		{"bandwidth.dram.write", "DRAM write", 0, 1, false},
		{"bandwidth.dram.copy", "DRAM copy, 1 read 1 write", 1, 1, false},
		{"bandwidth.dram.triad", "DRAM triad, 3 reads 1 write", 3, 1, false},
		{"bandwidth.dram.stencil", "DRAM, stencil of 3 points", 1, 1, true},
	} {
		bytes, err := r.streamed(m)
		if err != nil {
			return err
		}
		out.add(group, m.key, m.name, bytes*clock/1e9, "GB/s")
	}
	swept, err := r.swept()
	if err != nil {
		return err
	}
	out.add(group, "bandwidth.dram.sweep", "DRAM read, sweep of CTAs", swept*clock/1e9, "GB/s").Note = "four doubles a thread under way, pieces of 16 KiB far apart"
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

// perCTA is the cycles that a CTA adds to a launch: the difference of one of n CTAs and one
// of twice as many, behind one that fills L2 and TLBs. None finds in L2 what one before it
// has left, as each goes on where the last has ended: there are 4n CTAs.
func (r *rig) perCTA(k kernel, n int) (float64, error) {
	warm, one, two := k, k, k
	warm.ctas, one.ctas, two.ctas = n, n, 2*n
	one.first, two.first = n, 2*n
	c, err := r.cycles(warm, one, two)
	if err != nil {
		return 0, err
	}
	return float64(c[2]-c[1]) / float64(n), nil
}

// streamed is the bytes per cycle of a stream through DRAM.
func (r *rig) streamed(m mix) (float64, error) {
	warps := r.half()
	bytes := 32 * warps * lane * (m.reads + m.write)
	n := int(1.5*float64(r.g.L2.Size))/bytes + 16*r.full(warps) // many refreshes long
	per, err := r.perCTA(r.streams(m, 4*n), n)
	return float64(bytes) / per, err
}

// swept is the bytes per cycle that CTAs read as in gpu-l2-cache of RRZE beyond L2: in
// each step two pieces of CTAs' width that lie side by side, next to those of the next
// CTA; the loop is taken to be unrolled twice.
func (r *rig) swept() (float64, error) {
	const trips, pieces = 8, 4
	warps := r.half()
	width, n := 32*warps, r.full(warps)
	step := 4 * n * 2 * width // elements of all CTAs in one step
	k := kernel{warps: warps, elem: lane, span: 2 * width, trips: trips, region: []int64{int64(trips*pieces/2*step) * lane}}
	for i := range pieces {
		k.accesses = append(k.accesses, stream(width, 0, lane, i/2*step+i%2*width, 1, pieces/2*step))
		k.body = append(k.body, memop(tile.OpLDG, 2*i, i))
	}
	for i := range pieces {
		k.body = append(k.body, op(tile.OpDADD, 8, 8, 2*i, tile.RZ))
	}
	per, err := r.perCTA(k, n)
	return float64(width*lane*pieces*trips) / per, err
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
