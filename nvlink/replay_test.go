package nvlink

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gpusim/configs"
	"gpusim/workloads"
)

// replay executes a program on numbers, slice by slice, with the room that its
// connections have, in an order drawn by pick among the workers that can go
// on. It knows nothing of time. in and the result are words of four bytes.
func replay(p *program, in [][]int64, slots int, pick func(n int) int) ([][]int64, error) {
	out := make([][]int64, len(in))
	for r := range in {
		out[r] = slices.Clone(in[r])
	}
	queues := make([][][]int64, len(p.conns))
	next := make([]int, len(p.workers))
	for {
		var can []int
		left := 0
		for i, w := range p.workers {
			if next[i] == len(w.ops) {
				continue
			}
			left++
			ok := true
			for _, c := range w.ops[next[i]].from {
				ok = ok && len(queues[c]) > 0
			}
			for _, c := range w.ops[next[i]].to {
				ok = ok && len(queues[c]) < slots
			}
			if ok {
				can = append(can, i)
			}
		}
		switch {
		case left == 0:
			for c, q := range queues {
				if len(q) > 0 {
					return nil, fmt.Errorf("connection %d: %d slices that nobody received", c, len(q))
				}
			}
			return out, nil
		case len(can) == 0:
			return nil, fmt.Errorf("%d workers wait for each other", left)
		}
		i := can[pick(len(can))]
		w := p.workers[i]
		o := w.ops[next[i]]
		next[i]++
		lo, hi := o.seg.Lo/4, o.seg.Hi/4
		if o.seg.Lo%4 != 0 || o.seg.Hi%4 != 0 || hi > int64(len(in[0])) {
			return nil, fmt.Errorf("slice %v is not of whole words inside the buffer", o.seg)
		}
		v := make([]int64, hi-lo)
		if o.gather != nil { // what the switch collects from all and hands to all
			for r := range in {
				for k := range v {
					v[k] += in[r][lo+int64(k)]
				}
			}
			for r := range out {
				copy(out[r][lo:hi], v)
			}
			continue
		}
		if o.own {
			from := out
			if o.input {
				from = in
			}
			copy(v, from[w.rank][lo:hi])
		}
		for _, c := range o.from {
			s := queues[c][0]
			queues[c] = queues[c][1:]
			if len(s) != len(v) {
				return nil, fmt.Errorf("received %d words, wanted %d", len(s), len(v))
			}
			for k := range v {
				v[k] += s[k]
			}
		}
		if o.keep {
			at := lo
			if o.kept.size() > 0 {
				at = o.kept.Lo / 4
			}
			copy(out[w.rank][at:], v)
		}
		for _, c := range o.to {
			queues[c] = append(queues[c], slices.Clone(v))
		}
	}
}

// want is the reference: what each rank must end with, and which words count.
func want(c *workloads.Collective, in [][]int64) (out [][]int64, counts func(rank, word int) bool) {
	n, words := len(in), len(in[0])
	sum := make([]int64, words)
	for _, v := range in {
		for k := range v {
			sum[k] += v[k]
		}
	}
	out = make([][]int64, n)
	all := func(int, int) bool { return true }
	block := words / n
	for r := range out {
		switch c.Op {
		case workloads.Broadcast:
			out[r] = in[c.Root]
		case workloads.AllGather:
			for o := range n {
				out[r] = append(out[r], in[o][o*block:(o+1)*block]...)
			}
		case workloads.AllToAll:
			for o := range n {
				out[r] = append(out[r], in[o][r*block:(r+1)*block]...)
			}
		default:
			out[r] = sum
		}
	}
	if c.Op == workloads.ReduceScatter {
		return out, func(r, w int) bool { return w/block == r }
	}
	return out, all
}

var systems = []struct {
	name string
	gpus []int
}{
	{"dgx1v", []int{2, 4, 8}}, {"dgx2", []int{2, 3, 8, 16}}, {"a100x4", []int{2, 3, 4}}, {"summit-node", []int{2, 3, 6}},
	{"hgx-h100", []int{3, 4, 8}}, {"pcie-host", []int{2, 4, 8, 16}}, {"dgx2-pod", []int{32, 48}}, {"knl-opa", []int{2, 4, 8}},
}

// Every rank ends with what the operation says, whatever the size, the number
// of GPUs, algorithm, protocol, and the order in which workers run.
func TestReplayAgainstReference(t *testing.T) {
	loaded := map[string]*configs.System{}
	for _, s := range systems {
		loaded[s.name] = load(t, s.name)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(systems).Draw(t, "system")
		c := &workloads.Collective{
			Op:    rapid.SampledFrom([]string{workloads.AllReduce, workloads.ReduceScatter, workloads.AllGather, workloads.Broadcast, workloads.AllToAll}).Draw(t, "op"),
			GPUs:  rapid.SampledFrom(s.gpus).Draw(t, "gpus"),
			DType: "fp32",
		}
		if c.Op == workloads.AllReduce {
			c.Algo = rapid.SampledFrom([]string{"", Ring, Tree, Halving, InSwitch}).Draw(t, "algo")
		}
		c.Proto = rapid.SampledFrom([]string{"", LL, LL128, Simple}).Draw(t, "proto")
		c.Root = rapid.IntRange(0, c.GPUs-1).Draw(t, "root")
		words := rapid.IntRange(1, 1000).Draw(t, "words")
		if c.Op != workloads.AllReduce && c.Op != workloads.Broadcast {
			words *= c.GPUs
		}
		c.Size = int64(4 * words)
		u, err := newSetup(loaded[s.name], c, nil)
		if err != nil {
			t.Skip(err) // the library or the switch lacks it
		}
		if err := u.whole(); err != nil {
			t.Skip(err)
		}
		// Small chunks, so that rings go round several times.
		u.plan.chunk = int64(16 * rapid.IntRange(4, 64).Draw(t, "chunk"))
		u.plan.least = 16
		prog, err := u.generate()
		if err != nil {
			t.Skip(err)
		}
		in := make([][]int64, c.GPUs)
		for r := range in {
			in[r] = make([]int64, words)
			for k := range in[r] {
				in[r][k] = int64((r+1)*1_000_003 + k*k)
			}
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		got, err := replay(prog, in, u.proto.slots, random.IntN)
		if err != nil {
			t.Fatalf("%s on %s, %s %s: %v", c.String(), s.name, u.pick.algo, u.pick.proto, err)
		}
		ref, counts := want(c, in)
		for r := range ref {
			for k := range ref[r] {
				if counts(r, k) && got[r][k] != ref[r][k] {
					t.Fatalf("%s on %s, %s %s: rank %d word %d is %d, want %d", c.String(), s.name, u.pick.algo, u.pick.proto, r, k, got[r][k], ref[r][k])
				}
			}
		}
	})
}
