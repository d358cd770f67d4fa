package systolic

import "fmt"

// Dataflow says which operand stays in the array.
type Dataflow string

// Dataflows. K runs along the rows of a weight- or input-stationary array;
// rows of an output-stationary one hold outputs of one column of the product.
const (
	OutputStationary Dataflow = "os"
	WeightStationary Dataflow = "ws"
	InputStationary  Dataflow = "is"
)

// ParseDataflow reads the name of a dataflow.
func ParseDataflow(s string) (Dataflow, error) {
	switch d := Dataflow(s); d {
	case OutputStationary, WeightStationary, InputStationary:
		return d, nil
	}
	return "", fmt.Errorf("dataflow %q (allowed: os, ws, is)", s)
}

// Array is a grid of multiply-accumulate units.
type Array struct {
	Rows, Cols int
	Flow       Dataflow
}

// Product is what a layer computes: M output points times N filters, each sum
// over K.
type Product struct{ M, N, K int }

// MACs is the number of multiply-accumulates.
func (p Product) MACs() uint64 { return uint64(p.M) * uint64(p.N) * uint64(p.K) }

// Mapping is how a product lies on an array: Sr x Sc positions of which the
// array holds Rows x Cols at a time, a fold, with T operands streamed through
// each.
type Mapping struct {
	Array
	Sr, Sc, T          int
	RowFolds, ColFolds int
}

// Map lays a product on the array.
func (a Array) Map(p Product) Mapping {
	m := Mapping{Array: a}
	switch a.Flow {
	case OutputStationary:
		m.Sr, m.Sc, m.T = p.M, p.N, p.K
	case InputStationary:
		m.Sr, m.Sc, m.T = p.K, p.M, p.N
	default:
		m.Sr, m.Sc, m.T = p.K, p.N, p.M
	}
	m.RowFolds, m.ColFolds = ceilDiv(m.Sr, a.Rows), ceilDiv(m.Sc, a.Cols)
	return m
}

// Folds is the number of folds.
func (m Mapping) Folds() int { return m.RowFolds * m.ColFolds }

// FoldCycles is the time of one fold, from its first operand to its last
// result: T operands plus the skew across the array, plus one cycle per row to
// load what stays. A partly filled fold takes as long as a full one.
func (m Mapping) FoldCycles() int {
	if m.Flow == OutputStationary {
		return m.T + m.Rows + m.Cols - 2
	}
	return m.T + 2*m.Rows + m.Cols - 2
}

// Cycles is the closed form of a product without stalls: folds one after
// another, none overlapping, counted to the cycle of the last result.
func (m Mapping) Cycles() uint64 {
	return uint64(m.Folds())*uint64(m.FoldCycles()) - 1
}

// used is how many rows (or columns) of fold i are filled.
func used(total, size, i int) int { return min(size, total-i*size) }

// Accesses counts words of the SRAMs beside the array: an input or a weight
// each time it enters the array, an output (or partial sum) each time it leaves.
type Accesses struct{ Inputs, Weights, Outputs uint64 }

// Accesses are the SRAM accesses of the product.
func (m Mapping) Accesses() Accesses {
	sr, sc, t := uint64(m.Sr), uint64(m.Sc), uint64(m.T)
	rf, cf := uint64(m.RowFolds), uint64(m.ColFolds)
	switch m.Flow {
	case OutputStationary:
		return Accesses{Inputs: sr * t * cf, Weights: sc * t * rf, Outputs: sr * sc}
	case InputStationary:
		return Accesses{Inputs: sr * sc, Weights: sr * t * cf, Outputs: sc * t * rf}
	}
	return Accesses{Inputs: sr * t * cf, Weights: sr * sc, Outputs: sc * t * rf}
}

// MappingPct is the share of units that hold something, averaged over folds.
func (m Mapping) MappingPct() float64 {
	return 100 * float64(m.Sr) * float64(m.Sc) / (float64(m.Folds()) * float64(m.Rows) * float64(m.Cols))
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
