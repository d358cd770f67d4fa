package sim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"gpusim/sim"
)

func TestMonitorRefusesOtherAddresses(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":8080", "192.0.2.1:80", "example.com:80", "8080"} {
		if m, err := sim.StartMonitor(addr); err == nil {
			m.Close()
			t.Errorf("%q: accepted, want an error", addr)
		}
	}
}

func (c *counter) State() string { return "counting" }

func TestMonitorShowsComponents(t *testing.T) {
	m, err := sim.StartMonitor("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(1_000_000_000)
	r := &counter{left: 2000}
	r.comp = sim.NewComponent("Counter", e, d, sim.PhaseAct, r)
	m.Watch("a test", e)
	r.comp.WakeAt(0)
	if err := e.RunAll(); err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		resp, err := http.Get("http://" + m.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var s sim.Snapshot
	if err := json.Unmarshal([]byte(get("/state.json")), &s); err != nil {
		t.Fatal(err)
	}
	if s.Run != "a test" || len(s.Components) != 1 || s.Components[0] != (sim.ComponentState{Name: "Counter", State: "counting"}) {
		t.Errorf("snapshot %+v", s)
	}
	if p := get("/"); !strings.Contains(p, "Counter") || !strings.Contains(p, "counting") {
		t.Errorf("page lacks the component:\n%s", p)
	}
}
