package nvlink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/sim"
	"gpusim/workloads"
)

// algorithmBytes is what all ranks send, by the algorithm.
func algorithmBytes(c *workloads.Collective, algo string) float64 {
	n, s := float64(c.GPUs), float64(c.Size)
	switch {
	case algo == InSwitch: // each GPU's block up from all and up from its owner
		return n*s + s
	case c.Op == workloads.AllReduce:
		return 2 * (n - 1) * s
	case c.Op == workloads.AllToAll, c.Op == workloads.ReduceScatter, c.Op == workloads.AllGather:
		return (n - 1) * s
	case c.Op == workloads.Broadcast:
		return (n - 1) * s
	}
	return s
}

// The bytes that leave GPUs are those of the algorithm, and no link ever
// carries more than its rate.
func TestBytesAndRates(t *testing.T) {
	for _, c := range []struct{ system, work string }{
		{"dgx2", "allreduce:bytes=1MiB,gpus=16,algo=ring"},
		{"dgx2", "allreduce:bytes=1MiB,gpus=16,algo=tree"},
		{"dgx2", "allreduce:bytes=1MiB,gpus=16,algo=halving,proto=simple"},
		{"dgx2", "alltoall:bytes=1MiB,gpus=16"},
		{"dgx2", "reducescatter:bytes=1MiB,gpus=8"},
		{"dgx1v", "allgather:bytes=1MiB,gpus=8"},
		{"dgx1v", "allreduce:bytes=3MB,gpus=8"},
		{"dgx1v", "broadcast:bytes=10MB,gpus=8,root=3"},
		{"hgx-h100", "allreduce:bytes=8MiB,gpus=8,algo=in_switch"},
		{"a100x4", "allreduce:bytes=100kB,gpus=4,proto=ll"},
		{"summit-node", "allreduce:bytes=4MiB,gpus=6"},
		{"pcie-peer-host", "allreduce:bytes=4MB,gpus=16"},
		{"pcie-host", "allreduce:bytes=4MB,gpus=8"},
		{"dgx2-pod", "allreduce:bytes=4MiB,gpus=48,algo=tree,proto=simple"},
		{"dgx2", "p2p:bytes=1MB,src=0,dst=9,both=true"},
		{"dgx2", "p2p:bytes=10MB,src=0,dst=9,via=host"},
	} {
		s, w := load(t, c.system), parse(t, c.work)
		r := run(t, s, c.work, nil)
		sent := 0.0
		for _, l := range r.Links {
			if strings.Contains(strings.SplitN(l.Dir, ">", 2)[0], "GPU") {
				sent += l.Data
			}
			if l.Wire < l.Data {
				t.Errorf("%s: %s carries %g bytes of data in %g", c.work, l.Dir, l.Data, l.Wire)
			}
			if l.BusyPct > 100*(1+1e-9) {
				t.Errorf("%s: %s is busy %g %% of the time", c.work, l.Dir, l.BusyPct)
			}
		}
		want := algorithmBytes(w, r.Algo) / float64(r.Folded)
		if w.Both {
			want *= 2
		}
		// Shares are rounded per link, folded chunks to bytes.
		if math.Abs(sent-want) > float64(len(r.Links)+r.Folded*w.GPUs*w.GPUs) {
			t.Errorf("%s on %s (%s %s): GPUs send %.0f bytes, the algorithm %.0f", c.work, c.system, r.Algo, r.Proto, sent, want)
		}
		if r.PeakUse > 1+1e-6 {
			t.Errorf("%s on %s: a link was used to %g of its rate", c.work, c.system, r.PeakUse)
		}
	}
}

// A node that stands for all takes as long as all of them.
func TestFoldedAgainstWhole(t *testing.T) {
	for _, c := range []struct{ system, work string }{
		{"pcie-peer-host", "allreduce:bytes=4MiB,gpus=32"},
		{"pcie-host", "allreduce:bytes=16MiB,gpus=16"},
		{"pcie-host", "reducescatter:bytes=16MiB,gpus=16"},
		{"dgx2-pod", "allreduce:bytes=12MiB,gpus=64,algo=ring,proto=simple"},
		{"dgx2-pod", "allgather:bytes=48MiB,gpus=32"},
		{"knl-opa", "allreduce:bytes=1MiB,gpus=8,algo=ring"},
	} {
		s, w := load(t, c.system), parse(t, c.work)
		folded := run(t, s, c.work, nil)
		u, err := newSetup(s, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := u.whole(); err != nil {
			t.Fatal(err)
		}
		whole, err := u.run(context.Background(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if folded.Folded < 2 || whole.Folded != 1 {
			t.Fatalf("%s: folded %d and %d", c.work, folded.Folded, whole.Folded)
		}
		if e := folded.Seconds/whole.Seconds - 1; math.Abs(e) > 0.005 {
			t.Errorf("%s on %s: one node for all %.2f us, all %.2f us", c.work, c.system, folded.us(), whole.us())
		}
	}
}

// Renumbering GPUs by a symmetry of the topology changes nothing.
func TestSymmetry(t *testing.T) {
	for _, c := range []struct {
		system, work string
		ranks        []int
	}{
		{"dgx1v", "allreduce:bytes=16MiB,gpus=8", []int{4, 5, 6, 7, 0, 1, 2, 3}}, // the two quads
		{"dgx1v", "allreduce:bytes=16KiB,gpus=8", []int{4, 5, 6, 7, 0, 1, 2, 3}},
		{"dgx1v", "alltoall:bytes=1MiB,gpus=4", []int{4, 5, 6, 7}},
		{"dgx2", "allreduce:bytes=4MiB,gpus=16", []int{8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7}},
		{"dgx2", "allreduce:bytes=4MiB,gpus=16", []int{3, 1, 2, 0, 4, 7, 6, 5, 15, 9, 10, 11, 12, 13, 14, 8}},
		{"a100x4", "allreduce:bytes=16MiB,gpus=4", []int{2, 0, 3, 1}},
		{"hgx-h100", "allreduce:bytes=16MiB,gpus=8", []int{7, 3, 1, 0, 2, 4, 6, 5}},
		{"summit-node", "allreduce:bytes=16MiB,gpus=6", []int{3, 5, 4, 1, 0, 2}},
		{"pcie-peer-host", "allreduce:bytes=16MB,gpus=8", []int{5, 4, 6, 7, 1, 0, 3, 2}},
	} {
		s := load(t, c.system)
		a, b := run(t, s, c.work, nil), run(t, s, c.work, c.ranks)
		if a.Seconds != b.Seconds {
			t.Errorf("%s on %s: %.3f us, renumbered %.3f us", c.work, c.system, a.us(), b.us())
		}
	}
}

// The order in which a run is made, and its repetition, change no byte.
func TestRepeats(t *testing.T) {
	s := load(t, "dgx2")
	a, b := run(t, s, "allreduce:bytes=2MiB,gpus=16", nil), run(t, s, "allreduce:bytes=2MiB,gpus=16", nil)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("two runs differ")
	}
}

// A faster link never slows a collective, more bytes never quicken it, and no
// collective beats the links' bandwidth.
func TestMonotone(t *testing.T) {
	for _, name := range []string{"a100x4", "dgx2", "pcie-peer-host"} {
		s := load(t, name)
		last := 0.0
		for _, size := range []string{"4KiB", "64KiB", "512KiB", "2MiB", "8MiB", "32MiB", "128MiB"} {
			for _, proto := range []string{"simple"} {
				work := fmt.Sprintf("allreduce:bytes=%s,gpus=4,algo=ring,proto=%s", size, proto)
				r := run(t, s, work, nil)
				if r.Seconds < last {
					t.Errorf("%s on %s: %.1f us, less than for fewer bytes", work, name, r.us())
				}
				last = r.Seconds
				fast := load(t, name)
				for i := range fast.Types {
					fast.Types[i].LaneGbps *= 2
				}
				if f := run(t, fast, work, nil); f.Seconds > r.Seconds*(1+1e-9) {
					t.Errorf("%s on %s: twice the rate takes %.1f us instead of %.1f", work, name, f.us(), r.us())
				}
			}
		}
	}
}

// Event model and closed form agree.
func TestClosedForm(t *testing.T) {
	for _, c := range []struct {
		system, work string
		within       float64
	}{
		{"a100x4", "allreduce:bytes=8,gpus=4", 0.1},
		{"a100x4", "allreduce:bytes=64KiB,gpus=4", 0.1},
		{"a100x4", "allreduce:bytes=2MiB,gpus=4", 0.15},
		{"a100x4", "allreduce:bytes=1GiB,gpus=4", 0.1},
		{"dgx2", "allreduce:bytes=256MiB,gpus=16", 0.1},
		{"dgx2", "allgather:bytes=256MiB,gpus=16", 0.1},
		{"dgx2", "reducescatter:bytes=256MiB,gpus=16", 0.1},
		{"dgx2", "alltoall:bytes=256MiB,gpus=16", 0.15},
		{"dgx2", "broadcast:bytes=256MiB,gpus=16", 0.15},
		{"dgx2", "allreduce:bytes=16MiB,gpus=16,algo=halving,proto=simple", 0.3},
		{"hgx-h100", "allreduce:bytes=1GiB,gpus=8", 0.1},
		{"dgx1v", "allreduce:bytes=64MiB,gpus=8", 0.1},
		{"pcie-host", "allreduce:bytes=64MiB,gpus=8", 0.1},
		{"dgx2", "p2p:bytes=1GiB,src=0,dst=9", 0.01},
		{"dgx2", "p2p:bytes=1GiB,src=0,dst=9,both=true", 0.01},
		{"dgx2", "p2p:bytes=1GiB,src=0,dst=9,via=host", 0.05},
	} {
		s := load(t, c.system)
		got, err := Closed(s, parse(t, c.work))
		if err != nil {
			t.Error(err)
			continue
		}
		r := run(t, s, c.work, nil)
		if e := got.Seconds/r.Seconds - 1; math.Abs(e) > c.within {
			t.Errorf("%s on %s (%s %s): closed form %.1f us, events %.1f us, %+.1f %%", c.work, c.system, r.Algo, r.Proto, got.us(), r.us(), 100*e)
		}
	}
}

// Published copies: within 3 % of bandwidth and 15 % of latency.
func TestCopiesAgainstPublished(t *testing.T) {
	for _, c := range []struct {
		system, work string
		gbps         float64
	}{
		{"dgx2", "p2p:bytes=4GiB,src=0,dst=1", 145.57},
		{"dgx2", "p2p:bytes=4GiB,src=3,dst=12", 145.57},
		{"dgx2", "p2p:bytes=4GiB,src=0,dst=1,dir=read", 145.5},
		{"dgx2", "p2p:bytes=4GiB,src=0,dst=15,both=true", 135.25}, // 270.5 both ways
		{"dgx2", "p2p:bytes=4GiB,src=0,dst=1,via=host", 11.1},
		{"v100x4", "p2p:bytes=1GiB", 47.88},
		{"p100x4", "p2p:bytes=1GiB,src=0,dst=2", 18.31},
		{"p100x4", "p2p:bytes=1GiB,src=0,dst=1", 36.39},
		{"pcie-peer-host", "p2p:bytes=1GiB", 12.34}, // RRZE: host to device
		{"hgx-h100", "p2p:bytes=4GiB", 376},
	} {
		r := run(t, load(t, c.system), c.work, nil)
		got := float64(parse(t, c.work).Size) / r.Seconds / 1e9
		if math.Abs(got/c.gbps-1) > 0.03 {
			t.Errorf("%s on %s: %.2f GB/s, published %.2f", c.work, c.system, got, c.gbps)
		}
	}
	// Every pair of a DGX-2 is alike.
	s := load(t, "dgx2")
	for src := range 16 {
		for dst := range 16 {
			if src == dst {
				continue
			}
			work := fmt.Sprintf("p2p:bytes=256MiB,src=%d,dst=%d", src, dst)
			r := run(t, s, work, nil)
			if got := float64(256<<20) / r.Seconds / 1e9; math.Abs(got/145.57-1) > 0.03 {
				t.Fatalf("%s: %.2f GB/s", work, got)
			}
		}
	}
	for _, c := range []struct {
		system, work string
		us           float64
	}{
		{"dgx2", "p2p:bytes=16,src=0,dst=1", 2.28},
		{"dgx2", "p2p:bytes=16,src=9,dst=8", 2.63},
		{"dgx2", "p2p:bytes=16,src=0,dst=1,dir=read", 9.6},
		{"dgx2", "p2p:bytes=16,src=0,dst=1,via=host", 23.5},
		{"p100x4", "p2p:bytes=16,src=0,dst=1", 1.35},
		{"a100x4", "p2p:bytes=16,src=0,dst=1", 2.52}, // 2.22 to 2.82
		{"dgxa100", "p2p:bytes=16,src=0,dst=1", 3.0}, // 2.7 to 3.3
	} {
		if r := run(t, load(t, c.system), c.work, nil); math.Abs(r.us()/c.us-1) > 0.15 {
			t.Errorf("%s on %s: %.2f us, published %.2f", c.work, c.system, r.us(), c.us)
		}
	}
}

// A program whose workers wait in a circle ends with a report that names it.
func TestCircularWait(t *testing.T) {
	s := load(t, "a100x4")
	g, err := build(s, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{ranks: 3, bytes: 16}
	seg := Segment{0, 16}
	var conns []int
	for r := range 3 {
		conns = append(conns, p.connect(r, (r+1)%3, 0))
	}
	for r := range 3 { // each receives before it sends
		p.work(r, 0, "").ops = []op{{from: []int{conns[(r+2)%3]}, seg: seg}, {to: []int{conns[r]}, seg: seg, own: true}}
	}
	e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(hz)
	f := newFabric(e, d, g)
	wires := make([]wireUp, 3)
	for i, c := range p.conns {
		r, err := g.find(g.gpus[c.from], g.gpus[c.to], "")
		if err != nil {
			t.Fatal(err)
		}
		wires[i] = wireUp{push: &way{all: g.uses(r, Stores), limit: 1e12}}
	}
	f.lay([]*way{wires[0].push, wires[1].push, wires[2].push})
	newExecution(e, d, g, f, p, wires, pace{local: 1e10, slots: 1}, func(int) uint64 { return 1 })
	err = e.RunAll()
	want := "circular wait: GPU0 channel 0 step 0 -> GPU2 channel 0 step 0 -> GPU1 channel 0 step 0 -> GPU0 channel 0 step 0"
	if !errors.Is(err, sim.ErrDeadlock) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// What a system's file lists can be run, and what it names exists.
func TestOwnWorkloads(t *testing.T) {
	for _, name := range configs.SystemNames() {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range m.Workloads {
			c := parse(t, text)
			if c == nil { // a network, which the root package runs
				continue
			}
			if c.Op == workloads.PointToPoint {
				run(t, m.System, text, nil)
				continue
			}
			u, err := newSetup(m.System, c, nil)
			if err == nil {
				err = u.prepare()
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, text, err)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ system, work, want string }{
		{"dgx1v", "allreduce:bytes=4,gpus=9", "gpus=9, but the system has 8"},
		{"dgx1v", "p2p:bytes=4,src=0,dst=8", "the system has 8"},
		{"dgx2", "allreduce:bytes=4,gpus=6,algo=halving", "algo=halving needs a power of two ranks, not 6"},
		{"dgx2", "allreduce:bytes=4,gpus=6,algo=in_switch", "NVS0 does not add up"},
		{"dgx1v", "allreduce:bytes=4,gpus=4,algo=in_switch", "does not add up"},
		{"pcie-host", "allreduce:bytes=4,gpus=4,proto=ll128", "proto=ll128: the library has it not on these links"},
	} {
		s, w := load(t, c.system), parse(t, c.work)
		var err error
		if w.Op == workloads.PointToPoint {
			_, err = Copy(context.Background(), s, w, Options{})
		} else {
			_, err = Collective(context.Background(), s, w, Options{})
		}
		var own *InputError
		if !errors.As(err, &own) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s on %s: %v, want %q", c.work, c.system, err, c.want)
		}
	}
}

// Eight GPUs with a link between each two have seven rings, though each has an odd
// number of links, so that no ring goes with its reversal.
func TestRingsOneWay(t *testing.T) {
	links := make([][]int, 8)
	for i := range links {
		links[i] = make([]int, 8)
		for j := range links[i] {
			if i != j {
				links[i][j] = 1
			}
		}
	}
	rings := disjointCycles(links)
	used := map[[2]int]int{}
	for _, ring := range rings {
		for i, a := range ring {
			used[[2]int{a, ring[(i+1)%8]}]++
		}
	}
	if len(rings) != 7 || len(used) != 56 {
		t.Errorf("%d rings over %d links, want 7 over 56", len(rings), len(used))
	}
}

// Channels over the mesh of a DGX-1V: six rings, each through all GPUs, no link used twice in a direction.
func TestRings(t *testing.T) {
	for _, c := range []struct {
		system string
		gpus   int
		rings  int // without repetition
	}{{"dgx1v", 8, 6}, {"dgx1v", 4, 4}, {"a100x4", 4, 12}, {"a100x4", 2, 4}, {"v100x4", 4, 6}, {"a100x4", 3, 8}} {
		s := load(t, c.system)
		g, err := build(s, c.gpus, nil)
		if err != nil {
			t.Fatal(err)
		}
		rings, err := g.rings(c.rings)
		if err != nil {
			t.Fatal(err)
		}
		links, err := g.direct()
		if err != nil {
			t.Fatal(err)
		}
		if len(rings) != c.rings {
			t.Errorf("%s, %d GPUs: %d rings, want %d", c.system, c.gpus, len(rings), c.rings)
		}
		used := map[[2]int]int{}
		for _, ring := range rings {
			seen := map[int]bool{}
			for i, a := range ring {
				seen[a] = true
				used[[2]int{a, ring[(i+1)%len(ring)]}]++
			}
			if len(seen) != c.gpus {
				t.Errorf("%s: ring %v does not visit all", c.system, ring)
			}
		}
		for k, n := range used {
			if n > links[k[0]][k[1]] {
				t.Errorf("%s, %d GPUs: %d rings go from %d to %d, which %d links join", c.system, c.gpus, n, k[0], k[1], links[k[0]][k[1]])
			}
		}
	}
}
