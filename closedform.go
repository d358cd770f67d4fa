package gpusim

import (
	"cmp"
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// The closed form beside the event model. A kernel's programs say exactly how many
// cycles each unit is held and what a warp waits for as compiled; from that the time
// is the longest of: the busiest unit of the SM with the most CTAs, the chain of a
// CTA's iterations if loads run only so far ahead, what L2 delivers, and what DRAM
// delivers of what L2 does not hold. Events are counted likewise, so that there is
// energy, and the power cap acts. It knows no queues, no conflicts between kernels'
// phases and no misses but compulsory ones, so it errs to the fast side.

// form is what the closed form needs of a kernel. It depends on the SM and the
// library of a machine, not on what lies outside the SMs.
type form struct {
	kernel  *tile.Kernel // without its programs: names and extents only
	call    string       // name of the library's function
	ctas    int
	perSM   int // CTAs that fit
	trips   float64
	tiles   float64
	work    gpu.Work
	demand  sm.Demand
	params  float64 // bytes of parameters that are read, each once
	reads   float64 // of other tensors
	writes  float64
	streams bool
}

// forms prepares the kernels of a call.
func forms(m *configs.Machine, w workloads.Workload, o Options) ([]form, error) {
	o.Fidelity = Sampled // with its kernels
	c, err := fitting(m, w, o)
	if err != nil {
		return nil, err
	}
	out := make([]form, len(c.kernels))
	for i, k := range c.kernels {
		p, err := sm.Prepare(k, m.GPU)
		if err != nil {
			return nil, err
		}
		f := form{call: c.name, ctas: k.CTAs(), perSM: p.CTAsPerSM, work: gpu.Account(k, uint8(m.GPU.Tensor.StepsFP32)), streams: k.Streams}
		f.tiles, f.trips = float64(f.work.Tiles), float64(f.work.Trips)
		f.demand = p.Demand(&m.GPU.SM, &m.GPU.Tensor, f.work.Trips, f.work.Tiles)
		read, written := k.Read(), k.Written()
		for i := range k.Tensors {
			t := &k.Tensors[i]
			bytes := float64(cmp.Or(t.Touched, t.Bytes))
			out := t.Output || written[i]
			switch {
			case !out && t.Parameter:
				f.params += bytes
			case !out || read[i]:
				f.reads += bytes
			}
			if out {
				f.writes += bytes
			}
		}
		f.kernel = &tile.Kernel{Name: k.Name, Grid: k.Grid, Threads: k.Threads, TileM: k.TileM, TileN: k.TileN, TileK: k.TileK, Tiles: k.Tiles}
		out[i] = f
	}
	return out, nil
}

// closedGPU gives a call's time and energy in closed form.
func closedGPU(m *configs.Machine, w workloads.Workload, r Result, o Options) (Result, error) {
	fs, err := formsOf(m, w, o)
	if err != nil {
		return Result{}, err
	}
	v := governor{m: m, period: o.Period}
	v.simulate = func(clock configs.Freq) (Result, error) {
		r := r
		r.ClockMHz = float64(clock) / 1e6
		r.Layers = make([]Layer, len(fs))
		reports := make([]gpu.Report, len(fs)) // of which nothing was simulated
		for i := range fs {
			if r.Layers[i], err = fs[i].layer(m, clock, prices(m, clock, o.Values, r.DType, fs[i].work.Padding), o.fresh); err != nil {
				return Result{}, err
			}
		}
		return r.sum(reports), nil
	}
	return v.run()
}

// layer is the closed form of one kernel at a clock, priced with the coefficients that
// hold there; fresh: it finds no parameters in L2.
func (f *form) layer(m *configs.Machine, clock configs.Freq, table *configs.Energy, fresh bool) (Layer, error) {
	g, d, k := m.GPU, &f.demand, f.kernel
	hz := float64(clock)
	busiest := ceilDiv(f.ctas, g.SM.Count)
	resident := min(busiest, f.perSM)
	share := float64(busiest) / float64(f.ctas) // of the grid's work that the busiest SM has
	sub := float64(g.SM.SubCores)
	unit, bound := share*float64(d.Slots)/sub, boundIssue
	longer := func(cycles float64, by string) {
		if cycles > unit {
			unit, bound = cycles, by
		}
	}
	longer(share*float64(d.SubCore)/sub, boundCompute)
	longer(share*float64(d.Shared), boundCompute)
	longer(share*float64(d.MemOps)*float64(g.SM.MIO.UnitInterval), boundShared)
	longer(share*float64(d.Passes), boundShared)
	// One CTA after another in each place: an iteration waits for its loads unless
	// they run ahead far enough.
	hit := float64(g.L1.HitLatency + g.Crossbar.RequestLatency + g.L2.HitLatency + g.Crossbar.ReplyLatency)
	shared := float64(g.SM.BarrierLatency + g.SM.MIO.SharedLatency) // from one tile to the next
	iteration := float64(d.TripChain) + shared
	if d.LoopLoads {
		iteration = math.Max(iteration, (hit+shared)/float64(d.LoopStages-1))
	}
	perCTA := float64(d.OnceChain) + 2*hit + f.trips/float64(f.ctas)*iteration
	longer(float64(ceilDiv(busiest, resident))*perCTA, boundLatency)

	seconds := unit / hz
	slower := func(s float64, by string) {
		if s > seconds {
			seconds, bound = s, by
		}
	}
	slower(32*float64(d.ReadSecs)/(float64(g.Crossbar.GPCReplyBytes*g.SM.GPCs)*hz), boundL2)
	slower(32*float64(d.ReadSecs+d.WriteSecs)/(float64(g.L2.BytesPerSlice*g.L2.Slices)*hz), boundL2)
	dram := f.dramBytes(float64(g.L2.Size), fresh)
	slower(dram/g.DRAM.PeakBandwidth(), boundDRAM)
	fixed := float64(g.Dispatch.KernelLatency+g.SM.CTALaunchLatency+g.SM.CTAExitLatency+g.Dispatch.DrainLatency) / hz
	if fixed > seconds {
		bound = boundLaunch
	}
	seconds += fixed

	l := Layer{
		Name: f.call, Kernel: k.Name, Grid: fmt.Sprintf("%dx%dx%d", k.Grid[0], k.Grid[1], k.Grid[2]),
		CTATile: fmt.Sprintf("%dx%dx%d", k.TileM, k.TileN, k.TileK),
		Waves:   math.Max(float64(f.ctas), float64(k.Tiles)) / float64(g.SM.Count*f.perSM), Occupancy: float64(f.perSM*k.Warps()) / float64(g.SM.MaxWarps),
		TimeUS: seconds * 1e6, Bound: bound, WarpInsts: float64(f.work.WarpInsts), DRAMBytes: dram,
	}
	sectors := func(bytes float64) uint64 { return uint64(bytes / 32) }
	reads := math.Min(dram, f.reads+f.params)
	mem := memCounts{
		L2ReadSectors: d.ReadSecs, L2WriteSectors: d.WriteSecs, Requests: (d.ReadSecs + d.WriteSecs) / 4,
		DRAMReadSectors: sectors(reads), DRAMWriteSectors: sectors(dram - reads),
		Activates: uint64(dram / float64(max(1, g.DRAM.RowBytes))),
	}
	if n := float64(d.ReadSecs + d.WriteSecs); n > 0 {
		l.L2HitPct = 100 * math.Max(0, 1-dram/32/n)
	} else {
		l.L2HitPct = math.NaN()
	}
	var report gpu.Report
	report.SM.SharedWords, report.SM.SharedLanes, report.SM.L1Misses = d.Words, d.Lanes, d.ReadSecs+d.WriteSecs
	var err error
	l.Energy, err = energy.Build(table, counts(uint64(seconds*hz)*uint64(g.SM.Count), &report, &f.work, &mem), seconds)
	return l, err
}

// dramBytes is what has to come from DRAM and go there if calls follow each other:
// what L2 has room for stays there, unless others have taken it.
func (f *form) dramBytes(l2 float64, fresh bool) float64 {
	if fresh {
		return f.params + math.Max(0, f.reads+f.writes-l2)
	}
	return math.Max(0, f.params+f.reads+f.writes-l2)
}
