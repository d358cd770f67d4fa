package report

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/energy/area"
)

// The area column is the published area where the ledger knows what is missing, that
// of the parts where it does not, grows with the machine, and has no value for systems.
func TestAreaColumn(t *testing.T) {
	for _, c := range []struct {
		machine string
		sets    []string
		low     float64
		high    float64
	}{
		{"volta", nil, 815, 815}, {"ampere", nil, 826, 826}, {"skylake-8180", nil, 694, 694}, {"tpu1", nil, 331, 331},
		{"scalesim", nil, 1, 1}, {"nvdla-64", nil, 0.5, 0.6},
		{"volta", []string{"gpu.sm.count=160"}, 1200, 1600},
		{"volta", []string{"gpu.tensor_core.shape=none", "gpu.tensor_core.fma_per_clk=0"}, 760, 785},
	} {
		m, err := configs.Load(c.machine, c.sets)
		if err != nil {
			t.Fatal(err)
		}
		if have := areaMM2(m); have < c.low || have > c.high {
			t.Errorf("%s %v: %g mm2, want %g to %g", c.machine, c.sets, have, c.low, c.high)
		}
	}
	m, err := configs.Load("dgx1v", nil)
	if err != nil {
		t.Fatal(err)
	}
	if have := areaMM2(m); have == have {
		t.Errorf("a system has an area of %g", have)
	}
}

func TestAreaTables(t *testing.T) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := area.Of(m)
	if err != nil {
		t.Fatal(err)
	}
	csv := string(AreaCSV(m, &l))
	if n := strings.Count(csv, "\n"); n != len(l.Rows)+1 {
		t.Errorf("%d lines for %d rows", n, len(l.Rows))
	}
	if s := AreaText(m, &l); !strings.Contains(s, "sm_tensor") || !strings.Contains(s, "whole die") || !strings.Contains(s, "$") {
		t.Error(s)
	}
}
