package gpusim

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// words are other values of keys that hold text.
var words = []string{"gto", "lrr", "lru", "random", "closed", "open", "xor", "region", "none", "fill", "HBM2e", "GDDR5", "8.0", "another"}

// variants loads the machine with one value changed, for every value for which
// some change is allowed.
func variants(t *testing.T, name string, each func(key string, m *configs.Machine)) (changed int) {
	b, err := configs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.With(nil)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	m.HashOf(func(key string) bool { keys = append(keys, key); return false })
	for _, key := range keys {
		if strings.HasPrefix(key, "devices") || strings.HasPrefix(key, "workloads") || key == "inherits" || b.IsKey(key) != nil {
			continue
		}
		var tries []string
		if v, ok := m.Value(key); ok {
			for _, to := range []float64{v * 2, v / 2, v + 1, v - 1, math.Round(v * 1.2), math.Round(v * 0.8), 1 - v} {
				tries = append(tries, strings.TrimSpace(fmt.Sprintf("%s=%v %s", key, to, b.Unit(key))))
				if to == math.Trunc(to) {
					tries = append(tries, strings.TrimSpace(fmt.Sprintf("%s=%.0f %s", key, to, b.Unit(key))))
				}
			}
			tries = append(tries, key+"=true", key+"=false")
		} else {
			for _, w := range words {
				tries = append(tries, key+"="+w)
			}
		}
		for _, set := range tries {
			other, err := b.With([]string{set})
			if err == nil && other.Hash() != m.Hash() {
				changed++
				each(key, other)
				break
			}
		}
	}
	return changed
}

func answer(t *testing.T, m *configs.Machine, w workloads.Workload, o Options) string {
	r, err := Run(context.Background(), m, w, o)
	if err != nil {
		return err.Error()
	}
	r.Machine, r.PeakTOPS = "", 0
	text, err := json.Marshal(printable{r, math.IsNaN(r.L2HitPct)})
	if err != nil {
		text = []byte(fmt.Sprintf("%+v", r))
	}
	return string(text)
}

type printable struct {
	Result
	none bool
}

func parseAll(t *testing.T, texts ...string) (out []workloads.Workload) {
	for _, s := range texts {
		w, err := workloads.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, w)
	}
	return out
}

// Values that a result is said not to depend on do not change it; some others have to.
func TestResultsDependOnWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		machine  string
		fidelity Fidelity
		work     []string
		moves    []string
	}{
		{"volta", Analytic, []string{"gemm:256x256x512:fp16", "gemm:2048x2048x2048:fp16", "gemm:1024x64x1024:fp32", "gemm:256x256x256:fp64", "gemm:8192x8192x64:fp32",
			"conv:n=8,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,dtype=fp32", "conv:n=8,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,dtype=fp16,layout=nhwc",
			"elementwise:op=add,size=4194304,dtype=fp32", "softmax:rows=4096,cols=512"}, []string{
			"gpu.sm.count", "gpu.sm.registers", "gpu.sm.shared_memory", "gpu.sm.pipes.fp32.lanes", "gpu.sm.pipes.fp64.lanes", "gpu.clock.sustained", "gpu.dram.clock",
			"gpu.dram.channels", "gpu.l2.size", "gpu.l2.hit_latency", "gpu.crossbar.request_latency", "gpu.dispatch.drain_latency", "gpu.sm.mio.shared_latency"}},
		{"ampere", Analytic, []string{"gemm:512x512x512:fp16", "gemm:512x512x512:int8", "conv:n=8,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,dtype=fp16,layout=nhwc"}, nil},
		{"turing", Analytic, []string{"gemm:1024x1024x1024:fp16"}, nil}, // under a power cap
		{"volta", Sampled, []string{"gemm:128x64x128:fp16", "gemm:128x64x128:fp32", "conv:n=1,c=16,h=8,w=8,k=32,r=3,s=3,pad=1,dtype=fp32", "elementwise:op=relu,size=65536,dtype=fp16"}, []string{"gpu.sm.scheduler", "gpu.l2.hit_latency", "gpu.sm.icache.l1_miss_latency"}},
	} {
		t.Run(c.machine+"-"+string(c.fidelity), func(t *testing.T) {
			t.Parallel()
			plain, err := configs.Load(c.machine, nil)
			if err != nil {
				t.Fatal(err)
			}
			work := parseAll(t, c.work...)
			base := make([]string, len(work))
			for i, w := range work {
				base[i] = answer(t, plain, w, Options{Fidelity: c.fidelity})
			}
			moved := map[string]bool{}
			n := variants(t, c.machine, func(key string, m *configs.Machine) {
				for i, w := range work {
					if Ignores(plain, w, c.fidelity)(key) {
						if got := answer(t, m, w, Options{Fidelity: c.fidelity}); got != base[i] {
							t.Errorf("%s is said not to depend on %s, but does", c.work[i], key)
						}
					} else if c.moves != nil && answer(t, m, w, Options{Fidelity: c.fidelity}) != base[i] {
						moved[key] = true
					}
				}
			})
			if n < 100 {
				t.Errorf("only %d values could be changed", n)
			}
			for _, key := range c.moves {
				if !moved[key] {
					t.Errorf("no answer changes with %s", key)
				}
			}
		})
	}
}

// A cache gives on each machine what a run without it gives, and works out no more
// than there are differences that count.
func TestCacheAcrossMachines(t *testing.T) {
	t.Parallel()
	b, err := configs.Open("volta")
	if err != nil {
		t.Fatal(err)
	}
	work := parseAll(t, "gemm:512x512x512:fp16", "gemm:512x512x512:fp32", "conv:n=8,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,dtype=fp32")
	cache := NewCacheOf(1000)
	for _, set := range []string{"gpu.sm.count=80", "gpu.tensor_core.latency=12", "gpu.clock.boost=1.6 GHz", "gpu.l2.ways=12", "gpu.dram.clock=1 GHz", "gpu.sm.pipes.fp64.lanes=4", "name=other"} {
		m, err := b.With([]string{set})
		if err != nil {
			t.Fatal(err)
		}
		on := cache.On(m)
		for _, w := range work {
			want, err := Run(context.Background(), m, w, Options{Fidelity: Analytic})
			if err != nil {
				t.Fatal(err)
			}
			have, err := on.Run(context.Background(), w, Options{Fidelity: Analytic})
			if err != nil || fmt.Sprintf("%+v", *have) != fmt.Sprintf("%+v", want) {
				t.Errorf("%s with %s: the cache gives\n%+v, %v\nfor\n%+v", w.Text, set, have, err, want)
			}
		}
	}
	// All three with the first; fp16 alone with other Tensor Cores; all with the clock of DRAM.
	if n := cache.Simulated(); n != 3+1+3 {
		t.Errorf("%d results were worked out", n)
	}
}

func TestMemoKeepsTheLatest(t *testing.T) {
	t.Parallel()
	c := memo[int, int]{limit: 3}
	get := func(k int) int {
		v, err := c.get(context.Background(), k, func() (int, error) { return 10 * k, nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, k := range []int{1, 2, 3, 1, 4, 1, 3, 4} { // 2 goes when 4 comes
		if get(k) != 10*k {
			t.Fatal("wrong value")
		}
	}
	if c.made != 4 || c.order.Len() != 3 || len(c.items) != 3 {
		t.Errorf("%d made, %d kept", c.made, c.order.Len())
	}
	if get(2); c.made != 5 {
		t.Error("what went is still there")
	}
}
