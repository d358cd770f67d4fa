package gpusim_test

import (
	"context"
	"math"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// onXavier runs a network with little of each kernel simulated.
func onXavier(t *testing.T, work string, sets ...string) (gpusim.Result, *configs.Machine) {
	t.Helper()
	m, err := configs.Load("xavier", sets)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse(work)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gpusim.Run(context.Background(), m, w, gpusim.Options{Budget: 1 << 14})
	if err != nil {
		t.Fatal(err)
	}
	return r, m
}

// Images shared out over the units are all there and each multiply-add is done once;
// the units together move no more than the DRAM's peak, all end by the time that is
// reported, and together they beat each of them alone.
func TestSoCSharesOutABatch(t *testing.T) {
	const work = "model:resnet50,batch=6,dtype=int8"
	r, m := onXavier(t, work)
	images, gbps, ops := 0, 0.0, 0.0
	for _, u := range r.Units {
		images += u.Images
		gbps += u.DRAMGBps
		if u.TimeUS > r.TimeUS || u.Images < 1 {
			t.Errorf("%+v of %g us", u, r.TimeUS)
		}
	}
	for _, l := range r.Layers {
		if !math.IsNaN(l.Ops) {
			ops += l.Ops
		}
	}
	w, _ := workloads.Parse(work)
	var want float64 // of all layers, those that are no products too
	for _, l := range w.Net.Layers {
		want += float64(l.Count) * float64(l.Work.Shape().Ops())
	}
	if images != 6 || len(r.Units) != 3 {
		t.Errorf("%d images on %d units", images, len(r.Units))
	}
	if math.Abs(ops-want) > 1e-6*want {
		t.Errorf("%g operations in the layers of the units, the network has %g", ops, want)
	}
	if peak := m.GPU.DRAM.PeakBandwidth() / 1e9; gbps > peak {
		t.Errorf("%.1f GB/s of DRAM, its peak is %.1f", gbps, peak)
	}
	if r.Fallback == nil || r.Fallback.TimeUS != 0 {
		t.Errorf("ResNet-50 fell back: %+v", r.Fallback)
	}
	alone, _ := onXavier(t, work, "soc.placement=gpu")
	acc, _ := onXavier(t, work, "soc.placement=accelerator")
	if r.TimeUS >= alone.TimeUS || r.TimeUS >= acc.TimeUS {
		t.Errorf("all units take %g us, the GPU alone %g, one accelerator %g", r.TimeUS, alone.TimeUS, acc.TimeUS)
	}
	if r.Energy.TotalUJ <= 0 || len(alone.Units) != 1 || len(acc.Units) != 1 {
		t.Errorf("energy %g, units %v and %v", r.Energy.TotalUJ, alone.Units, acc.Units)
	}
}

// Lower power modes are slower, in the order of their clocks, and more bandwidth
// never slows the system.
func TestSoCModes(t *testing.T) {
	const work = "model:resnet50,batch=2,dtype=int8"
	last := 0.0
	for _, mode := range []string{"MAXN", "30W", "15W", "10W"} {
		r, m := onXavier(t, work, "soc.placement=accelerator", "soc.mode="+mode)
		if r.TimeUS <= last {
			t.Errorf("%s: %g us, the mode above takes %g", mode, r.TimeUS, last)
		}
		last = r.TimeUS
		if m.GPU.Clock.Sustained != m.SoC.Current().GPU || m.GPU.DRAM.Clock != m.SoC.Current().DRAM {
			t.Errorf("%s: clocks %v and %v", mode, m.GPU.Clock.Sustained, m.GPU.DRAM.Clock)
		}
		ns := float64(m.GPU.DRAM.Timing.FAW) / float64(m.GPU.DRAM.Clock) * 1e9
		if math.Abs(ns-26.7) > 0.6 {
			t.Errorf("%s: tFAW of %.1f ns", mode, ns)
		}
	}
	half, _ := onXavier(t, work, "soc.placement=accelerator", "gpu.dram.clock=400 MHz")
	full, _ := onXavier(t, work, "soc.placement=accelerator", "gpu.dram.clock=800 MHz")
	if full.TimeUS > half.TimeUS {
		t.Errorf("twice the bandwidth: %g us instead of %g", full.TimeUS, half.TimeUS)
	}
}

// What an accelerator of the system lacks runs on the GPU beside it.
func TestSoCFallsBackToItsGPU(t *testing.T) {
	r, _ := onXavier(t, "model:googlenet,batch=1,dtype=int8,fused=false", "soc.placement=accelerator")
	f := r.Fallback
	if f == nil || f.Host != "xavier" || f.TimeUS <= 0 || f.HandOver != 2*len(f.Layers) {
		t.Fatalf("%+v", f)
	}
	for _, l := range f.Layers {
		if l.Kind != workloads.KindConcat {
			t.Errorf("%+v", l)
		}
	}
}
