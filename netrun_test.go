package gpusim

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// netOf is a network of a table of layers.
func netOf(t *testing.T, rows ...string) workloads.Workload {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.csv")
	if err := os.WriteFile(path, []byte("layer,workload,count\n"+strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse("model:" + path)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func machine(t *testing.T, name string) *configs.Machine {
	t.Helper()
	m, err := configs.Load(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// gpus are the machines that are GPUs.
func gpus(t *testing.T) (out []*configs.Machine) {
	t.Helper()
	for _, name := range configs.Names() {
		if m := machine(t, name); m.GPU != nil {
			out = append(out, m)
		}
	}
	return out
}

// A network is the sum of its layers, each as it is alone, as often as it runs;
// rows keep the order. The same on both kinds of machine, however many layers
// are simulated at a time.
func TestNetworkIsTheSumOfItsLayers(t *testing.T) {
	t.Parallel()
	const a, b = "gemm:m=256,n=64,k=128,dtype=fp32", "gemm:m=64,n=512,k=64,dtype=fp32,ta=t"
	w := netOf(t, `first,"`+a+`",1`, `second,"`+b+`",3`, `third,"`+a+`",2`)
	for _, name := range []string{"volta", "skylake-8180"} {
		m := machine(t, name)
		var parts []Result
		for _, s := range []string{a, b} {
			p, err := workloads.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Run(context.Background(), m, p, Options{})
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, r)
		}
		want, err := energy.Sum(parts[0].Energy.Times(3), parts[1].Energy.Times(3))
		if err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 3} {
			r, err := Run(context.Background(), m, w, Options{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				what      string
				got, want float64
			}{
				{"time", r.TimeUS, 3*parts[0].TimeUS + 3*parts[1].TimeUS},
				{"DRAM bytes", r.DRAMBytes, 3*parts[0].DRAMBytes + 3*parts[1].DRAMBytes},
				{"instructions", r.WarpInsts, 3*parts[0].WarpInsts + 3*parts[1].WarpInsts},
				{"operations", r.Ops, 3*parts[0].Ops + 3*parts[1].Ops},
				{"energy", r.Energy.TotalUJ, want.TotalUJ},
				{"samples a second", r.ImagesPerS * r.TimeUS, 1e6},
			} {
				if math.Abs(c.got-c.want) > 1e-9*math.Abs(c.want) {
					t.Errorf("%s, %d at a time: %s %g, want %g", name, workers, c.what, c.got, c.want)
				}
			}
			names := ""
			for _, l := range r.Layers {
				names += fmt.Sprintf("%s x%d ", l.Name, l.Count)
			}
			if names != "first x1 second x3 third x2 " {
				t.Errorf("%s: rows %s", name, names)
			}
		}
	}
}

// Equal layers are simulated once, across networks that share a cache too (and move more
// than L2 holds, or do not).
func TestNetworkSimulatesEqualLayersOnce(t *testing.T) { // not parallel: it looks at the heap
	var rows []string
	for i := range 1000 {
		rows = append(rows, fmt.Sprintf(`layer%d,"gemm:m=%d,n=64,k=64,dtype=fp32",1`, i, 64+64*(i%2)))
	}
	w := netOf(t, rows...)
	m := machine(t, "volta")
	cache := NewCache()
	steps := 0
	o := Options{Cache: cache, Workers: 2, Progress: func(float64) { steps++ }}
	var before, after runtime.MemStats
	if _, err := Run(context.Background(), m, netOf(t, rows[:500]...), o); err != nil {
		t.Fatal(err)
	}
	if steps != 2 || len(cache.runs.items) != 2 {
		t.Errorf("%d simulations, %d results kept", steps, len(cache.runs.items))
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, err := Run(context.Background(), m, w, o)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if len(r.Layers) != 1000 || len(cache.runs.items) != 2 {
		t.Errorf("%d rows, %d results kept", len(r.Layers), len(cache.runs.items))
	}
	// A row of a layer shares its ledger and its stalls with its equals.
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 4<<20 {
		t.Errorf("1000 layers keep %d bytes more", kept)
	}
	runtime.KeepAlive(r)
}

// A layer that cannot run is named, before any other has run, and so is what a
// device's memory lacks.
func TestNetworkErrors(t *testing.T) {
	t.Parallel()
	m := machine(t, "volta")
	for _, c := range []struct {
		w    workloads.Workload
		want string
	}{
		{netOf(t, `good,"gemm:64x64x64:fp32",1`, `odd,"gemm:64x64x64:fp8",1`), `layer "odd" on volta: `},
		{mustParse(t, "model:gpt2-xl,batch=8,phase=train"), "it needs 148.0 GiB (weights 5.8, activations 124.7, gradients 5.8, optimizer 11.6), volta has 16.0 GiB"},
	} {
		ran := false
		_, err := Run(context.Background(), m, c.w, Options{Progress: func(float64) { ran = true }})
		if err == nil || !IsInput(err) || !strings.Contains(err.Error(), c.want) || ran {
			t.Errorf("got %v (ran: %t), want an input error with %q", err, ran, c.want)
		}
	}
	if r, err := Run(context.Background(), machine(t, "skylake-8180"), netOf(t, `good,"gemm:64x64x64:fp32",1`, `odd,"softmax:rows=8,cols=8",1`), Options{}); err != nil || len(r.Layers) != 2 {
		t.Errorf("on a CPU: %d layers, %v", len(r.Layers), err)
	}
}

func mustParse(t *testing.T, s string) workloads.Workload {
	t.Helper()
	w, err := workloads.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// An interrupted network is an error, and what a cache was doing for it is done
// again by the next one that asks.
func TestNetworkInterrupted(t *testing.T) {
	t.Parallel()
	m := machine(t, "volta")
	w := netOf(t, `a,"gemm:64x64x64:fp32",1`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cache := NewCache()
	if _, err := Run(ctx, m, w, Options{Cache: cache}); err == nil {
		t.Error("an interrupted run gives a result")
	}
	if _, err := Run(context.Background(), m, w, Options{Cache: cache}); err != nil {
		t.Error(err)
	}
}
