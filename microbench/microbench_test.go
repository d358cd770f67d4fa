package microbench

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gpusim/configs"
)

// probed runs some groups of probes on a V100 of few SMs, changed by sets.
func probed(t *testing.T, groups string, sets ...string) *Report {
	t.Helper()
	m, err := configs.Load("v100-pcie", append([]string{
		"gpu.sm.count=8", "gpu.sm.gpcs=2", "gpu.l2.slices=8", "gpu.dram.channels=4", "gpu.dram.spread_channels=2", "gpu.l2.size=768 KiB",
	}, sets...))
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Run(context.Background(), m, 2, func(g string) bool { return strings.Contains(groups, g) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// TestProbesFindWhatIsThere: a machine changed in one respect is found to
// differ in that respect, by as much. So the figures are measured.
func TestProbesFindWhatIsThere(t *testing.T) {
	base := probed(t, "memory latency, shared memory, memory instructions, synchronization")
	for _, c := range []struct {
		groups, set, key string
		change           float64 // of the figure; NaN: factor instead
		factor           float64
	}{
		{"instructions", "gpu.sm.pipes.fp32.latency=7", "latency.ffma", 3, 0},
		{"instructions", "gpu.sm.pipes.fp64.lanes=4", "throughput.dfma", math.NaN(), 0.5},
		{"instructions", "gpu.sm.bank_operands_per_read=1", "bank.conflict", 1, 0},
		{"shared memory", "gpu.sm.mio.shared_latency=29", "latency.shared", 10, 0},
		{"shared memory", "gpu.sm.mio.shared_bytes_per_clk=64", "bandwidth.shared.32", math.NaN(), 0.5},
		{"memory instructions", "gpu.sm.mio.address_interval=5", "queue.interval.1", 3, 0},
		{"synchronization", "gpu.sm.barrier_latency=30", "barrier.1", 10, 0},
		{"memory latency", "gpu.l1.hit_latency=38", "latency.l1", 10, 0},
		{"memory latency", "gpu.l2.hit_latency=100", "latency.l2", 20, 0},
		{"memory latency", "gpu.dram.phy_latency=258", "latency.dram", 100, 0},
		{"memory latency", "gpu.tlb.latency=58", "latency.dram_large", 50, 0},
	} {
		was, is := base.Get(c.key), probed(t, c.groups, c.set).Get(c.key)
		want := was + c.change
		if math.IsNaN(c.change) {
			want = was * c.factor
		}
		if math.Abs(is-want) > 0.02*want+1.5 || math.IsNaN(is) {
			t.Errorf("%s: %s is %.2f, was %.2f, want %.2f", c.set, c.key, is, was, want)
		}
	}
}

// TestKneeIsLittles: the warps at the knee of the bandwidth curve are those
// that latency and bandwidth, measured by other probes, ask for.
func TestKneeIsLittles(t *testing.T) {
	rep := probed(t, "latency hiding")
	little, knee := rep.Get("hiding.little"), rep.Get("hiding.knee")
	t.Logf("Little's law: %.1f warps, knee: %.1f", little, knee)
	if !(math.Abs(knee-little) < 0.1*little) {
		t.Errorf("knee at %.1f warps, Little's law asks for %.1f", knee, little)
	}
}

// TestStreamsKeepToTheBus: no stream moves more than the pins do, and a copy
// no more than a read.
func TestStreamsKeepToTheBus(t *testing.T) {
	rep := probed(t, "bandwidth")
	peak := 876e6 * 2 * 16 * 4 / 1e9
	for _, k := range []string{"read", "write", "copy", "triad", "stencil", "sweep"} {
		if v := rep.Get("bandwidth.dram." + k); !(v > 0.75*peak && v <= 1.001*peak) {
			t.Errorf("DRAM %s: %.1f GB/s of %.1f", k, v, peak)
		}
	}
	if rep.Get("bandwidth.dram.copy") > rep.Get("bandwidth.dram.read") {
		t.Error("a copy is faster than a read")
	}
}

// TestStreamsGiveWhatThreadsHold: where DRAM is far and warps are few, a stream of one
// double a thread moves no more than all threads hold in a latency (Little's law), less
// what it takes to start CTAs; a sweep with four a thread under way still fills the bus.
func TestStreamsGiveWhatThreadsHold(t *testing.T) {
	rep := probed(t, "bandwidth, memory latency", "gpu.dram.phy_latency=500", "gpu.sm.max_warps=16", "gpu.sm.max_ctas=16", "gpu.sm.two_level_active_set=4")
	held := 8 * 512 * 8 / rep.Get("latency.dram") * 1.38 // GB/s
	read, sweep, peak := rep.Get("bandwidth.dram.read"), rep.Get("bandwidth.dram.sweep"), 876e6*2*16*4/1e9
	t.Logf("read %.1f GB/s, held %.1f, sweep %.1f of %.1f", read, held, sweep, peak)
	if !(read < held && read > 0.6*held) {
		t.Errorf("a stream reads %.1f GB/s where threads hold %.1f", read, held)
	}
	if !(sweep > 0.9*peak) {
		t.Errorf("a sweep reads %.1f GB/s of %.1f", sweep, peak)
	}
}

// TestPublishedTable: every row is of a device that some machine answers to
// and of a figure that a probe finds.
func TestPublishedTable(t *testing.T) {
	rows, err := published()
	if err != nil || len(rows) < 100 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	found := probed(t, strings.Join(Groups(), ", "))
	small, err := configs.Load("skylake-8180", []string{"cpu.caches.2.size=2816 KiB"})
	if err != nil {
		t.Fatal(err)
	}
	onCPU, err := Run(context.Background(), small, 1, func(g string) bool { return g != products }, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]*Report{} // of machines that have what V100 has not
	seen := map[string]bool{}
	for _, r := range rows {
		name, ok := configs.ForDevice(r.Device)
		if !ok {
			t.Errorf("no machine answers to %q", r.Device)
		}
		if seen[r.Device+r.Key] {
			t.Errorf("%s %s stands twice", r.Device, r.Key)
		}
		seen[r.Device+r.Key] = true
		rep := found
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.CPU != nil {
			rep = onCPU
		} else if math.IsNaN(rep.Get(r.Key)) {
			if own[name] == nil {
				if own[name], err = Run(context.Background(), m, 1, pathToMemory, nil); err != nil {
					t.Fatal(err)
				}
			}
			rep = own[name]
		}
		if math.IsNaN(rep.Get(r.Key)) && r.Key != "latency.l2_far" {
			t.Errorf("no probe finds %s", r.Key)
		}
	}
}

// pathToMemory says whether a group of probes is of what lies between warps and memory.
func pathToMemory(group string) bool {
	return slices.Contains([]string{"memory instructions", "constant memory", "clusters"}, group)
}

// TestPathToMemory: instructions of an RTX A6000 issue, and give their registers back, as
// was measured; so do constants of an RTX 2070 and clusters of an H800.
func TestPathToMemory(t *testing.T) {
	for name, least := range map[string]int{"rtxa6000": 50, "rtx2070": 3, "h800-pcie": 2} {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := Run(context.Background(), m, 1, pathToMemory, nil)
		if err != nil {
			t.Fatal(err)
		}
		known, err := PublishedFor(m)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range rep.Results {
			p, ok := known[r.Key]
			if !ok {
				continue
			}
			n++
			if math.Abs(r.Value/p.Value-1) > 0.05 {
				t.Errorf("%s, %s: %.1f, measured %.1f", name, r.Key, r.Value, p.Value)
			}
		}
		if n < least {
			t.Errorf("%s: %d figures compared", name, n)
		}
	}
}

// TestCPULatencies: what a chase finds is what the machine's files cite: L1 and L2
// exactly, what lies behind within 10 % of the measured figures.
func TestCPULatencies(t *testing.T) {
	for _, name := range []string{"haswell-2699v3", "skylake-8180", "skylake-6148"} {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		known, err := PublishedFor(m)
		if err != nil {
			t.Fatal(err)
		}
		r := &cpuRig{m: m, scalar: float64(m.CPU.Clock.Scalar)}
		for i, tolerance := range []float64{0.01, 0.01, 0.1} {
			have, err := r.chase(powerOfTwo(int(m.CPU.Caches[i].Size) / 2))
			if err != nil {
				t.Fatal(err)
			}
			want := known["latency.l"+string(rune('1'+i))].Value
			if !(math.Abs(have/want-1) <= tolerance) {
				t.Errorf("%s, L%d: %.2f cycles, measured %.2f", name, i+1, have, want)
			}
		}
		have, err := r.chase(512 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if ns := have / r.scalar * 1e9; !(math.Abs(ns/known["latency.memory_ns"].Value-1) <= 0.1) {
			t.Errorf("%s, memory: %.1f ns, measured %.1f", name, ns, known["latency.memory_ns"].Value)
		}
	}
}

// Groups that were finished before an interrupt are kept, and nothing of what it ended.
func TestInterruptKeepsGroups(t *testing.T) {
	m, err := configs.Load("v100-pcie", []string{"gpu.sm.count=8", "gpu.sm.gpcs=2"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	only := func(g string) bool { return g == "shared memory" || g == "latency hiding" }
	rep, err := Run(ctx, m, 1, only, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) || rep.Finished != 1 || len(rep.Results) == 0 || len(rep.Points) > 0 {
		t.Errorf("%d groups, %d figures, %v", rep.Finished, len(rep.Results), err)
	}
}
