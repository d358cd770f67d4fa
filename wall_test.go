package gpusim

import (
	"math"
	"testing"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// Power at the wall by hand: boards and parts over the efficiency, shared evenly.
func TestAtWall(t *testing.T) {
	m := &configs.Machine{Wall: &configs.Wall{
		Devices: 4, Rated: 2000, Spread: 0.02,
		Parts:  []configs.WallPart{{Name: "CPU", Power: 100, Lo: 0.5, Hi: 2}, {Name: "fans", Power: 60}},
		Supply: []configs.SupplyYield{{Load: 0.2, Efficiency: 0.9}, {Load: 0.6, Efficiency: 0.94}},
	}}
	r := Result{TimeUS: 10, Energy: energy.Ledger{Scope: "board", TotalUJ: 2000, Rows: []energy.Row{
		{Component: "work", Column: energy.Payload, EnergyUJ: 2000, DownUJ: 200, UpUJ: 400}, // 200 W, 180 to 240
	}}}
	w, ok := AtWall(m, &r)
	if !ok {
		t.Fatal("nothing at the wall")
	}
	out := 4*200.0 + 160 // of the supplies: 0.48 of 2000 W
	eff := 0.9 + 0.04*(0.48-0.2)/0.4
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	near("efficiency", w.Efficiency, eff)
	near("power", w.PowerW, out/eff/4)
	near("energy", w.EnergyUJ, 10*out/eff/4)
	near("low", w.LowW, w.PowerW-math.Hypot(math.Hypot(80, 50)/eff, out/eff-out/(eff+0.02))/4)
	near("high", w.HighW, w.PowerW+math.Hypot(math.Hypot(160, 100)/eff, out/(eff-0.02)-out/eff)/4)
	for load, want := range map[float64]float64{0: 0.9, 200: 0.9, 800: 0.92, 1200: 0.94, 5000: 0.94} {
		near("efficiency at a load", m.Wall.EfficiencyAt(load), want)
	}
	r.Energy.Scope = "chip"
	if _, ok := AtWall(m, &r); ok {
		t.Error("a chip's power was taken for a board's")
	}
	if _, ok := AtWall(&configs.Machine{}, &r); ok {
		t.Error("a machine without a wall has one")
	}
}

// Energy of a sample at the wall of MLPerf's MaxQ systems, of BERT in closed form. Which
// clocks are held follows from the ledger. In closed form Xavier's ResNet-50 is half as fast
// again as on silicon, for it knows no DRAM that waits, and a fifth of the energy is missing.
func TestMaxQ(t *testing.T) {
	for _, c := range []struct {
		machine, work   string
		fidelity        Fidelity
		rate, watts     float64
		least, greatest float64 // error in percent
	}{
		{"xavier-nx-maxq", "model:resnet50,batch=128,dtype=int8", Sampled, 1087.68, 19.7, -10, 10},
		{"xavier-maxq", "model:resnet50,batch=128,dtype=int8", Analytic, 1403.82, 25.2, -20, 20},
		{"a100-dgx-maxq", "model:resnet50,batch=128,dtype=int8", Analytic, 270706, 3458.69, -20, 20},
		{"xavier-maxq", "model:bert-large,batch=4,seq=178,dtype=int8", Analytic, 48.584, 17.4976, -20, 20},
		{"xavier-nx-maxq", "model:bert-large,batch=2,seq=178,dtype=int8", Analytic, 41.601, 13.7092, -20, 20},
		{"a100-station-maxq", "model:bert-large,batch=64,seq=178,dtype=fp16", Analytic, 4787.66, 1268.98, -20, 20},
		{"a100-pcie-maxq", "model:bert-large,batch=64,seq=178,dtype=fp16", Analytic, 8645.52, 2300.08, -20, 20},
		{"a100-dgx-maxq", "model:bert-large,batch=64,seq=178,dtype=fp16", Analytic, 10879.6, 3467.84, -25, 20},
		{"a100-dgx-maxq", "model:resnet50,batch=128,dtype=int8", Sampled, 270706, 3458.69, -10, 10},
	} {
		m, err := configs.Load(c.machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workloads.Parse(c.work)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), m, w, Options{Fidelity: c.fidelity, Values: energy.Trained, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		p, _ := AtWall(m, &r)
		got, want := p.EnergyUJ/float64(r.Batch)/1e3, 1e3*c.watts/c.rate
		e := 100 * (got/want - 1)
		t.Logf("%s, %s: %.2f mJ (%.2f to %.2f), measured %.2f, %+.1f %%; %.0f a second at %.0f MHz, %.1f W at the wall",
			c.machine, c.work, got, p.LowUJ/float64(r.Batch)/1e3, p.HighUJ/float64(r.Batch)/1e3, want, e, r.ImagesPerS, r.ClockMHz, p.PowerW)
		if e < c.least || e > c.greatest {
			t.Errorf("%s, %s: %+.1f %%", c.machine, c.work, e)
		}
		if m.GPU.Clock.PowerCap && p.BoardW > float64(m.TDP)*1.001 {
			t.Errorf("%s holds %.1f W, its limit is %v", c.machine, p.BoardW, m.TDP)
		}
	}
}
