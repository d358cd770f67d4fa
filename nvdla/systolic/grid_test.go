package systolic

import (
	"context"
	"testing"

	"pgregory.net/rapid"
)

// reference is the layer by its definition.
func reference(l Layer, input, weights []int32) []int32 {
	out := make([]int32, l.M*l.N)
	for m := range l.M {
		for n := range l.N {
			for k := range l.K {
				out[m*l.N+n] += input[l.input(m, k)] * weights[k*l.N+n]
			}
		}
	}
	return out
}

func drawLayer(t *rapid.T) Layer {
	if rapid.Bool().Draw(t, "conv") {
		r, s := rapid.IntRange(1, 3).Draw(t, "r"), rapid.IntRange(1, 3).Draw(t, "s")
		stride := rapid.IntRange(1, 2).Draw(t, "stride")
		return Conv(rapid.IntRange(r, 6).Draw(t, "h"), rapid.IntRange(s, 6).Draw(t, "w"), r, s,
			rapid.IntRange(1, 3).Draw(t, "c"), rapid.IntRange(1, 9).Draw(t, "k"), stride)
	}
	return GEMM(rapid.IntRange(1, 14).Draw(t, "m"), rapid.IntRange(1, 14).Draw(t, "n"), rapid.IntRange(1, 14).Draw(t, "k"))
}

// An array stepped unit by unit computes the product, does each multiplication
// once, and takes the cycles of the closed form.
func TestArrayComputes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Array{Rows: rapid.IntRange(1, 6).Draw(t, "rows"), Cols: rapid.IntRange(1, 6).Draw(t, "cols"),
			Flow: rapid.SampledFrom([]Dataflow{OutputStationary, WeightStationary, InputStationary}).Draw(t, "flow")}
		l := drawLayer(t)
		input, weights := make([]int32, l.inputs()), make([]int32, l.K*l.N)
		word := rapid.Int32Range(-128, 127)
		for i := range input {
			input[i] = word.Draw(t, "x")
		}
		for i := range weights {
			weights[i] = word.Draw(t, "w")
		}
		rep := a.Execute(l, input, weights)
		for i, want := range reference(l, input, weights) {
			if rep.Out[i] != want {
				t.Fatalf("output %d is %d, want %d", i, rep.Out[i], want)
			}
		}
		m := a.Map(l.Product)
		if rep.MACs != l.MACs() {
			t.Fatalf("%d multiplications, want %d", rep.MACs, l.MACs())
		}
		if rep.Cycles != m.Cycles() {
			t.Fatalf("%d cycles, closed form %d", rep.Cycles, m.Cycles())
		}
		// The last unit of a full fold has its result in the fold's last cycle.
		if m.Sr%a.Rows == 0 && m.Sc%a.Cols == 0 && rep.PerCycle[len(rep.PerCycle)-1] != 1 {
			t.Fatalf("the last cycle has %d results, want 1", rep.PerCycle[len(rep.PerCycle)-1])
		}
		total, i := uint64(0), 0
		for cf := range m.ColFolds {
			for rf := range m.RowFolds {
				for c := range m.FoldCycles() {
					if got, want := m.results(rf, cf, c), rep.PerCycle[i]; got != want {
						t.Fatalf("fold %d,%d cycle %d: %d results predicted, %d left", rf, cf, c, got, want)
					}
					total += uint64(rep.PerCycle[i])
					i++
				}
			}
		}
		if total != m.Accesses().Outputs {
			t.Fatalf("%d results, want %d", total, m.Accesses().Outputs)
		}
	})
}

// Each operand is asked for as often as Accesses says, and every word of it is
// fetched once per walk.
func TestDemandsAndFetches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Array{Rows: rapid.IntRange(1, 6).Draw(t, "rows"), Cols: rapid.IntRange(1, 6).Draw(t, "cols"),
			Flow: rapid.SampledFrom([]Dataflow{OutputStationary, WeightStationary, InputStationary}).Draw(t, "flow")}
		l := drawLayer(t)
		m := a.Map(l.Product)
		in, wt := l.sides(&m)
		acc := m.Accesses()
		for _, s := range []struct {
			side
			reads uint64
		}{{in, acc.Inputs}, {wt, acc.Weights}} {
			asked, reads := map[int]bool{}, uint64(0)
			for cf := range m.ColFolds {
				for rf := range m.RowFolds {
					for c := range m.FoldCycles() {
						_, words := s.demand(rf, cf, c, nil)
						reads += uint64(len(words))
						for _, w := range words {
							asked[w] = true
						}
					}
				}
			}
			if reads != s.reads {
				t.Fatalf("%d reads, want %d", reads, s.reads)
			}
			w := walker{g: &s.fetch}
			for range s.words {
				delete(asked, w.next())
			}
			if len(asked) > 0 {
				t.Fatalf("%d words are never fetched", len(asked))
			}
		}
	})
}

// More bandwidth or a larger SRAM never makes a layer slower.
func TestMemoryMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Array{Rows: 4, Cols: 4, Flow: rapid.SampledFrom([]Dataflow{OutputStationary, WeightStationary, InputStationary}).Draw(t, "flow")}
		l := GEMM(rapid.IntRange(8, 40).Draw(t, "m"), rapid.IntRange(8, 40).Draw(t, "n"), rapid.IntRange(8, 40).Draw(t, "k"))
		s := SRAM{Words: 200 * rapid.IntRange(1, 6).Draw(t, "words"), PerCycle: rapid.IntRange(1, 8).Draw(t, "bw")}
		fast := SRAM{Words: s.Words, PerCycle: 2 * s.PerCycle}
		one := simulate(t, a, l, Memory{Input: s, Weight: s, Output: s})
		two := simulate(t, a, l, Memory{Input: fast, Weight: fast, Output: fast})
		if two.Stall > one.Stall {
			t.Fatalf("stall %d with %d words a cycle, %d with twice as many", one.Stall, s.PerCycle, two.Stall)
		}
		if one.Fetched.Inputs < uint64(l.M*l.K) && one.Fetched.Inputs*2 < uint64(l.M*l.K) {
			t.Fatalf("%d of %d input words fetched", one.Fetched.Inputs, l.M*l.K)
		}
	})
}

// simulate runs a layer to its end.
func simulate(t interface {
	Context() context.Context
	Fatal(...any)
}, a Array, l Layer, mem Memory) Run {
	r, err := a.Simulate(t.Context(), l, mem)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An interrupt ends a layer with the fold that is under way.
func TestInterruptedSimulation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	small := SRAM{Words: 64, PerCycle: 1}
	if _, err := (Array{Rows: 8, Cols: 8}).Simulate(ctx, GEMM(1000, 1000, 1000), Memory{Input: small, Weight: small, Output: small}); err != context.Canceled {
		t.Errorf("interrupted: %v", err)
	}
}

// What is said of a word's turn is the turn that the walk through the grid gives it.
func TestTurnsOfWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := func(name string) int { return rapid.IntRange(1, 12).Draw(t, name) }
		a := Array{Rows: size("rows"), Cols: size("cols"), Flow: drawFlow(t)}
		l := GEMM(size("m"), size("n"), size("k"))
		m := a.Map(l.Product)
		in, wt := l.sides(&m)
		for _, s := range []side{in, wt} {
			w := walker{g: &s.fetch}
			for i := range s.words {
				if at := w.next(); s.at(at) != i {
					t.Fatalf("%v %+v: word %d is fetched as number %d, not %d", a, l.Product, at, i, s.at(at))
				}
			}
		}
	})
}
