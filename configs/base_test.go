package configs

import (
	"math"
	"sync"
	"testing"
)

// A machine that is loaded many times is the one that Load gives, whatever was
// loaded before and at the same time.
func TestBaseLoadsLikeLoad(t *testing.T) {
	t.Parallel()
	for name, sets := range map[string][][]string{
		"v100-pcie":  {nil, {"gpu.sm.count=40"}, {"gpu.dram.clock=1 GHz", "energy.events.fma_fp32.pj=3"}, {"energy_table=tu104"}, {"gpu.dram.timing.tFAW=30"}, nil},
		"nvdla-2048": {nil, {"nvdla.cbuf.banks=8"}, nil},
		"dgx1v":      {nil, {"system.links.3.count=1"}, nil},
	} {
		b, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 2 {
			for _, s := range sets {
				wg.Add(1)
				go func() {
					defer wg.Done()
					want, err1 := Load(name, s)
					have, err2 := b.With(s)
					if (err1 == nil) != (err2 == nil) || err1 != nil && err1.Error() != err2.Error() {
						t.Errorf("%s with %v: %v, but loaded at once %v", name, s, err2, err1)
						return
					}
					if err1 == nil && have.Hash() != want.Hash() {
						t.Errorf("%s with %v is another machine", name, s)
					}
				}()
			}
		}
		wg.Wait()
	}
	if _, err := Open("volt"); err == nil {
		t.Error("a machine that does not exist is opened")
	}
}

func TestValuesByKey(t *testing.T) {
	t.Parallel()
	b, err := Open("volta")
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.With(nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]float64{
		"gpu.sm.count": 80, "gpu.dram.clock": 876e6, "gpu.l2.size": 6 << 20, "tdp": 300, "gpu.sm.pipes.fp64.lanes": 8,
		"gpu.clock.power_cap": 0, "gpu.l1.unified": 1, "gpu.clock.supply.0.voltage": 0.65,
	} {
		if v, ok := m.Value(key); !ok || math.Abs(v-want) > 1e-9*want {
			t.Errorf("%s is %v, %v, want %v", key, v, ok, want)
		}
		if err := b.IsKey(key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{"gpu.sm.counts", "gpu", "name", "gpu.clock.supply.9.voltage", "gpu.clock.supply.x.voltage", "nvdla.clock", "gpu.sm.count.x"} {
		if v, ok := m.Value(key); ok {
			t.Errorf("%s has the value %v", key, v)
		}
	}
	for key, want := range map[string]string{"gpu.dram.clock": "Hz", "gpu.l2.size": "B", "tdp": "W", "gpu.sm.count": "", "nonesuch": ""} {
		if u := b.Unit(key); u != want {
			t.Errorf("%s has the unit %q", key, u)
		}
	}
	for text, want := range map[string]float64{"900 GB/s": 9e11, "6 MiB": 6 << 20, "1.5 GHz": 1.5e9, "250 mW": 0.25, "0.8 V": 0.8, "2 us": 2e-6, "17": 17, "1.5e3": 1500} {
		if v, err := ParseQuantity(text); err != nil || math.Abs(v-want) > 1e-12*want {
			t.Errorf("%s is read as %v, %v", text, v, err)
		}
	}
	for key, values := range map[string][2]string{"gpu.sm.count": {"40", "0"}, "gpu.clock.boost": {"1 GHz", "1 GB"}, "gpu.l1.unified": {"true", "2"},
		"gpu.sm.scheduler": {"gto", "best"}, "energy.events.fma_fp32.pj": {"3", "-1"}, "gpu.sm.icache": {"{l0: 1 KiB}", ""}, "name": {"x", ""}} {
		if err := b.CheckValue(key, values[0]); err != nil {
			t.Errorf("%s=%s: %v", key, values[0], err)
		}
		if err := b.CheckValue(key, values[1]); err == nil {
			t.Errorf("%s=%s is taken", key, values[1])
		}
	}
	if _, err := ParseQuantity("12 parsecs"); err == nil {
		t.Error("parsecs are a unit")
	}
	all := m.HashOf(func(string) bool { return true })
	other, err := b.With([]string{"gpu.l2.size=12 MiB"})
	if err != nil {
		t.Fatal(err)
	}
	notL2 := func(key string) bool { return key != "gpu.l2.size" }
	if all == other.HashOf(func(string) bool { return true }) || m.HashOf(notL2) != other.HashOf(notL2) {
		t.Error("HashOf does not go by the keys that are kept")
	}
}
