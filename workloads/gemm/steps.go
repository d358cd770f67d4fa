package gemm

import (
	"math"
	"strings"

	"gpusim/workloads/tile"
)

// Steps are what an epilogue does to alpha times the accumulators before it
// writes them, as kernels of cublasLt and cuDNN do: a bias per channel and a
// second tensor are further sources that are read and added, the bias with a
// stride of zero along the other index (CUTLASS example 12), then an activation.
type Steps struct {
	Bias, Source bool
	Act          string // relu, gelu; empty: none
	Across       bool   // channels run along n rather than m
}

// StepsOf reads an epilogue of the workload language.
func StepsOf(epilogue string) (s Steps) {
	for _, step := range strings.Split(epilogue, "+") {
		switch step {
		case "bias":
			s.Bias = true
		case "add":
			s.Source = true
		case "relu", "gelu":
			s.Act = step
		}
	}
	return s
}

// TakesSteps says whether kernels of a configuration do such steps for a
// problem; of split-K the reduction does them. Those that add up slices of k in C
// do not, nor those that keep fp16 accumulators or write the integers that they summed.
func TakesSteps(p Problem, c Config) bool {
	switch c.Family {
	case "hmma", "mma", "simt":
	default:
		return false
	}
	bytes := c.Family == "mma" && p.Out() == "int8" && !c.Workspace
	return !c.serial() && p.Beta == 0 && (p.Acc == "fp32" || p.Acc == "" || bytes) && p.DType != "fp64"
}

// steps are those of the main kernel: none where a reduction follows.
func (c *Config) steps(p Problem) Steps {
	if c.Workspace {
		return Steps{}
	}
	return p.Steps
}

// any says whether there are steps at all.
func (s Steps) any() bool { return s != Steps{} }

// sources is the number of tensors that the steps read.
func (s Steps) sources() (n int) {
	if s.Bias {
		n++
	}
	if s.Source {
		n++
	}
	return n
}

// scalar says whether source i is one value for all elements of a vector along m.
func (s Steps) scalar(i int) bool { return i == 0 && s.Bias && s.Across }

const (
	biasTensor   = "bias"
	sourceTensor = "source"
)

// stepTensors adds what the steps read to a problem's tensors: a tensor like C,
// and the bias, C with all columns, or rows, the same.
func (p Problem) stepTensors(ts []tile.Tensor) []tile.Tensor {
	if p.Steps.sources() == 0 {
		return ts
	}
	c := ts[tensorC]
	if p.Steps.Bias {
		channels, row, col := p.M, int64(1), int64(0)
		if p.Steps.Across {
			channels, row, col = p.N, 0, 1
		}
		elem := c.Elem
		if elem == 1 {
			elem = 4 // biases of int8 layers are kept in fp32
		}
		ts = append(ts, tile.Tensor{
			Name: biasTensor, Elem: elem, Rows: p.M, Cols: p.N, RowStride: row, ColStride: col, BatchStride: int64(channels),
			Bytes: int64(channels) * int64(p.Batch) * int64(elem),
		})
		if p.Lowered == nil { // one for all products
			t := &ts[len(ts)-1]
			t.BatchStride, t.Bytes = 0, int64(channels*elem)
		}
	}
	if p.Steps.Source {
		c.Name = sourceTensor
		ts = append(ts, c)
	}
	allocate(ts)
	return ts
}

// stepSources gives the accesses that read what the steps add to the elements
// that an access writes to C.
func stepSources(k *tile.Kernel, s Steps, target tile.Access) (out []int16) {
	for i := range k.Tensors {
		if n := k.Tensors[i].Name; n == biasTensor && s.Bias || n == sourceTensor && s.Source {
			a := target
			a.Tensor = i
			if s.scalar(len(out)) {
				a.Bytes = k.Tensors[i].Elem
			} else {
				a.Bytes = target.Bytes / k.Tensors[target.Tensor].Elem * k.Tensors[i].Elem
			}
			out = append(out, addAccess(k, a))
		}
	}
	return out
}

// biasAccess and sourceAccess read the bias and the second tensor of the elements that an
// access writes to C.
func biasAccess(k *tile.Kernel, target tile.Access) int16 {
	return stepSources(k, Steps{Bias: true}, target)[0]
}
func sourceAccess(k *tile.Kernel, target tile.Access) int16 {
	return stepSources(k, Steps{Source: true}, target)[0]
}

// actTemps is the registers that the activation of a value works in.
func (s Steps) actTemps() int {
	if s.Act == "gelu" {
		return 2
	}
	return 0
}

// activate applies the activation to n values from val on, through actTemps
// registers from tmp on for each.
func (s Steps) activate(k *tile.Kernel, val, tmp, n int) []tile.Inst {
	var code []tile.Inst
	konst := func(v float64) uint8 {
		return constant(k, math.Float32bits(float32(v)))
	}
	with := func(op tile.Op, dst, a, c int, v float64) tile.Inst {
		i := ins(op, dst, a, tile.RZ, c)
		i.Imm = konst(v)
		return i
	}
	special := func(reg int, which uint8) tile.Inst {
		i := ins(tile.OpMUFU, reg, reg, tile.RZ, tile.RZ)
		i.Imm = which
		return i
	}
	switch s.Act {
	case "relu":
		for i := range n {
			in := ins(tile.OpFMNMX, val+i, val+i, tile.RZ, tile.RZ)
			in.Steps = 1
			code = append(code, in)
		}
	case "gelu":
		// The form with tanh, which is x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3).
		steps := func(i int) []tile.Inst {
			x, t, u := val+i, tmp+2*i, tmp+2*i+1
			return []tile.Inst{
				ins(tile.OpFMUL, t, x, x, tile.RZ),
				with(tile.OpFMUL, u, x, tile.RZ, math.Sqrt(2/math.Pi)),
				with(tile.OpFMUL, t, t, tile.RZ, 0.044715),
				ins(tile.OpFFMA, t, t, u, u),
				with(tile.OpFMUL, t, t, tile.RZ, -2*math.Log2E),
				special(t, tile.MUFUEx2),
				with(tile.OpFADD, t, t, tile.RZ, 1),
				special(t, tile.MUFURcp),
				ins(tile.OpFMUL, x, x, t, tile.RZ),
			}
		}
		for at := range len(steps(0)) { // step by step, so that values hide each other's latency
			for i := range n {
				code = append(code, steps(i)[at])
			}
		}
	}
	return code
}
