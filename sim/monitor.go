package sim

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"sync"
	"time"

	akita "github.com/sarchlab/akita/v3/sim"
)

// Stater is implemented by component behaviours that can say in one line what
// they are doing, for the monitor's page.
type Stater interface{ State() string }

// Monitor is a live page of runs on a loopback address: progress and the
// state of every component. It reads the simulation only from Akita's event
// hook, in the simulation's own goroutine, and publishes copies.
type Monitor struct {
	mu       sync.Mutex
	snap     Snapshot
	listener net.Listener
	server   *http.Server
}

// Snapshot is what the page shows.
type Snapshot struct {
	Run        string           `json:"run"`
	Cycle      uint64           `json:"cycle"`
	Events     uint64           `json:"events"`
	WallS      float64          `json:"wall_s"`
	Components []ComponentState `json:"components"`
}

// ComponentState is one component's line.
type ComponentState struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

// StartMonitor serves the page on addr, which must name a loopback address
// ("127.0.0.1:8080", "localhost:0" for any free port).
func StartMonitor(addr string) (*Monitor, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("monitor address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("monitor address %q is not a loopback address (allowed: localhost, 127.0.0.1, [::1])", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	m := &Monitor{listener: l}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state.json", m.serveJSON)
	mux.HandleFunc("GET /{$}", m.servePage)
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go m.server.Serve(l) //nolint:errcheck // ends with Close
	return m, nil
}

// Addr is the address that the page is served on.
func (m *Monitor) Addr() string { return m.listener.Addr().String() }

// Close ends the server.
func (m *Monitor) Close() error { return m.server.Close() }

// Watch attaches the monitor to an engine's events under a run's name.
func (m *Monitor) Watch(run string, e *Engine) {
	e.AcceptHook(&monitorHook{m: m, e: e, run: run, start: time.Now()})
}

type monitorHook struct {
	m     *Monitor
	e     *Engine
	run   string
	start time.Time
	last  time.Time
	n     int
}

// Func publishes a snapshot about five times a second.
func (h *monitorHook) Func(ctx akita.HookCtx) {
	if ctx.Pos != akita.HookPosAfterEvent {
		return
	}
	if h.n++; h.n&255 != 1 {
		return
	}
	now := time.Now()
	if now.Sub(h.last) < 200*time.Millisecond {
		return
	}
	h.last = now
	s := Snapshot{Run: h.run, Cycle: h.e.Cycle(), Events: h.e.events, WallS: now.Sub(h.start).Seconds()}
	for _, c := range h.e.comps {
		st := ""
		if w, ok := c.waker.(Stater); ok {
			st = w.State()
		}
		s.Components = append(s.Components, ComponentState{c.Name(), st})
	}
	h.m.mu.Lock()
	h.m.snap = s
	h.m.mu.Unlock()
}

func (m *Monitor) snapshot() Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.snap
}

func (m *Monitor) serveJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(m.snapshot()) //nolint:errcheck // the reader has gone
}

func (m *Monitor) servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	page.Execute(w, m.snapshot()) //nolint:errcheck // the reader has gone
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>gpusim</title>
<style>body{font:14px sans-serif;margin:2em}td{padding:.1em .8em;border-bottom:1px solid #ddd;font-family:monospace}</style>
<h1>gpusim</h1>
{{if .Run}}<p>{{.Run}}: cycle {{.Cycle}}, {{.Events}} events, {{printf "%.1f" .WallS}} s</p>{{else}}<p>waiting for a run</p>{{end}}
<table>{{range .Components}}<tr><td>{{.Name}}</td><td>{{.State}}</td></tr>{{end}}</table>
`))
