package gpusim_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/report"
	"gpusim/workloads"
)

func onSystem(t *testing.T, machine, work string, f gpusim.Fidelity) (*configs.Machine, workloads.Workload, gpusim.Result, error) {
	t.Helper()
	m, err := configs.Load(machine, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse(work)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gpusim.Run(context.Background(), m, w, gpusim.Options{Fidelity: f})
	return m, w, r, err
}

func TestRunOnSystem(t *testing.T) {
	m, w, r, err := onSystem(t, "dgx2", "allreduce:bytes=8MiB,gpus=16", gpusim.Sampled)
	if err != nil {
		t.Fatal(err)
	}
	if r.GPUs != 16 || r.DType != "fp32" || r.Ops != 15*(8<<20)/4 || r.Layers[0].Kernel != "ring_ll128" {
		t.Errorf("gpus %d, %s, %g operations, %s", r.GPUs, r.DType, r.Ops, r.Layers[0].Kernel)
	}
	if want := 8 << 20 / r.TimeUS / 1e3 * 2 * 15 / 16; math.Abs(r.BusGBps/want-1) > 1e-9 {
		t.Errorf("bus bandwidth %g, want %g", r.BusGBps, want)
	}
	files, err := report.RunFiles([]report.Entry{{Machine: m, Workload: w.Text, Result: r}})
	if err != nil {
		t.Fatal(err)
	}
	last := files[len(files)-1]
	lines := strings.Split(strings.TrimSpace(string(last.Data)), "\n")
	// Sixteen GPUs and twelve switches have 96 + 6 bundles of NVLinks, and 27 links of the hosts'; each in two directions.
	if last.Name != "links.csv" || lines[0] != "machine,workload,link,dir,bytes,busy_pct,wire_bytes" || len(lines) != 1+2*(96+6+16+8+1) {
		t.Errorf("%s: %d lines\n%s", last.Name, len(lines), lines[0])
	}
	_, _, a, err := onSystem(t, "dgx2", "allreduce:bytes=8MiB,gpus=16", gpusim.Analytic)
	if err != nil || a.TimeUS < r.TimeUS*0.8 || a.TimeUS > r.TimeUS*1.3 {
		t.Errorf("closed form %g us, events %g us, %v", a.TimeUS, r.TimeUS, err)
	}
}

func TestSystemInputErrors(t *testing.T) {
	for _, c := range []struct{ machine, work, want string }{
		{"dgx2", "gemm:8x8x8", "dgx2 is a system of several devices"},
		{"dgx2", "allreduce:bytes=8,gpus=17", "gpus=17, but the system has 16"},
		{"volta", "allreduce:bytes=8,gpus=2", "volta is one GPU"},
		{"skylake-8180", "p2p:bytes=8", "no model of collective"},
	} {
		_, _, _, err := onSystem(t, c.machine, c.work, gpusim.Sampled)
		if !gpusim.IsInput(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s on %s: %v, want %q", c.work, c.machine, err, c.want)
		}
	}
}
