package gpusim

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// runLayer simulates a workload on a machine.
func runLayer(t *testing.T, machine, text string, f Fidelity) Result {
	t.Helper()
	m, err := configs.Load(machine, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), m, w, Options{Fidelity: f})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestStreamsAtDRAMSpeed holds element-wise layers to what memory allows: never
// faster than the bus, and, long enough, within a fifth of it.
func TestStreamsAtDRAMSpeed(t *testing.T) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &m.GPU.DRAM
	peak := float64(d.Channels*d.ChannelBits) / 8 * float64(d.Clock) * float64(d.Transfers)
	for _, op := range []string{"relu", "add"} {
		r := runLayer(t, "volta", "elementwise:op="+op+",size=8388608", Detailed)
		w, _ := workloads.Parse("elementwise:op=" + op + ",size=8388608")
		least := (w.Shape().Bytes() - float64(m.GPU.L2.Size)) / peak * 1e6
		if r.TimeUS < least || r.TimeUS > 1.25*w.Shape().Bytes()/peak*1e6 {
			t.Errorf("%s: %.1f us, the bus takes %.1f at least", op, r.TimeUS, least)
		}
	}
}

// TestFusionPays: one pass over memory is faster than two, and the arithmetic of
// a chain costs next to nothing behind it.
func TestFusionPays(t *testing.T) {
	bias := runLayer(t, "volta", "elementwise:op=bias,size=4194304,channels=64,inner=1024", Detailed).TimeUS
	relu := runLayer(t, "volta", "elementwise:op=relu,size=4194304", Detailed).TimeUS
	both := runLayer(t, "volta", "elementwise:op=bias+relu,size=4194304,channels=64,inner=1024", Detailed).TimeUS
	if both > 1.05*bias || both < 0.95*bias || both > 0.7*(bias+relu) {
		t.Errorf("bias %.1f us, relu %.1f, both %.1f", bias, relu, both)
	}
}

// TestRowPasses: rows that a warp holds are read once, longer ones three times,
// which shows where no cache holds them.
func TestRowPasses(t *testing.T) {
	if testing.Short() {
		t.Skip("streams of 64 MiB")
	}
	per := func(rows, cols int) float64 {
		l := workloads.Layer{Kind: workloads.KindSoftmax, Rows: rows, Cols: cols, DType: "fp32"}
		w, err := workloads.OfLayer(l)
		if err != nil {
			t.Fatal(err)
		}
		return runLayer(t, "volta", w.Text, Sampled).Layers[0].DRAMBytes / float64(rows*cols)
	}
	if short, long := per(16384, 1024), per(1024, 16384); short < 7 || short > 9 || long < 14 || long > 17 {
		t.Errorf("rows of 1024 move %.1f B an element, rows of 16384 %.1f", short, long)
	}
}

// TestSampledStreams compares sampled with detailed streams.
func TestSampledStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("a detailed run of 256 MiB")
	}
	const w = "elementwise:op=relu,size=41943040"
	sampled, detailed := runLayer(t, "volta", w, Sampled), runLayer(t, "volta", w, Detailed)
	if sampled.SimulatedPct > 60 {
		t.Fatalf("%.0f %% simulated: nothing to compare", sampled.SimulatedPct)
	}
	if off := sampled.TimeUS/detailed.TimeUS - 1; math.Abs(off) > 0.02 {
		t.Errorf("sampled %.1f us, detailed %.1f: %+.1f %%", sampled.TimeUS, detailed.TimeUS, 100*off)
	}
}

// TestCustomRuns simulates a kernel that a file describes.
func TestCustomRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "k.yaml")
	if err := os.WriteFile(file, []byte("rows: 512\ncols: 512\ninputs: [x, z]\noutput: y = relu(x) * z\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := runLayer(t, "volta", "custom:"+file, Detailed)
	same := runLayer(t, "volta", "elementwise:op=relu+mul,size=262144", Detailed)
	if math.Abs(r.TimeUS/same.TimeUS-1) > 0.05 {
		t.Errorf("%.2f us, the built-in chain takes %.2f", r.TimeUS, same.TimeUS)
	}
}
