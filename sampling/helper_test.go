package sampling_test

import (
	"context"
	"math"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// machine loads one with some values changed.
func machine(t *testing.T, name string, sets ...string) *configs.Machine {
	t.Helper()
	m, err := configs.Load(name, sets)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func parsed(t *testing.T, text string) workloads.Workload {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func run(t *testing.T, m *configs.Machine, w workloads.Workload, f gpusim.Fidelity, budget int) gpusim.Result {
	t.Helper()
	r, err := gpusim.Run(context.Background(), m, w, gpusim.Options{Fidelity: f, Budget: budget})
	if err != nil {
		t.Fatalf("%s: %v", w.Text, err)
	}
	return r
}

// bothWays runs a workload sampled and in detail.
func bothWays(t *testing.T, m *configs.Machine, text string, budget int) (some, all gpusim.Result) {
	t.Helper()
	w := parsed(t, text)
	return run(t, m, w, gpusim.Sampled, budget), run(t, m, w, gpusim.Detailed, budget)
}

// off is how far a is from b, in percent.
func off(a, b float64) float64 { return 100 * (a/b - 1) }

// sampledTime holds a call with the budget of a small machine's layer to its detailed time,
// within most percent of it by at most so many percent of its warp instructions.
func sampledTime(t *testing.T, m *configs.Machine, text string, simulated, most float64) {
	t.Helper()
	some, all := bothWays(t, m, text, 1<<18)
	e := off(some.TimeUS, all.TimeUS)
	t.Logf("%s: %.1f us, %+.2f %% sampled (%.0f %% simulated)", text, all.TimeUS, e, some.SimulatedPct)
	if some.SimulatedPct > simulated || math.Abs(e) > most {
		t.Errorf("%s: %+.2f %% by %.0f %% of it", text, e, some.SimulatedPct)
	}
}
