package energy

import (
	"math"
	"testing"

	"gpusim/configs"
)

// Core events go with the square of the voltage, and so does leakage; DRAM
// and the rest of the board with neither; the table itself stays as it was.
func TestAtVoltage(t *testing.T) {
	m, err := configs.Load("turing", nil)
	if err != nil {
		t.Fatal(err)
	}
	table := m.Energy
	was := table.Events[WarpInstruction].PJ
	half := AtVoltage(&table, table.Voltage/2)
	for name, e := range table.Events {
		want := e.PJ / 4
		if e.Column == DRAM {
			want = e.PJ
		}
		if got := half.Events[name].PJ; math.Abs(got-want) > 1e-12*want {
			t.Errorf("%s: %g pJ at half the voltage of %g pJ", name, got, e.PJ)
		}
	}
	idle := float64(table.Static[BoardConstant].Power) + float64(table.Static[Leakage].Power)/4
	if got := IdlePowerW(half); math.Abs(got-idle) > 1e-12*idle {
		t.Errorf("%g W idle, want %g", got, idle)
	}
	if table.Events[WarpInstruction].PJ != was {
		t.Error("the table itself changed")
	}
	if AtVoltage(&table, 0) != &table || AtVoltage(&table, table.Voltage) != &table {
		t.Error("no supply, or that of the table, gives other coefficients")
	}
	table.Voltage = 0
	if AtVoltage(&table, 1_000_000) != &table {
		t.Error("a table without a voltage is scaled")
	}
}

// A T4 whose clocks are locked and which has no work takes 27 W at 600 MHz and
// 34 W at 1590 MHz, its memory at full clock (hpc-ulisboa/gpuPTXModel,
// aux_files/teslat4). That leakage goes with the square of the voltage is taken from
// the two, its size is not.
func TestIdleT4(t *testing.T) {
	m, err := configs.Load("turing", nil)
	if err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[configs.Freq]float64{600e6: 27, 1590e6: 34} {
		if got := IdlePowerW(AtVoltage(&m.Energy, m.GPU.Clock.VoltageAt(clock))); math.Abs(got/want-1) > 0.1 {
			t.Errorf("%.1f W idle at %v, measured %g W", got, clock, want)
		}
	}
	// By the law alone: what the core takes without work, at both.
	core := func(clock configs.Freq) float64 {
		return IdlePowerW(AtVoltage(&m.Energy, m.GPU.Clock.VoltageAt(clock))) - float64(m.Energy.Static[BoardConstant].Power)
	}
	board := float64(m.Energy.Static[BoardConstant].Power)
	if got, want := core(1590e6)/core(600e6), (34-board)/(27-board); math.Abs(got/want-1) > 0.05 {
		t.Errorf("the core takes %.2f times as much at 1590 MHz as at 600, measured %.2f", got, want)
	}
}
