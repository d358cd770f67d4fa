// Package gpu assembles a GPU from its components and runs streams of kernels
// on it.
package gpu

import (
	"context"
	"fmt"
	"slices"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/configs"
	"gpusim/memory"
	"gpusim/sim"
	"gpusim/sm"
	"gpusim/workloads/tile"
)

// GPU is an assembled device.
type GPU struct {
	Engine *sim.Engine
	Domain *sim.Domain
	SMs    []*sm.Comp
	Memory *memory.Comp

	spec    *configs.GPU
	fresh   bool
	command *command
	horizon uint64
	results []Report
	before  memory.Counters
}

// Report is what a kernel did.
type Report struct {
	Launch *Launch
	SM     sm.Counts       // sums over SMs
	Memory memory.Counters // differences over the kernel
}

// Options are the choices of an assembly.
type Options struct {
	Horizon   uint64 // bulk step in cycles; 0 = the largest that is exact
	MaxCycles uint64
	Reverse   bool            // create the SMs in the opposite order (for the order test)
	Clients   []memory.Client // others that share the DRAM
	Fresh     bool            // parameters are not in caches: other calls have come between
	Progress  func(float64)   // told the share of a stream's CTAs that is done, now and then; may be nil
	Clusters  bool            // kernels with clusters may come: SMs of one can reach each other sooner than anything else
}

// MaxHorizon is the least time, in cycles, in which anything outside an SM
// can create an input for it: a memory reply or a CTA for a place just freed.
func MaxHorizon(g *configs.GPU, m *memory.System) uint64 {
	turn := uint64(g.SM.CTAExitLatency + g.SM.CTALaunchLatency)
	return max(1, min(uint64(g.L1.HitLatency)+m.MinRoundTrip(), turn))
}

// New assembles a GPU at the given clock.
func New(ctx context.Context, g *configs.GPU, clock configs.Freq, o Options) (*GPU, error) {
	d := &GPU{spec: g, fresh: o.Fresh, Engine: sim.NewEngine(ctx, o.MaxCycles), Domain: sim.NewDomain(uint64(clock))}
	probe, err := memory.New(g, clock)
	if err != nil {
		return nil, err
	}
	d.horizon = MaxHorizon(g, probe)
	if o.Clusters && g.SM.ClusterLatency > 0 {
		d.horizon = min(d.horizon, uint64(g.SM.ClusterLatency))
	}
	if o.Horizon > 0 {
		d.horizon = min(o.Horizon, d.horizon)
	}
	toServe := sim.NewLink("Up", d.Engine, d.Domain, sim.PhaseDeliver, 0)
	toSM := sim.NewLink("Down", d.Engine, d.Domain, sim.PhaseReply, 0)

	if d.Memory, err = memory.MakeBuilder().WithEngine(d.Engine).WithDomain(d.Domain).WithSpec(g).WithHorizon(d.horizon).Build("Memory"); err != nil {
		return nil, err
	}
	if err := d.Memory.System.Share(o.Clients, &g.DRAM); err != nil {
		return nil, err
	}
	d.command = newCommand("Command", d.Engine, d.Domain, g, d.horizon)
	d.command.least = MaxHorizon(g, probe)
	toPeer := sim.NewLink("Side", d.Engine, d.Domain, sim.PhaseReply, 0)
	toSM.PlugIn(d.Memory.Port, 0)
	toSM.PlugIn(d.command.port, 0)

	d.SMs = make([]*sm.Comp, g.SM.Count)
	for n := range d.SMs {
		i := n
		if o.Reverse {
			i = len(d.SMs) - 1 - n
		}
		b := sm.MakeBuilder().WithEngine(d.Engine).WithDomain(d.Domain).WithSpec(g).WithHorizon(d.horizon).WithID(i)
		if d.SMs[i], err = b.Build(fmt.Sprintf("SM[%d]", i)); err != nil {
			return nil, err
		}
		d.SMs[i].Connect(d.Memory.Port, d.command.port)
	}
	mem, ctl, peers := make([]akita.Port, len(d.SMs)), make([]akita.Port, len(d.SMs)), make([]akita.Port, len(d.SMs))
	for i, s := range d.SMs {
		toServe.PlugIn(s.MemPort, 0)
		toServe.PlugIn(s.CtlPort, 0)
		toPeer.PlugIn(s.PeerPort, 0)
		s.ConnectPeers(peers)
		mem[i], ctl[i], peers[i] = s.MemPort, s.CtlPort, s.PeerPort
	}
	d.Memory.Connect(mem)
	d.command.sms = ctl
	d.command.drained = make([]bool, len(ctl))
	for i := range d.command.drained {
		d.command.drained[i] = true
	}
	d.command.onLoad, d.command.onDone, d.command.progress = d.load, d.done, o.Progress
	return d, nil
}

// Horizon is the bulk step in use, in cycles.
func (d *GPU) Horizon() uint64 { return d.horizon }

// Warm installs tensors in L2 as a preceding launch of the same kernels
// leaves them: inputs clean, outputs dirty, in the order in which they were
// last touched.
func (d *GPU) Warm(k *tile.Kernel) { d.WarmPart(k, 1) }

// WarmPart does so where the GPU runs one of so many parts of the kernel, that at the
// beginning of the tensors named, of which it then knows no more, or of all of a kernel
// that streams.
func (d *GPU) WarmPart(k *tile.Kernel, of int, cut ...int) {
	if k.Streams {
		d.warmSideBySide(k, 1/float64(of), d.fresh)
		return
	}
	for i := range k.Tensors {
		t, n := &k.Tensors[i], k.Tensors[i].Bytes
		if d.fresh && t.Parameter {
			continue
		}
		if slices.Contains(cut, i) {
			n /= int64(of)
		}
		d.Memory.System.Warm(t.Base, n, t.Output)
	}
}

// Run executes launches one after another and reports on each.
func (d *GPU) Run(launches []*Launch) ([]Report, error) {
	if len(launches) == 0 {
		return nil, nil
	}
	for _, l := range launches {
		if err := d.checkClusters(l); err != nil {
			return nil, err
		}
	}
	d.command.stream, d.command.current = launches, 0
	d.results = d.results[:0]
	h, at := d.horizon, d.command.end
	d.command.WakeAt((at + h - 1) / h * h)
	if err := d.Engine.RunAll(); err != nil {
		return d.results, err
	}
	return d.results, nil
}

// checkClusters refuses kernels whose clusters cannot all be placed at once, as
// those of persistent grids can: clusters are not waited for one by one.
func (d *GPU) checkClusters(l *Launch) error {
	n, s := l.Kernel.Cluster, &d.spec.SM
	switch {
	case n < 2:
		return nil
	case n > s.MaxCluster || s.PerTPC%n != 0:
		return fmt.Errorf("kernel %s: clusters of %d CTAs (allowed on this machine: those of the %d SMs of a TPC, at most %d)", l.Kernel.Name, n, s.PerTPC, s.MaxCluster)
	case l.Kernel.CTAs() > s.Count:
		return fmt.Errorf("kernel %s: %d CTAs in clusters for %d SMs", l.Kernel.Name, l.Kernel.CTAs(), s.Count)
	case d.horizon > uint64(s.ClusterLatency):
		return fmt.Errorf("kernel %s: the GPU was not assembled for clusters", l.Kernel.Name)
	}
	return nil
}

func (d *GPU) load(l *Launch, cycle uint64) {
	for _, s := range d.SMs {
		s.Core.Load(l.Prepared, cycle)
	}
	d.Memory.System.ClearSemaphores()
	d.Memory.System.OnJump(d.onJump(l))
	d.before = d.Memory.System.Counters()
}

func (d *GPU) done(l *Launch, cycle uint64) {
	r := Report{Launch: l}
	for _, s := range d.SMs {
		s.Core.Close(cycle)
		r.SM.Add(s.Core.Counts())
	}
	d.Memory.System.Advance(cycle, func(int, memory.Reply) {})
	r.Memory = d.Memory.System.Counters().Sub(d.before)
	worth := l.close(d.SMs, &r.Memory, d.perSector(&r.Memory))
	for i, n := range r.SM.SkippedSlots {
		r.SM.SkippedSlots[i] = int64(float64(n) * worth)
	}
	l.owe(d.writeBack(&r))
	d.results = append(d.results, r)
}
