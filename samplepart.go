package gpusim

import (
	"math"
	"slices"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/workloads/tile"
)

// Where a kernel is one of many, sampling leaves out SMs too. A part of a GPU (some of
// its SMs, as large a part of the L2 slices, of the DRAM channels and of the GPCs'
// ports) is as busy with its part of the CTAs as the whole is with all of them, and
// takes as long, if CTAs share little. What can serve unevenly (ports, channels, SMs)
// stays several in a part: V100 with a single port in a quarter takes a quarter longer
// for products whose CTAs load in step.
//
// [fit] The bounds were set with calls of V100's ResNet-50 of 128 images in view. Under its
// greedy scheduler 27 fp16 calls of inference are 1.5 % off detailed runs on average, at worst
// 5.2; nine gradients 2.1 % and 7.0; eight fp32 calls 6.4 % and 12.7, where CTAs read what
// they add to and where strides make DRAM the bound.
const (
	mostParts    = 4    // parts, of which one is simulated
	partSMs      = 16   // least SMs of a part
	partChannels = 8    // least DRAM channels of a part
	partFills    = 2    // a call is divided whose tensors fill the GPU's L2 to one over this: less takes no time to simulate
	partKeeps    = 1    // the operands of a product that all CTAs share fit so often into a part's L2
	manyParts    = 2    // into more parts, by first CTAs, goes only a product whose CTAs load the largest operand that they share
	partAgain    = 2    // no more than so often, but for what those side by side share: else what L2 keeps decides, by chance in a small one
	partSmall    = 8    // a table, which few CTAs make, fills no more than one over this of L2
	partWalk     = .1   // CTAs that walk through a tensor are no further than this part of it from where their numbers say
	partStreams  = 4    // where they do not walk, tensors fill L2 so often: what a launch before leaves there does not matter
	partOnce     = 1.25 // an operand that CTAs load no more often is not shared, but for edges of tiles
)

// part is what is simulated of a GPU: one of so many equal parts. Of a kernel it takes the
// first CTAs, or those of the first columns of its grid.
type part struct {
	*configs.GPU
	of      int
	columns bool
	begun   []int // tensors of the kernel of which it touches the beginning only
}

// partsOf decides how much of a GPU each kernel of a call is simulated on.
func (o *Options) partsOf(g *configs.GPU, kernels []*tile.Kernel) []part {
	parts, bytes := make([]part, len(kernels)), 0
	for i, k := range kernels {
		parts[i] = part{GPU: g, of: 1}
		bytes += k.Bytes()
	}
	if o.Fidelity == Detailed || o.Budget == 0 || o.Budget >= budget || len(o.clients) > 0 || o.Monitor != "" || partFills*bytes < int(g.L2.Size) {
		return parts
	}
	small := func(k *tile.Kernel) bool { return k.Bytes() < int(g.L2.Size)/partSmall }
	for i, k := range kernels {
		for of := mostParts; of > 1 && parts[i].of == 1; of /= 2 {
			p, ok := cut(g, of)
			if !ok {
				continue
			}
			if p.represents(k) {
				p.begun = p.walked(k)
			} else if p.begun, p.columns = p.byColumns(k); !p.columns {
				continue
			}
			parts[i] = p
		}
	}
	for i := len(kernels) - 2; i >= 0; i-- { // a table stays with the kernel that it is for
		if small(kernels[i]) && parts[i+1].of < parts[i].of {
			parts[i] = parts[i+1].like(kernels[i])
		}
	}
	for i := 1; i < len(kernels); i++ {
		if small(kernels[i]) && parts[i-1].of < parts[i].of {
			parts[i] = parts[i-1].like(kernels[i])
		}
	}
	return parts
}

// like is the same part of the GPU for another kernel, of which it takes the first CTAs.
func (p *part) like(k *tile.Kernel) part {
	return part{GPU: p.GPU, of: p.of, begun: p.walked(k)}
}

// cut gives one of so many equal parts of a GPU, if there are such.
func cut(g *configs.GPU, of int) (part, bool) {
	sides := max(1, g.L2.Partitions)
	gpcs := (g.SM.GPCs + 1) / 2 // of a quarter these are narrower ones, of a half as they are
	switch {
	case g.Crossbar.Coalesce:
		gpcs = g.SM.GPCs / of // what SMs of one GPC share stays as it is
	case sides > 1:
		gpcs = g.SM.GPCs // and so does how many SMs are on either side
	}
	switch {
	case g.SM.Count%of != 0 || g.L2.Slices%(of*sides) != 0 || g.DRAM.Channels%of != 0 || gpcs < sides:
		return part{}, false
	case g.SM.Count < of*partSMs || g.DRAM.Channels < of*partChannels:
		return part{}, false
	}
	p := *g
	p.SM.Count /= of
	p.SM.GPCs = gpcs
	p.Crossbar.GPCReplyBytes = g.Crossbar.GPCReplyBytes * g.SM.GPCs / (gpcs * of)
	p.TLB.L2Entries, p.TLB.Walkers = max(1, g.TLB.L2Entries/of), max(1, g.TLB.Walkers/of)
	p.L2.Slices /= of
	p.L2.Size /= configs.Bytes(of)
	p.DRAM.Channels /= of
	p.DRAM.SpreadChannels = min(p.DRAM.Channels, g.DRAM.SpreadChannels) // no fewer, or they serve unevenly
	p.Dispatch.CTAInterval *= of
	return part{GPU: &p, of: of}, true
}

// ctas is how many CTAs of a grid the part takes, of those from the beginning on.
func (p *part) ctas(n int) int { return (n + p.of - 1) / p.of }

// represents says whether a kernel takes as long on the part as on the whole.
func (p *part) represents(k *tile.Kernel) bool {
	l2 := int(p.L2.Size)
	switch {
	case k.Tiles > 0 || k.Cluster > 1 || k.Semaphores > 0: // CTAs wait for each other
		return false
	case k.Splits > 1 && !p.oneWave(k): // slices are left out of, not tiles
		return false
	case k.Streams || k.Bytes() < l2/partSmall && k.CTAs() <= p.SM.Count:
		return true
	}
	written, walked, drifts := k.Written(), p.walked(k), p.drifts(k)
	if drifts && !inRows(k) {
		if p.of > manyParts {
			return false
		}
		drifts = false // nothing more is known of it than of one in step
	}
	shared, largest, streams := 0, -1, k.Bytes() >= partStreams*p.of*l2
	for i := range k.Tensors {
		n := int(k.Tensors[i].Bytes)
		if written[i] || streams && scattered(k, i, drifts) {
			continue
		}
		if (n >= l2/partSmall || !drifts) && (largest < 0 || n > int(k.Tensors[largest].Bytes)) {
			largest = i
		}
		if !slices.Contains(walked, i) {
			shared += n
		}
	}
	beside := 1 // CTAs that load the same at the same time
	if k.Grid[0] <= p.SM.Count/2 {
		beside = k.Grid[0]
	}
	if n, _, err := sm.Occupancy(k, &p.SM); err == nil && drifts {
		beside = max(beside, p.SM.Count*n/k.Grid[0])
	}
	switch {
	case largest < 0: // all are scattered, or small
		return streams
	case p.of > manyParts && math.Round(timesLoaded(k, largest)) > float64(partAgain*beside): // loads ahead count little
		return false
	}
	if !slices.Contains(walked, largest) {
		if k.Splits > 1 || !streams || p.apart(k, largest) {
			return false
		}
		shared -= int(k.Tensors[largest].Bytes)
	}
	return partKeeps*shared <= l2
}

// drifts says whether the scheduler lets CTAs of an SM get out of step.
func (p *part) drifts(k *tile.Kernel) bool {
	policy, err := sm.KernelScheduler(k, p.SM.Scheduler, p.SM.ActiveSet)
	if err != nil || policy.Even() {
		return err != nil
	}
	n, _, err := sm.Occupancy(k, &p.SM)
	return err != nil || n > 1
}

// apart says whether fewer CTAs that load the same of an operand run beside each other
// on the part than on the whole, and the rest would make DRAM the bound.
func (p *part) apart(k *tile.Kernel, tensor int) bool {
	prepared, err := sm.Prepare(k, p.GPU)
	if err != nil || k.Grid[0] >= p.of*p.SM.Count*prepared.CTAsPerSM {
		return err != nil
	}
	columns := float64(k.CTAs() / k.Grid[0]) // each goes through all of it
	return columns*float64(k.Tensors[tensor].Bytes)/p.DRAM.PeakBandwidth() > busy(prepared, p.GPU)
}

// oneWave says whether all CTAs of a kernel find a place at once.
func (p *part) oneWave(k *tile.Kernel) bool {
	n, _, err := sm.Occupancy(k, &p.SM)
	return err == nil && k.CTAs() <= p.of*p.SM.Count*n
}

// walked are the tensors of a product of which its CTAs touch one end after the other,
// so that those of a part touch no more than a part.
func (p *part) walked(k *tile.Kernel) (tensors []int) {
	if p.of == 1 || k.Streams {
		return nil
	}
	n := k.CTAs()
	near := func(index int, a *tile.Access) bool {
		addr, ok := touched(k, a, index)
		return ok && nearby(k, a, addr, float64(index)/float64(n))
	}
	for i := range k.Accesses {
		a := &k.Accesses[i]
		if a.Space != tile.Global || k.Tensors[a.Tensor].Bytes < int64(p.L2.Size)/partSmall || slices.Contains(tensors, a.Tensor) {
			continue
		}
		if near(n/4, a) && near(n/2, a) && near(n-1, a) {
			tensors = append(tensors, a.Tensor)
		}
	}
	return tensors
}

// touched is an address that a CTA touches by an access, if it touches any.
func touched(k *tile.Kernel, a *tile.Access, index int) (addr uint64, ok bool) {
	var cta tile.CTA
	k.Place(index, &cta)
	for thread := range k.Threads {
		if addr, ok := tile.LaneAddr(k, a, &cta, thread, 0); ok {
			return addr, true
		}
	}
	return 0, false
}

// nearby says whether an address is about where an even walk through its tensor has come to
// after a share of it.
func nearby(k *tile.Kernel, a *tile.Access, addr uint64, share float64) bool {
	t := &k.Tensors[a.Tensor]
	return math.Abs(float64(addr-t.Base)/float64(t.Bytes)-share) < partWalk
}

// scattered says whether a part touches a part of a tensor, wherever that is: CTAs load it
// once, or, where they drift, each row of the grid its own elements.
func scattered(k *tile.Kernel, tensor int, drifts bool) bool {
	once := timesLoaded(k, tensor) <= partOnce
	if !drifts {
		return once
	}
	own, rows := rowsOf(k, tensor)
	return own == rows && (once || rows > 1)
}

// inRows says whether CTAs of a row of the grid differ in one coordinate: grids of products
// may be numbered in strips or blocks of tiles instead.
func inRows(k *tile.Kernel) bool {
	var first, last tile.CTA
	k.Place(0, &first)
	k.Place(k.Grid[0]-1, &last)
	differ := 0
	for v := range first.Origin {
		if first.Origin[v] != last.Origin[v] {
			differ++
		}
	}
	return differ <= 1 && first.Batch == last.Batch && first.View == last.View
}

// rowsOf is in how many different places some rows of the grid begin to load a tensor, and
// how many rows were looked at: neighbours, and some far away.
func rowsOf(k *tile.Kernel, tensor int) (own, all int) {
	row, rows := k.Grid[0], k.CTAs()/k.Grid[0]
	some := slices.Compact([]int{0, min(1, rows-1), rows / 2, rows - 1})
	for i := range k.Accesses {
		a := &k.Accesses[i]
		if a.Space != tile.Global || a.Tensor != tensor {
			continue
		}
		var at []uint64
		n := 0
		for _, y := range some {
			if addr, ok := touched(k, a, y*row); ok {
				n++
				if !slices.Contains(at, addr) {
					at = append(at, addr)
				}
			}
		}
		if n > all {
			own, all = len(at), n
		}
	}
	return own, all
}

// timesLoaded is how often the CTAs of a product load an operand, all together.
func timesLoaded(k *tile.Kernel, tensor int) float64 {
	var cta tile.CTA
	k.Place(0, &cta)
	bytes := 0
	for _, r := range k.Role {
		for _, seg := range k.Programs[r].Segments {
			times := 1
			if seg.Loop {
				times = int(cta.Trips)
			}
			for i := range seg.Code {
				if in := &seg.Code[i]; (in.Op == tile.OpLDG || in.Op == tile.OpLDGSTS) && k.Accesses[in.Access].Tensor == tensor {
					bytes += times * 32 * k.Accesses[in.Access].Bytes
				}
			}
		}
	}
	return float64(bytes) * float64(k.CTAs()) / float64(k.Tensors[tensor].Bytes)
}
