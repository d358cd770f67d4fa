package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// The scripts run this test binary as gpusim, with a simulator that computes
// by hand-checkable rules and two machines of its own. The shipped program
// has neither.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"gpusim": func() {
			os.Exit(fakeApp(os.Stdout, os.Stderr).main(context.Background(), os.Args[1:]))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != ""})
}

func fakeApp(out, err io.Writer) *app {
	a := newApp(out, err)
	a.simulate, a.load = fakeRun, fakeLoad
	return a
}

// fakeLoad knows a GPU and a CPU by the names of shipped machines; everything
// else, and every override, goes to the real loader.
func fakeLoad(name string, sets []string) (*configs.Machine, error) {
	if len(sets) > 0 {
		return configs.Load(name, sets)
	}
	switch strings.TrimSuffix(filepath.Base(name), ".yaml") {
	case "volta":
		return &configs.Machine{Name: "volta", Kind: "gpu", Description: "a GPU for tests", DieMM2: 800,
			Devices: []string{"Tesla V100-SXM2 (DGX-1)"}, Workloads: []string{"gemm:1000x1000x1000:fp16", "gemm:500x500x500:fp32"}}, nil
	case "skylake-8180":
		return &configs.Machine{Name: "skylake-8180", Kind: "cpu", Description: "a CPU for tests", DieMM2: 400}, nil
	}
	return configs.Load(name, sets)
}

// fakeRun: a GPU does 1e6 operations per microsecond and takes 5 us more, at
// 1 pJ an operation and 10 W of leakage; a CPU is 20 times slower and takes 100
// times the energy. Some values of k make trouble.
func fakeRun(ctx context.Context, m *configs.Machine, w workloads.Workload, o gpusim.Options) (gpusim.Result, error) {
	if w.Net != nil {
		return fakeNetwork(ctx, m, w, o)
	}
	g := w.GEMM
	switch {
	case g.K == 13:
		return gpusim.Result{}, errors.New("deadlock at cycle 42: warp 0 waits for barrier 1")
	case g.K == 17 || g.Kernel == "nonesuch" || m.Kind == configs.KindSystem:
		return gpusim.Result{}, &gpusim.InputError{Err: errors.New("no such kernel")}
	case g.K == 19 && m.Kind == "gpu":
		panic("slice 3 lost a request")
	}
	ops := float64(g.Ops())
	us, pj, kernel := 5+ops/1e6, 1.0, "fake_128x64_nn"
	dtype := g.DType
	if m.Kind == "cpu" {
		us, pj, kernel, dtype = us*20, 100, "blocked_gemm", "fp32"
	}
	l := energy.Ledger{Scope: "chip", Rows: []energy.Row{
		{Component: "mma_fma_fp32", Column: energy.Payload, Events: uint64(ops), PJPerEvent: pj, EnergyUJ: ops * pj * 1e-6},
		{Component: "leakage", Column: energy.Static, EnergyUJ: 10 * us},
	}}
	l.TotalUJ = l.Rows[0].EnergyUJ + l.Rows[1].EnergyUJ
	r := gpusim.Result{
		Machine: m.Name, Workload: w.Text, DType: dtype, Batch: g.Batch, GPUs: 1, TimeUS: us, TimeLoUS: us, TimeHiUS: us, Ops: ops, PeakTOPS: 2,
		Bound: "compute", Energy: l, ClockMHz: 1000, DRAMBytes: g.Bytes(), L2HitPct: math.NaN(), Fidelity: o.Fidelity, SimulatedPct: 100, WarpInsts: ops / 64,
	}
	r.Layers = []gpusim.Layer{{
		Name: "gemm_nn", Kernel: kernel, Grid: "8x16x1", CTATile: "128x64x8", Waves: 0.8, Occupancy: 0.25, TimeUS: us, Ops: ops, Bound: "compute",
		WarpInsts: ops / 64, DRAMBytes: g.Bytes(), L2HitPct: math.NaN(), Energy: l,
	}}
	if m.Kind == "gpu" {
		r.Layers[0].Stalls = []gpusim.Stall{{Reason: "issued", Slots: 75}, {Reason: "long_scoreboard", Slots: 25}}
	}
	return r, ctx.Err()
}

// fakeNetwork takes a microsecond for each of a network's layers, on GPUs.
func fakeNetwork(ctx context.Context, m *configs.Machine, w workloads.Workload, o gpusim.Options) (gpusim.Result, error) {
	if m.Kind == "cpu" {
		return gpusim.Result{}, &gpusim.InputError{Err: errors.New("no model of networks")}
	}
	n := float64(len(w.Net.Layers))
	r := gpusim.Result{
		Machine: m.Name, Workload: w.Text, DType: w.Net.DType, Batch: w.Net.Batch, GPUs: 1, TimeUS: n, TimeLoUS: n, TimeHiUS: n, Ops: float64(w.Net.Ops()), PeakTOPS: 2,
		Bound: "dram", DRAMBytes: 10 * n, L2HitPct: math.NaN(), Fidelity: o.Fidelity, SimulatedPct: 100, WarpInsts: n, ImagesPerS: float64(w.Net.Batch) / n * 1e6,
	}
	for _, l := range w.Net.Layers {
		r.Layers = append(r.Layers, gpusim.Layer{Name: l.Name, Count: l.Count, Kernels: l.Count, Kernel: "fake", TimeUS: 1, WarpInsts: 1, DRAMBytes: 10, L2HitPct: math.NaN()})
	}
	return r, ctx.Err()
}

// The number of simulations at a time changes no byte.
func TestWorkersDoNotMatter(t *testing.T) {
	var first string
	for _, workers := range []string{"1", "7"} {
		var out bytes.Buffer
		args := []string{"run", "volta", "--format", "json", "--workers", workers}
		for _, s := range []string{"9", "1", "5", "3", "7", "2"} {
			args = append(args, "-w", "gemm:"+s+"00x64x64")
		}
		if code := fakeApp(&out, os.Stderr).main(context.Background(), args); code != 0 {
			t.Fatal(code)
		}
		if first == "" {
			first = out.String()
		} else if first != out.String() {
			t.Error("output depends on --workers")
		}
	}
}

// A panic outside a simulation is told in one line as well.
func TestPanicIsOneLine(t *testing.T) {
	var out, errs bytes.Buffer
	a := fakeApp(&out, &errs)
	a.load = func(string, []string) (*configs.Machine, error) { panic("loader\nbroke") }
	if code := a.main(context.Background(), []string{"run", "volta"}); code != exitFailure || errs.String() != "gpusim: internal fault: loader broke\n" {
		t.Errorf("code %d, %q", code, errs.String())
	}
}
