package gpusim

import (
	"context"
	"math"
	"strings"
	"testing"

	"gpusim/energy"
)

// onMany runs a network on a system.
func onMany(t *testing.T, system, work string, o Options) Result {
	t.Helper()
	r, err := Run(context.Background(), machine(t, system), mustParse(t, work), o)
	if err != nil {
		t.Fatalf("%s on %s: %v", work, system, err)
	}
	return r
}

const smallNet = "model:lstm,batch=8,hidden=64,steps=2,dtype=fp32,phase=train"

// GPUs that do the same are simulated once: with each on its own a step of eight
// takes as long, and as much energy.
func TestEqualGPUsOnce(t *testing.T) {
	t.Parallel()
	cache := NewCache()
	shared := onMany(t, "dgx1v", smallNet+",gpus=8", Options{Cache: cache})
	apart := onMany(t, "dgx1v", smallNet+",gpus=8", Options{Cache: cache, setting: setting{apart: true}})
	if len(shared.Step.Classes) != 1 || len(apart.Step.Classes) != 8 {
		t.Fatalf("%d and %d classes", len(shared.Step.Classes), len(apart.Step.Classes))
	}
	if math.Abs(shared.TimeUS/apart.TimeUS-1) > 0.005 || math.Abs(shared.Energy.TotalUJ/apart.Energy.TotalUJ-1) > 0.005 {
		t.Errorf("shared %g us, %g uJ; apart %g us, %g uJ", shared.TimeUS, shared.Energy.TotalUJ, apart.TimeUS, apart.Energy.TotalUJ)
	}
	one := onMany(t, "dgx1v", smallNet+",gpus=1", Options{Cache: cache})
	plain := onMany(t, "volta", smallNet, Options{Cache: cache})
	if math.Abs(one.TimeUS/plain.TimeUS-1) > 1e-3 {
		t.Errorf("one GPU of a system takes %g us, alone %g", one.TimeUS, plain.TimeUS)
	}
	if shared.TimeUS < one.TimeUS || shared.ImagesPerS <= one.ImagesPerS || shared.ImagesPerS > 8*one.ImagesPerS {
		t.Errorf("eight GPUs: %g us, %g samples a second; one: %g us, %g", shared.TimeUS, shared.ImagesPerS, one.TimeUS, one.ImagesPerS)
	}
	if math.Abs(shared.Ops/one.Ops-8) > 1e-9 || shared.DRAMBytes < 8*one.DRAMBytes*(1-1e-9) {
		t.Errorf("operations x%g, bytes x%g", shared.Ops/one.Ops, shared.DRAMBytes/one.DRAMBytes)
	}
}

// Layers that GPUs share and stages at once: as many classes as stages, the
// same with each GPU on its own; every GPU's time is accounted for; the closed form
// is near.
func TestSharedLayersInStages(t *testing.T) {
	t.Parallel()
	const work = "model:gpt2,batch=2,seq=32,dtype=fp16,head=false,phase=train,optimizer=sgd,gpus=4,tensor=2,pipeline=2,micro=2"
	cache := NewCache()
	shared := onMany(t, "dgx1v", work, Options{Cache: cache})
	apart := onMany(t, "dgx1v", work, Options{Cache: cache, setting: setting{apart: true}})
	if len(shared.Step.Classes) != 2 || len(apart.Step.Classes) != 4 {
		t.Fatalf("%d and %d classes", len(shared.Step.Classes), len(apart.Step.Classes))
	}
	if math.Abs(shared.TimeUS/apart.TimeUS-1) > 0.02 {
		t.Errorf("shared %g us, apart %g us", shared.TimeUS, apart.TimeUS)
	}
	for _, c := range shared.Step.Classes {
		if sum := 1e6 * (c.Alone + c.Slowed + c.Exposed + c.Bubble + c.Idle); math.Abs(sum/shared.TimeUS-1) > 1e-3 || c.Exposed <= 0 || c.Bubble+c.Idle <= 0 {
			t.Errorf("GPU %d: %+v make %g of %g us", c.GPU, c, sum, shared.TimeUS)
		}
		if shared.TimeUS < 1e6*c.Alone {
			t.Errorf("a step of %g us, kernels of GPU %d take %g", shared.TimeUS, c.GPU, 1e6*c.Alone)
		}
	}
	if math.Abs(shared.Step.ClosedUS/shared.TimeUS-1) > 0.25 {
		t.Errorf("closed form %g us, events %g us", shared.Step.ClosedUS, shared.TimeUS)
	}
}

// Bytes on links are those of the ring, and each costs what its type of link takes.
func TestStepLinks(t *testing.T) {
	t.Parallel()
	r := onMany(t, "dgx1v", smallNet+",gpus=8", Options{})
	grads := 4 * float64(mustParse(t, smallNet).Net.Parameters)
	data, wire := 0.0, 0.0
	for _, l := range r.Links {
		data, wire = data+l.Data, wire+l.Wire
		if l.BusyPct > 100 {
			t.Errorf("%s is %g %% busy", l.Link, l.BusyPct)
		}
	}
	if want := 2 * 7 * grads; math.Abs(data/want-1) > 1e-4 {
		t.Errorf("%g bytes on links, want %g", data, want)
	}
	for _, row := range r.Energy.Rows {
		if row.Column == energy.Link && row.Component == energy.LinkByte("nvlink2") {
			if math.Abs(float64(row.Events)/wire-1) > 1e-6 || row.PJPerEvent <= 0 {
				t.Errorf("%d bytes of %g pJ, %g are on the wire", row.Events, row.PJPerEvent, wire)
			}
			return
		}
	}
	t.Error("links take no energy")
}

func TestSystemNetworkErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ machine, work, want string }{
		{"dgx1v", "model:tpu-mlp0", "say on how many the network runs (gpus=8)"},
		{"volta", "model:tpu-mlp0,gpus=2", "volta is one device"},
		{"dgx1v", "model:tpu-mlp0,gpus=9", "gpus=9, but the system has 8"},
		{"knl-opa", "model:tpu-mlp0,gpus=2", "names no machine file"},
		{"summit", "model:gpt2,batch=4,gpus=1536,pipeline=4,seq=16", "stages of more than 256 GPUs are not simulated"},
		{"summit", "model:gpt2,gpus=1537,seq=16", "folded, which takes whole nodes of 6"},
		{"dgx1v", "model:gpt2-xl,batch=64,phase=train,gpus=8", "a smaller batch needs less"},
	} {
		_, err := Run(context.Background(), machine(t, c.machine), mustParse(t, c.work), Options{})
		if !IsInput(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s on %s: %v, want %q", c.work, c.machine, err, c.want)
		}
	}
	m := machine(t, "dgx1v")
	if Fits(m, mustParse(t, "model:gpt2-xl,batch=64,phase=train,gpus=8").Net) {
		t.Error("GPT-2 XL in training fits 16 GiB")
	}
}

// A system's view of a cache serves its devices no less than a run without one.
func TestSystemThroughCache(t *testing.T) {
	t.Parallel()
	const work = smallNet + ",gpus=2"
	cached, err := NewCache().On(machine(t, "dgx2")).Run(t.Context(), mustParse(t, work), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if alone := onMany(t, "dgx2", work, Options{}); alone.TimeUS != cached.TimeUS {
		t.Errorf("%g us alone, %g us through a cache", alone.TimeUS, cached.TimeUS)
	}
}
