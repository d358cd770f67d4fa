package area

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gpusim/configs"
)

func load(t *testing.T, name string, sets ...string) *configs.Machine {
	t.Helper()
	m, err := configs.Load(name, sets)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func of(t *testing.T, name string, sets ...string) Ledger {
	t.Helper()
	l, err := Of(load(t, name, sets...))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Every machine that is a chip has a ledger: rows sum to the total, row by row
// count times unit is the area, ranges hold it, and where a remainder is stated the
// total is the published area.
func TestEveryMachine(t *testing.T) {
	known := 0
	for _, name := range configs.Names() {
		m := load(t, name)
		if m.AreaTable == "" || m.AreaTable == "none" {
			t.Logf("%s has no area table", name)
			continue
		}
		l, err := Of(m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		known++
		sum := 0.0
		for _, r := range l.Rows {
			sum += r.MM2
			if math.Abs(r.MM2-r.Count*r.UnitMM2) > 1e-9 || r.LowMM2 > r.MM2 || r.HighMM2 < r.MM2 {
				t.Errorf("%s: row %+v", name, r)
			}
			if r.Group != Remainder && r.MM2 <= 0 {
				t.Errorf("%s: %s takes %g mm2", name, r.Component, r.MM2)
			}
		}
		if sum != l.TotalMM2 || l.LowMM2 >= l.Modelled() || l.HighMM2 <= l.Modelled() {
			t.Errorf("%s: rows sum to %g, total %g, modelled %g in %g to %g", name, sum, l.TotalMM2, l.Modelled(), l.LowMM2, l.HighMM2)
		}
		if _, stated := m.Area.Blocks["unexplained"]; stated && math.Abs(l.TotalMM2-m.DieMM2) > 0.005*m.DieMM2 {
			t.Errorf("%s: %.2f mm2 with the remainder, published %g", name, l.TotalMM2, m.DieMM2)
		}
	}
	if known < 40 {
		t.Errorf("only %d machines have a ledger", known)
	}
}

// A change of the machine changes the rows of what was changed and no other, and
// more of anything never makes a die smaller.
func TestChangesTheirRows(t *testing.T) {
	smRows := []string{"sm_control", "sm_fp32", "sm_int", "sm_fp64", "sm_sfu", "sm_tensor", "sm_registers", "sm_l1_shared", "sm_icache", "sm_memory_unit", "sm_texture", "crossbar_sm"}
	for _, c := range []struct {
		machine string
		sets    []string
		rows    []string
		factor  float64 // of those rows; 0: only larger
	}{
		// 84 SMs are on the die: 80 and four spare ones.
		{"volta", []string{"gpu.sm.count=160"}, smRows, 164.0 / 84},
		{"volta", []string{"gpu.tensor_core.fma_per_clk=256", "gpu.tensor_core.step_cycles=1", "gpu.tensor_core.step_cycles_fp16=2"}, []string{"sm_tensor"}, 2},
		{"volta", []string{"gpu.l2.size=12 MiB"}, []string{"l2"}, 2},
		{"volta", []string{"gpu.sm.registers=131072"}, []string{"sm_registers"}, 2},
		{"volta", []string{"gpu.dram.channels=64"}, []string{"memory_phy", "memory_controller"}, 2},
		{"volta", []string{"gpu.sm.pipes.fp32.lanes=32"}, []string{"sm_fp32"}, 2},
		{"volta", []string{"gpu.sm.pipes.fp64.lanes=16"}, []string{"sm_fp64"}, 2},
		{"volta", []string{"area.die.nvlinks=12"}, []string{"nvlink_phy", "nvlink_controller"}, 2},
		{"volta", []string{"area.die.spare_sms=88"}, smRows, 2},
		{"skylake-8180", []string{"cpu.cores=56"}, []string{"core", "core_vector", "l1d", "l2", "tile"}, 2},
		{"skylake-8180", []string{"cpu.caches.2.size=77 MiB"}, []string{"l3"}, 2},
		{"tpu1", []string{"systolic.tpu.unified_buffer=48 MiB"}, []string{"unified_buffer"}, 2},
		{"tpu1", []string{"systolic.rows=512"}, []string{"mac", "weight_fifo"}, 2},
		{"nvdla-large", []string{"nvdla.cbuf.depth=1024"}, []string{"convolution_buffer"}, 2},
		{"nvdla-large", []string{"nvdla.atomic_k=64"}, []string{"mac_int8"}, 2},
		{"eyeriss", []string{"systolic.row_stationary.global_buffer=200 KiB"}, []string{"global_buffer"}, 2},
	} {
		before, after := of(t, c.machine), of(t, c.machine, c.sets...)
		if len(before.Rows) != len(after.Rows) {
			t.Errorf("%s %v: %d rows become %d", c.machine, c.sets, len(before.Rows), len(after.Rows))
			continue
		}
		changed := 0
		for i, r := range after.Rows {
			f := r.MM2 / before.Rows[i].MM2
			if !slices.Contains(c.rows, r.Component) {
				if f != 1 {
					t.Errorf("%s %v changes %s by %g", c.machine, c.sets, r.Component, f)
				}
				continue
			}
			changed++
			if math.Abs(f-c.factor) > 1e-9 {
				t.Errorf("%s %v changes %s by %g, not %g", c.machine, c.sets, r.Component, f, c.factor)
			}
		}
		if changed != len(c.rows) || after.TotalMM2 <= before.TotalMM2 {
			t.Errorf("%s %v: %d of %d rows changed, %.1f mm2 become %.1f", c.machine, c.sets, changed, len(c.rows), before.TotalMM2, after.TotalMM2)
		}
	}
}

// A figure that is doubled changes exactly the rows that it stands for.
func TestFiguresChangeTheirRows(t *testing.T) {
	before := of(t, "volta")
	for name, u := range load(t, "volta").Area.Units {
		m := load(t, "volta")
		m.Area.Units[name] = configs.AreaUnit{Value: 2 * u.Value, Low: u.Low, High: 2 * u.High}
		after, err := Of(m)
		if err != nil {
			t.Fatal(err)
		}
		grown := after.TotalMM2 - before.TotalMM2
		rows := 0.0
		for i, r := range after.Rows {
			switch b := before.Rows[i].MM2; {
			case math.Abs(r.MM2-2*b) < 1e-9:
				rows += b
			case r.MM2 != b:
				t.Errorf("%s: %s goes from %g to %g", name, r.Component, b, r.MM2)
			}
		}
		if math.Abs(grown-rows) > 1e-9 {
			t.Errorf("%s: total grows by %g, rows by %g", name, grown, rows)
		}
	}
}

// Logic, SRAM and interfaces shrink by their own factors; what is the same in any
// process stays.
func TestScalesByKind(t *testing.T) {
	at12, at7 := of(t, "volta"), of(t, "volta", "area.process=n7")
	n12, n7 := load(t, "volta").Area.Node, load(t, "volta", "area.process=n7").Area.Node
	for row, want := range map[string]float64{
		"sm_fp32": n12.Logic.Value / n7.Logic.Value, "l2": n7.Cell.Value / n12.Cell.Value, "memory_phy": 1, "edge": 1,
	} {
		if have := at7.Component(row).MM2 / at12.Component(row).MM2; math.Abs(have-want) > 1e-9 {
			t.Errorf("%s becomes %g of itself, not %g", row, have, want)
		}
	}
}

// Tensor Cores of the SM of which die photos exist, by a figure that is not fitted.
func TestTensorCoresOfDiePhoto(t *testing.T) {
	l := of(t, "rtx2070")
	have, want := l.Component("sm_tensor").MM2/36, 1.25/2
	t.Logf("Tensor Cores of a Turing SM: %.2f mm2, die photo %.3f", have, want)
	if math.Abs(have/want-1) > 0.25 {
		t.Errorf("Tensor Cores of a Turing SM: %.2f mm2, die photo %.3f", have, want)
	}
	if off := of(t, "volta", "gpu.tensor_core.shape=none", "gpu.tensor_core.fma_per_clk=0"); off.Component("sm_tensor").MM2 != 0 || off.TotalMM2 >= of(t, "volta").TotalMM2 {
		t.Error("a Volta without Tensor Cores is not smaller")
	}
}

// CPUs of published size: two dies and one fitted figure, the logic of a tile. Each
// die is also foretold with that figure fitted to the other.
func TestCPUs(t *testing.T) {
	names := []string{"haswell-2699v3", "skylake-8180"}
	missing := map[string]float64{} // of a die, as a share of its tiles
	for _, name := range names {
		m, l := load(t, name), of(t, name)
		missing[name] = (m.DieMM2 - l.Modelled()) / l.Component("tile").MM2
	}
	for i, name := range names {
		m, l := load(t, name), of(t, name)
		unseen := l.Modelled() + missing[names[1-i]]*l.Component("tile").MM2
		e, u := 100*(l.Modelled()/m.DieMM2-1), 100*(unseen/m.DieMM2-1)
		t.Logf("%s: %.0f mm2, modelled %.0f (%+.1f %%), %.0f to %.0f; fitted to the other die %.0f (%+.1f %%)", name, m.DieMM2, l.Modelled(), e, l.LowMM2, l.HighMM2, unseen, u)
		if math.Abs(e) > 10 || math.Abs(u) > 20 || m.DieMM2 < l.LowMM2 || m.DieMM2 > l.HighMM2 {
			t.Errorf("%s: %g mm2 published, modelled %.0f in %.0f to %.0f, unseen %.0f", name, m.DieMM2, l.Modelled(), l.LowMM2, l.HighMM2, unseen)
		}
	}
}

// NVDLA's primer: seven sizes at 16 nm, behind three fitted figures, and at 28 nm,
// which nothing is fitted to.
func TestNVDLAPrimer(t *testing.T) {
	var sum16, sum28 float64
	rows := []struct {
		name       string
		mm28, mm16 float64
	}{
		{"nvdla-2048", 5.5, 3.3}, {"nvdla-1024", 3.0, 1.8}, {"nvdla-512", 2.3, 1.4}, {"nvdla-256", 1.7, 1.0},
		{"nvdla-128", 1.4, 0.84}, {"nvdla-64", 0.91, 0.55}, {"nvdla-32", 0.85, 0.51},
	}
	for _, r := range rows {
		l, old := of(t, r.name), of(t, r.name, "area.process=n28")
		e16, e28 := 100*(l.Modelled()/r.mm16-1), 100*(old.Modelled()/r.mm28-1)
		t.Logf("%s: %.2f mm2 at 16 nm (%+.1f %%), %.2f at 28 nm (%+.1f %%)", r.name, l.Modelled(), e16, old.Modelled(), e28)
		sum16, sum28 = sum16+math.Abs(e16)/7, sum28+math.Abs(e28)/7
		if r.mm16 < l.LowMM2 || r.mm16 > l.HighMM2 {
			t.Errorf("%s: %g mm2 lies outside %.2f to %.2f", r.name, r.mm16, l.LowMM2, l.HighMM2)
		}
	}
	t.Logf("mean error %.1f %% at 16 nm, %.1f %% at 28 nm", sum16, sum28)
	if sum16 > 5 || sum28 > 15 {
		t.Errorf("mean error %.1f %% at 16 nm, %.1f %% at 28 nm", sum16, sum28)
	}
}

// TPU v1: published are shares of a die of at most 331 mm2. Interfaces and control
// come from other figures than multipliers and buffers, which its floor plan gave.
func TestTPUFloorPlan(t *testing.T) {
	l := of(t, "tpu1")
	if l.Modelled() > 331 || l.Modelled() < 331*0.6 {
		t.Errorf("%.0f mm2, published at most 331 of which 21 %% have no name", l.Modelled())
	}
	io := (l.Group(Memory) + l.Group(Links)) / 331 * 100
	t.Logf("modelled %.0f of at most 331 mm2; interfaces %.1f %% of the die, floor plan 10", l.Modelled(), io)
	if io < 5 || io > 15 {
		t.Errorf("interfaces take %.1f %% of the die, floor plan 10", io)
	}
}

// Yield and dies of a wafer against their formulas at a point, and by hand: a wafer
// of 70686 mm2 has room for 707 of 100 mm2, less 67 at its edge.
func TestCost(t *testing.T) {
	if n := diesPerWafer(100); math.Abs(n-640.2) > 0.2 {
		t.Errorf("%g dies of 100 mm2", n)
	}
	if y := yield(300, 0.1, 3); math.Abs(y-math.Pow(1.1, -3)) > 1e-12 {
		t.Errorf("yield %g", y)
	}
	small, large := of(t, "p4"), of(t, "pascal")
	perMM2 := func(l Ledger) float64 { return l.Cost().USD / l.TotalMM2 }
	if perMM2(large) <= perMM2(small) {
		t.Error("a large die costs no more per area than a small one")
	}
	c := large.Cost()
	if c.LowUSD >= c.USD || c.HighUSD <= c.USD {
		t.Errorf("%+v", c)
	}
}

func TestRefusals(t *testing.T) {
	for name, want := range map[string]string{"scalesim": "area_table", "dgx1v": "system"} {
		if _, err := Of(load(t, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := configs.Load("volta", []string{"area.units.fp32_lan_mtr.value=1"}); err == nil || !strings.Contains(err.Error(), "fp32_lane_mtr") {
		t.Errorf("a misspelt unit: %v", err)
	}
	if _, err := configs.Load("volta", []string{"area.process=n6"}); err == nil || !strings.Contains(err.Error(), "n7") {
		t.Errorf("an unknown process: %v", err)
	}
}

// Sweeps ask for an area per point.
func BenchmarkOf(b *testing.B) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Of(m); err != nil {
			b.Fatal(err)
		}
	}
}
