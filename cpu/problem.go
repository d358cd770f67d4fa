// Package cpu models multi-core processors that run deep-learning layers as the good
// libraries write them: products blocked and packed for the caches (Goto and van de
// Geijn 2008; van Zee and van de Geijn, BLIS, 2015), direct convolutions on layouts
// blocked by channels (MKL-DNN, LIBXSMM), and loops over streams for all else. The
// loops' instructions run on the simulated core of package pipe: a closed form says
// where the loop nest leaves the lines that they touch, and repeats of calls and of
// steps are extrapolated. It is the baseline that other machines are compared with.
package cpu

import (
	"fmt"
	"strings"
)

// Problem is C = op(A) op(B) + Beta C in column-major order, op(A) M x K and
// op(B) K x N, Batch times on different matrices.
type Problem struct {
	M, N, K        int
	Batch          int    // 0 means 1
	DType          string // canonical type name; what the machine lacks runs in the nearest type it has
	TransA, TransB bool
	Beta           float64 // 0: C is written, not read
	Cold           bool    // operands start in main memory; otherwise caches are as a preceding identical call leaves them
}

// maxExtent keeps products of three extents within float64's exact integers
// and index arithmetic within int64.
const maxExtent = 1 << 30

func (w *Problem) check() error {
	for _, d := range []struct {
		name string
		v    int
	}{{"m", w.M}, {"n", w.N}, {"k", w.K}} {
		if d.v < 1 || d.v > maxExtent {
			return fmt.Errorf("cpu: %s=%d is outside 1 to %d", d.name, d.v, maxExtent)
		}
	}
	if w.Batch < 0 || w.Batch > maxExtent {
		return fmt.Errorf("cpu: batch=%d is outside 1 to %d", w.Batch, maxExtent)
	}
	return nil
}

// nearestType maps a requested type to the arithmetic that a processor with
// AVX2 or AVX-512F does: only fp32 and fp64 have fused multiply-adds there, so
// every narrower type is held and computed as fp32.
var nearestType = map[string]string{
	"fp64": "fp64",
	"fp32": "fp32", "tf32": "fp32", "bf16": "fp32", "fp16": "fp32", "fp8": "fp32",
	"int8": "fp32", "int4": "fp32", "int1": "fp32",
}

var knownTypes = []string{"fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "int4", "int1"}

// BaselineType names the type in which the processor computes a problem of
// the given canonical type. An unknown type is an error.
func BaselineType(dtype string) (string, error) {
	t, ok := nearestType[dtype]
	if !ok {
		return "", fmt.Errorf("cpu: unknown dtype %q (allowed: %s)", dtype, strings.Join(knownTypes, ", "))
	}
	return t, nil
}

func elemBytes(baseline string) int {
	if baseline == "fp64" {
		return 8
	}
	return 4
}

// view is one input operand as the loop nest sees it. The vector operand P has
// its vector dimension (m, or n when swapped) and k; the broadcast operand Q the
// other one and k.
type view struct {
	kContig bool // contiguous along k; otherwise along the other dimension
}

// layout says which operand is P and which is Q.
type layout struct {
	swapped bool // vectors run along n: C^T = op(B)^T op(A)^T
	p, q    view
	cContig bool // C is contiguous along the vector dimension
	m, n    int  // extents along P's and Q's own dimension
}

func (w *Problem) layouts() [2]layout {
	return [2]layout{
		{p: view{kContig: w.TransA}, q: view{kContig: !w.TransB}, cContig: true, m: w.M, n: w.N},
		{swapped: true, p: view{kContig: !w.TransB}, q: view{kContig: w.TransA}, m: w.N, n: w.M},
	}
}
