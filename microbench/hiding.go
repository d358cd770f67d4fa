package microbench

import "gpusim/workloads/tile"

// hiding finds how many warps it takes to hide the latency of DRAM. Each warp
// has one load of a line under way, so by Little's law a SM with w warps
// receives w lines in the time of one latency, until the memory gives no more.
func hiding(r *rig, out *Report) error {
	const group = "latency hiding"
	latency, err := r.latency(3 * int64(r.g.L2.Size))
	if err != nil {
		return err
	}
	sweep, err := r.swept() // threads of streams may have too little under way
	if err != nil {
		return err
	}
	lines := float64(line * r.g.SM.Count) // that all SMs receive if each warp of one gets a line
	most := 0.0
	for _, w := range []int{1, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64} {
		if w > r.g.SM.MaxWarps {
			break
		}
		y, err := r.occupied(w)
		if err != nil {
			return err
		}
		most = max(most, y)
		out.Points = append(out.Points, Point{Curve: "latency_hiding", X: float64(w), Y: y, Model: min(float64(w)*lines/latency, sweep)})
	}
	little := latency * sweep / lines
	out.add(group, "hiding.little", "warps by Little's law", little, "warps/SM").Note = "latency of the chase x bandwidth of the sweep / line"
	out.add(group, "hiding.knee", "warps at the knee of the curve", knee(out.Points, most), "warps/SM").Note = "where its rise, up to half, meets its plateau"
	return nil
}

// knee is where the line through the origin that fits a curve best up to half
// of its plateau meets the plateau.
func knee(ps []Point, most float64) float64 {
	var xx, xy float64
	for _, p := range ps {
		if p.Y <= most/2 {
			xx, xy = xx+p.X*p.X, xy+p.X*p.Y
		}
	}
	return most * xx / xy
}

// occupied is the bytes per cycle that all SMs receive from DRAM with so many
// warps each, one load a warp at a time.
func (r *rig) occupied(warps int) (float64, error) {
	return r.oneLoad(warps, r.g.SM.Count, 4, 24, 72)
}

// oneLoad is the bytes per cycle that CTAs receive from DRAM with one load of so many
// bytes a thread at a time, between two numbers of iterations.
func (r *rig) oneLoad(warps, ctas, bytes, from, to int) (float64, error) {
	rows := 32 * warps * ctas
	k := kernel{warps: warps, ctas: ctas, elem: bytes, region: []int64{int64(rows) * int64(bytes) * int64(3*to)}, span: 32 * warps,
		accesses: []tile.Access{stream(32*warps, 0, bytes, 0, 1, rows)}, body: []tile.Inst{memop(tile.OpLDG, 0, 0)}}
	// The second kernel goes through the data of the first again.
	n, err := r.cycles(withTrips(k, from), r.flush(), withTrips(k, to))
	if err != nil {
		return 0, err
	}
	return float64(rows*bytes*(to-from)) / float64(n[2]-n[0]), nil
}

func withTrips(k kernel, n int) kernel { k.trips = n; return k }
