package nvlink

import (
	"context"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

func load(t testing.TB, name string, sets ...string) *configs.System {
	t.Helper()
	m, err := configs.Load(name, sets)
	if err != nil {
		t.Fatal(err)
	}
	return m.System
}

func parse(t testing.TB, text string) *workloads.Collective {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return w.Collective
}

func run(t testing.TB, s *configs.System, text string, ranks []int) Result {
	t.Helper()
	c := parse(t, text)
	var r Result
	var err error
	if c.Op == workloads.PointToPoint {
		r, err = Copy(context.Background(), s, c, Options{})
	} else {
		r, err = Collective(context.Background(), s, c, Options{Ranks: ranks})
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// us is a time in microseconds.
func (r Result) us() float64 { return r.Seconds * 1e6 }
