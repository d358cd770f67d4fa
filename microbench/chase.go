package microbench

import (
	"math"
	"math/rand"
	"slices"

	"gpusim/workloads/tile"
)

const (
	line  = 128
	loads = 1024 // measured loads of a chase
	fine  = 2    // footprints per doubling
)

// chase is a warp that follows a random cycle through the lines of a
// footprint: each load begins when the one before is there.
func chase(footprint int64, trips int) kernel {
	n := int(footprint / line)
	order := rand.New(rand.NewSource(footprint)).Perm(n)
	gather := make([]int32, n)
	for i, v := range order {
		gather[i] = int32(v)
	}
	a := stream(32, 0, 4, 0, 0, 0)
	a.Gather = gather
	return kernel{
		warps: 1, trips: trips, elem: line, region: []int64{footprint}, accesses: []tile.Access{a},
		body: []tile.Inst{memop(tile.OpLDG, 0, 0)}, // the same register each time: it waits for the load before
	}
}

// fill reads a footprint once with the whole GPU.
func (r *rig) fill(footprint int64) kernel {
	const warps, each = 8, 4
	ctas := r.g.SM.Count
	rows := 32 * warps * ctas * each // of 16 B, per iteration
	k := kernel{warps: warps, ctas: ctas, elem: 16, region: []int64{footprint}, span: 32 * warps * each,
		trips: int((footprint/16 + int64(rows) - 1) / int64(rows))}
	for i := range each {
		k.accesses = append(k.accesses, stream(32*warps, 0, 16, i*32*warps, 1, rows))
		k.body = append(k.body, memop(tile.OpLDG, 4*i, i))
	}
	return k
}

// latency is the cycles of a load in a chase through a footprint that has been
// read before: as much of it as fits an L1 by the warp itself, more by a kernel
// before. One larger than L2 is not there, whatever replacement leaves of it:
// none of its lines comes twice, and L2 is full of something else.
func (r *rig) latency(footprint int64) (float64, error) {
	k := chase(footprint, 0)
	n := int(footprint / line)
	l2 := int64(r.g.L2.Size)
	before := []kernel{r.fill(footprint), r.fill(footprint)}
	if r.g.L2.Partitions > 1 { // its own partition holds what the warp itself has read
		before[1] = withTrips(k, n)
	}
	switch {
	case n <= 4096:
		return r.slope(k, n, n+loads, before[:r.g.L2.Partitions]...)
	case footprint <= l2/int64(r.g.L2.Partitions):
		return r.slope(k, loads, 3*loads, before...)
	case footprint <= l2:
		return r.apart(k, before...)
	}
	return r.apart(k, r.flush())
}

// apart is the cycles of a load in two chases from the same line on, each
// after the same kernels.
func (r *rig) apart(k kernel, before ...kernel) (float64, error) {
	all := append(append([]kernel(nil), before...), withTrips(k, loads))
	all = append(append(all, before...), withTrips(k, 3*loads))
	c, err := r.cycles(all...)
	if err != nil {
		return 0, err
	}
	return float64(c[len(c)-1]-c[len(before)]) / (2 * loads), nil
}

// flush fills L2 with what no probe reads.
func (r *rig) flush() kernel {
	k := r.fill(5 * int64(r.g.L2.Size)) // of a cache with random replacement little is left then
	k.region = append([]int64{0, 0, 0, 0, 0, 0, 0}, k.region...)
	for i := range k.accesses {
		k.accesses[i].Tensor = len(k.region) - 1
	}
	return k
}

// chases finds the levels of the memory by the latency of ever larger
// footprints.
func chases(r *rig, out *Report) error {
	const top = 1 << 30
	for i := 2 * fine; ; i++ {
		f := int64(math.Exp2(float64(i)/fine)) << 10 / (4 * line) * (4 * line)
		if f > top {
			break
		}
		y, err := r.latency(f)
		if err != nil {
			return err
		}
		out.Points = append(out.Points, Point{Curve: "latency_by_footprint", X: float64(f) / 1024, Y: y, Model: math.NaN()})
	}
	plateaus(r, out)
	return nil
}

// plateaus reads the levels off the curve.
func plateaus(r *rig, out *Report) {
	const group = "memory latency"
	within := func(from, to float64) float64 { // median of the points between
		var ys []float64
		for _, p := range out.Points {
			if p.X >= from && p.X <= to {
				ys = append(ys, p.Y)
			}
		}
		return median(ys)
	}
	first := out.Points[0].Y
	edge := 0.0
	for _, p := range out.Points {
		if p.Y > 1.1*first {
			break
		}
		edge = p.X
	}
	l2 := float64(r.g.L2.Size) / 1024
	out.add(group, "latency.l1", "L1 hit", first, "cycles")
	out.add(group, "size.l1", "L1 reach", edge, "KiB").Note = "largest footprint at the first latency"
	near := l2 / float64(r.g.L2.Partitions)
	out.add(group, "latency.l2", "L2 hit", within(4*edge, near*0.8), "cycles")
	if r.g.L2.Partitions > 1 {
		out.add(group, "latency.l2_far", "L2 hit, other partition too", within(near*1.2, l2*0.9), "cycles")
	}
	out.add(group, "latency.dram", "DRAM", within(l2*1.05, l2*3), "cycles").Note = "up to three times the L2"
	out.add(group, "latency.dram_large", "DRAM, large footprint", out.Points[len(out.Points)-1].Y, "cycles")
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
