package gpusim

import (
	"context"
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/memory"
	"gpusim/workloads"
)

// Unit is a part of a system on a chip with what it did of a network.
type Unit struct {
	Name     string
	Images   int
	TimeUS   float64
	DRAMGBps float64 // while it worked
	Fallback *Fallback
}

// mostPieces is in how many pieces an accelerator's driver runs a network, between which
// others work: a core of Xavier's holds sixteen at most (NVIDIA, TensorRT Developer
// Guide, Working with DLA: loadables a core). A network that would be in more stays on
// the GPU.
const mostPieces = 16

// socPasses bounds how often the split of a batch is tried again with the rates that
// the units have beside each other.
const socPasses = 3

// writesStep is what the share of writes in it is rounded to, likewise.
const writesStep = 0.05

// rateStep is what traffic of neighbours is rounded to, in bytes a second: passes
// whose rates hardly differ then share their layers.
const rateStep = 2e9

// runSoC runs a network on the GPU of a system on a chip and on its accelerators at
// once. Each unit takes some images of the batch, all are done when the last unit is.
// They share the DRAM: the GPU's kernels are simulated beside the accelerators'
// requests at the same channels, and an accelerator has the bandwidth that the others
// leave it and the latency that its requests then have.
func runSoC(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	a, err := acceleratorOf(m)
	if err != nil {
		return Result{}, &InputError{fmt.Errorf("%s: %w", m.Name, err)}
	}
	s := socRun{ctx: ctx, m: m, a: a, w: w, o: o, count: m.SoC.Count}
	if s.o.Cache == nil {
		s.o.Cache = NewCache()
	}
	switch able := takes(a, w) && w.Net.Phase == workloads.PhaseInfer && splits(w); {
	case !able && m.SoC.Placement == "accelerator":
		return Result{}, &InputError{fmt.Errorf("workload %q: the accelerators of %s compute forward passes in %v", w.Short(), m.Name, a.NVDLA.Types)}
	case !able || m.SoC.Placement == "gpu":
		return s.alone(0)
	case m.SoC.Placement == "accelerator":
		return s.alone(w.Net.Batch)
	}
	return s.split()
}

// splits says whether a network's images can be shared out: those of a file may be
// as the file says.
func splits(w workloads.Workload) bool {
	_, ok := batchOf(w, 1)
	return ok
}

// acceleratorOf loads the machine of the accelerators and sets its clock by the mode.
func acceleratorOf(m *configs.Machine) (*configs.Machine, error) {
	var sets []string
	if mode := m.SoC.Current(); mode != nil {
		sets = append(sets, "nvdla.clock="+mode.Accelerator.String())
	}
	probe, err := configs.Load(m.SoC.Accelerator, nil)
	if err != nil {
		return nil, err
	}
	if probe.NVDLA == nil {
		return nil, fmt.Errorf("soc.accelerator: %s is no NVDLA", m.SoC.Accelerator)
	}
	if n := probe.NVDLA; len(sets) > 0 { // its port is as wide at every clock
		port := float64(n.Memory.WidthBits/8) * float64(m.SoC.Current().Accelerator)
		sets = append([]string{fmt.Sprintf("nvdla.memory.bandwidth=%.0f MB/s", math.Min(float64(n.Memory.Bandwidth), port)/1e6-1)}, sets...)
	}
	return configs.Load(m.SoC.Accelerator, sets)
}

// socRun is a network on a system on a chip.
type socRun struct {
	ctx    context.Context
	m, a   *configs.Machine
	w      workloads.Workload
	o      Options
	count  int
	serves float64 // bytes a second that the DRAM sustains
}

// batchOf is a network for another number of images.
func batchOf(w workloads.Workload, images int) (workloads.Workload, bool) {
	n := *w.Net
	n.Batch = images
	out, err := workloads.OfNetwork(n)
	return out, err == nil && out.Net.Batch == images
}

// gpu runs images on the GPU beside the traffic of others.
func (s *socRun) gpu(images int, clients []memory.Client) (Result, error) {
	w, _ := batchOf(s.w, images)
	o := s.o
	o.clients, o.inner = clients, true
	return Run(s.ctx, s.m, w, o)
}

// accelerator runs images on one accelerator with a part of the DRAM's bandwidth.
// What it lacks falls back to the GPU beside it.
func (s *socRun) accelerator(images int, bytesPerSecond, latency float64) (Result, error) {
	w, _ := batchOf(s.w, images)
	c, n := *s.a, *s.a.NVDLA
	n.Memory.Bandwidth = configs.Bandwidth(math.Max(1e8, math.Min(float64(n.Memory.Bandwidth), bytesPerSecond)))
	if latency > 0 {
		n.Memory.Latency = max(1, int(latency*float64(n.Clock)+0.5))
	}
	c.NVDLA = &n
	o := s.o
	o.host = s.m
	o.Cache = NewCache() // machines are told apart by their address: this one is gone soon
	return Run(s.ctx, &c, w, o)
}

// alone runs all images on one unit: so many of them on an accelerator, or, if that
// is none, on the GPU.
func (s *socRun) alone(onAccelerator int) (Result, error) {
	if onAccelerator == 0 {
		r, err := s.gpu(s.w.Net.Batch, nil)
		r.Units = []Unit{unitOf("gpu", s.w.Net.Batch, &r)}
		return r, err
	}
	serves, err := memory.Sustained(s.m.GPU, 1, writesStep)
	if err != nil {
		return Result{}, err
	}
	r, err := s.accelerator(onAccelerator, serves, 0)
	r.Machine = s.m.Name
	r.Units = []Unit{unitOf("dla0", onAccelerator, &r)}
	return r, err
}

func unitOf(name string, images int, r *Result) Unit {
	return Unit{Name: name, Images: images, TimeUS: r.TimeUS, DRAMGBps: r.DRAMBytes / r.TimeUS / 1e3, Fallback: r.Fallback}
}

// share is a split of a batch: images of the GPU and of each accelerator.
type share struct {
	gpu int
	acc []int
}

// portion shares a batch out by the images a second of the units.
func (s *socRun) portion(gpuRate, accRate float64) share {
	batch := s.w.Net.Batch
	each := float64(batch) * accRate / (gpuRate + float64(s.count)*accRate)
	out := share{gpu: batch, acc: make([]int, s.count)}
	best := math.Inf(1)
	// The last image of an accelerator must not make all wait: the totals around the
	// exact share are tried.
	total := int(each * float64(s.count))
	for n := max(0, total-s.count); n <= min(batch, total+s.count); n++ {
		most := (n + s.count - 1) / s.count
		if t := math.Max(float64(batch-n)/gpuRate, float64(most)/accRate); t < best {
			best = t
			out.gpu = batch - n
			for i := range out.acc {
				out.acc[i] = (n + s.count - 1 - i) / s.count
			}
		}
	}
	return out
}

// split shares a batch out until the shares fit the rates that the units have beside
// each other, and gives the fastest split that was simulated.
func (s *socRun) split() (Result, error) {
	one, err := s.accelerator(1, s.m.GPU.DRAM.PeakBandwidth()/float64(1+s.count), 0)
	if err != nil {
		return Result{}, err
	}
	if f := one.Fallback; f != nil && f.HandOver > 2*mostPieces {
		return s.alone(0)
	}
	writes := math.Round(one.written/one.DRAMBytes/writesStep) * writesStep
	if s.serves, err = memory.Sustained(s.m.GPU, 1+s.count, writes); err != nil {
		return Result{}, err
	}
	accRate := 1e6 / one.TimeUS
	ops := 0.5 * PeakTOPS(s.m.GPU, s.w.Net.DType) * 1e12 // half of peak, until it is known
	gpuRate := ops / (float64(s.w.Net.Ops()) / float64(s.w.Net.Batch))
	accDemand, gpuDemand, latency := one.DRAMBytes/one.TimeUS*1e6, s.serves/2, 0.0
	var best Result
	tried := map[string]bool{}
	for range socPasses {
		p := s.portion(gpuRate, accRate)
		if key := fmt.Sprint(p); tried[key] {
			break
		} else {
			tried[key] = true
		}
		working := 0
		for _, n := range p.acc {
			if n > 0 {
				working++
			}
		}
		var clients []memory.Client
		for range working {
			clients = append(clients, memory.Client{Rate: math.Round(accDemand/rateStep) * rateStep, Writes: writes})
		}
		var g Result
		if p.gpu > 0 {
			if g, err = s.gpu(p.gpu, clients); err != nil {
				return Result{}, err
			}
			gpuDemand = g.DRAMBytes / g.TimeUS * 1e6
			gpuRate = float64(p.gpu) / g.TimeUS * 1e6
			if g.clientReads > 0 {
				latency = g.clientWait / g.clientReads
			}
		}
		var accs []Result
		for _, n := range p.acc {
			if n == 0 {
				continue
			}
			r, err := s.accelerator(n, s.left(gpuDemand, working), latency)
			if err != nil {
				return Result{}, err
			}
			accs = append(accs, r)
			if n == p.acc[0] {
				accRate, accDemand = float64(n)/r.TimeUS*1e6, r.DRAMBytes/r.TimeUS*1e6
			}
		}
		r, err := s.together(p, g, accs)
		if err != nil {
			return Result{}, err
		}
		if best.TimeUS == 0 || r.TimeUS < best.TimeUS {
			best = r
		}
	}
	return best, nil
}

// left is the bandwidth that one of some accelerators has when the GPU takes its own:
// equal parts of what the GPU does not take, and no less than a unit's equal part.
func (s *socRun) left(gpu float64, working int) float64 {
	n := float64(max(1, working))
	return math.Max((s.serves-gpu)/n, s.serves/(1+n))
}

// together is all units at once: the time of the slowest, the energy of all and of
// the GPU waiting for the others.
func (s *socRun) together(p share, g Result, accs []Result) (Result, error) {
	r := newResult(s.m, s.w, s.o.Fidelity)
	r.DRAMBytes, r.PeakTOPS = 0, PeakTOPS(s.m.GPU, r.DType)+float64(s.count)*arrayPeak(s.a, r.DType)/1e12
	r.WarpInsts, r.L2HitPct, r.ClockMHz = g.WarpInsts, g.L2HitPct, float64(s.m.GPU.Clock.Sustained)/1e6
	var ledgers []energy.Ledger
	ops := 0.0
	add := func(name string, images int, u *Result) {
		r.Units = append(r.Units, unitOf(name, images, u))
		if u.TimeUS > r.TimeUS {
			r.TimeUS, r.Bound, r.SimulatedPct = u.TimeUS, u.Bound, u.SimulatedPct
		}
		r.TimeLoUS, r.TimeHiUS = math.Max(r.TimeLoUS, u.TimeLoUS), math.Max(r.TimeHiUS, u.TimeHiUS)
		r.DRAMBytes += u.DRAMBytes
		ops += u.Ops
		ledgers = append(ledgers, u.Energy)
		for _, l := range u.Layers {
			l.Name = name + ": " + l.Name
			r.Layers = append(r.Layers, l)
		}
	}
	if p.gpu > 0 {
		add("gpu", p.gpu, &g)
	}
	k := 0
	r.Fallback = &Fallback{}
	for i, n := range p.acc {
		if n == 0 {
			continue
		}
		add(fmt.Sprintf("dla%d", i), n, &accs[k])
		r.Fallback.join(accs[k].Fallback)
		k++
	}
	if math.Abs(ops-r.Ops) > 0.5 {
		return Result{}, fmt.Errorf("%s on %s: the units did %.0f operations of %.0f", s.w.Short(), s.m.Name, ops, r.Ops)
	}
	wait, err := energy.Build(&s.m.Energy, nil, math.Max(0, r.TimeUS-g.TimeUS)*1e-6)
	if err != nil {
		return Result{}, err
	}
	r.ImagesPerS = float64(r.Batch) / r.TimeUS * 1e6
	r.Energy, err = energy.Sum(append(ledgers, wait)...)
	return r, err
}

// join adds another unit's fall-back.
func (f *Fallback) join(o *Fallback) {
	if o == nil || len(o.Layers) == 0 {
		return
	}
	f.Host = o.Host
	f.Layers = append(f.Layers, o.Layers...)
	f.ToHost += o.ToHost
	f.ToDevice += o.ToDevice
	f.HandOver += o.HandOver
	f.TimeUS += o.TimeUS
	f.HostUS += o.HostUS
	f.LinkUS += o.LinkUS
	f.CastUS += o.CastUS
}
