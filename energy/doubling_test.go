package energy

import (
	"math"
	"testing"

	"gpusim/configs"
)

// Every coefficient of every table prices exactly its own rows: doubled, these
// double, with their intervals, and no other moves; rows add up to the total. Every
// coefficient states where it is from, and a range or that there is none.
func TestDoublingMovesItsRows(t *testing.T) {
	coefficients := 0
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		var counts []Count
		for i, c := range sortedKeys(m.Energy.Events) {
			counts = append(counts, Count{c, uint64(1000 + 7*i)})
			if e := m.Energy.Events[c]; e.Source == "" || e.Lo == 0 || e.Hi == 0 {
				t.Errorf("%s: %s has no source or no range", name, c)
			}
		}
		before, err := Build(&m.Energy, counts, 1e-3)
		if err != nil {
			t.Fatal(name, err)
		}
		sum := 0.0
		for _, r := range before.Rows {
			sum += r.EnergyUJ
		}
		if math.Abs(sum/before.TotalUJ-1) > 1e-9 {
			t.Errorf("%s: rows add up to %g uJ, the total is %g", name, sum, before.TotalUJ)
		}
		for _, row := range before.Rows {
			table := m.Energy
			table.Events, table.Static = map[string]configs.EnergyEvent{}, map[string]configs.StaticPower{}
			for k, e := range m.Energy.Events {
				if k == row.Component {
					e.PJ *= 2
				}
				table.Events[k] = e
			}
			for k, s := range m.Energy.Static {
				if k == row.Component {
					s.Power *= 2
				}
				table.Static[k] = s
			}
			after, err := Build(&table, counts, 1e-3)
			if err != nil {
				t.Fatal(name, err)
			}
			coefficients++
			for i, r := range after.Rows {
				old := before.Rows[i]
				factor := 1.0
				if r.Component == row.Component {
					factor = 2
				}
				if r.Component != old.Component || r.EnergyUJ != factor*old.EnergyUJ || r.UpUJ != factor*old.UpUJ || r.DownUJ != factor*old.DownUJ {
					t.Errorf("%s: doubling %s makes %+v of %+v", name, row.Component, r, old)
				}
			}
			if d := after.TotalUJ - before.TotalUJ - row.EnergyUJ; math.Abs(d) > 1e-9*before.TotalUJ {
				t.Errorf("%s: doubling %s adds %g uJ, its row is %g", name, row.Component, after.TotalUJ-before.TotalUJ, row.EnergyUJ)
			}
		}
	}
	t.Logf("%d coefficients", coefficients)
}

// What values do: nothing random changes, zeros cost least, and the swing of a
// product from zeros to random numbers is the measured one.
func TestValues(t *testing.T) {
	m, err := configs.Load("a100-pcie80", nil)
	if err != nil {
		t.Fatal(err)
	}
	table := &m.Energy
	if AtValues(table, Random, "fp16", 0) != table || AtValues(table, "", "fp16", 0) != table {
		t.Error("random values change the table")
	}
	for _, dtype := range []string{"fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "int4"} {
		zero := AtValues(table, Zeros, dtype, 0)
		for _, v := range allValues[1:] {
			now := AtValues(table, v, dtype, 0)
			for name, e := range now.Events {
				if old := table.Events[name]; e.PJ < zero.Events[name].PJ || e.Column == Payload && v == Zeros && e.PJ != 0 || e.PJ > 1.3*old.PJ {
					t.Errorf("%s %s: %s from %g to %g pJ", dtype, v, name, old.PJ, e.PJ)
				}
			}
		}
		for _, name := range []string{SMCycle, IntOp, DRAMActivate} {
			if zero.Events[name] != table.Events[name] {
				t.Errorf("%s follows the values", name)
			}
		}
	}
	// Of a product that is all padding nothing is left of the arithmetic, half of what
	// reading operands swings, and all of what memory moves.
	padded := AtValues(table, Random, "fp16", 1)
	for name, want := range map[string]float64{MMAFP32: 0, SharedWord: 0.75, WarpInstruction: 1 - 0.3*0.75, L1Sector: 1, L2SectorRead: 1, DRAMSectorRead: 1, SMCycle: 1} {
		if got := padded.Events[name].PJ / table.Events[name].PJ; math.Abs(got-want) > 1e-12 {
			t.Errorf("padding makes %s %g of itself, want %g", name, got, want)
		}
	}
	if _, err := ValuesNamed("zeroes"); err == nil {
		t.Error("a misspelt distribution is accepted")
	}
	// fp16 bits by hand: 1.5 is 0x3e00, -2 is 0xc000, the largest 0x7bff.
	for v, want := range map[float64]uint64{0: 0, 1.5: 0x3e00, -2: 0xc000, 1: 0x3c00} {
		if got := pattern(v, "fp16"); got != want {
			t.Errorf("%g is %#x in fp16, want %#x", v, got, want)
		}
	}
}
