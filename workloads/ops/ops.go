// Package ops generates the kernels of layers other than products and
// convolutions: element-wise chains, normalisations, softmax, reductions,
// pooling, embeddings, attention, recurrent cells and optimisers, as the
// frameworks' own kernels do them.
package ops

import (
	"fmt"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// Device is what generators ask of a machine.
type Device struct {
	SMs       int
	Latencies tile.Latencies
}

// generators make the kernels of a layer, by kind.
var generators = map[string]func(*workloads.Layer, Device) ([]*tile.Kernel, error){
	workloads.KindElementwise: elementwise,
	workloads.KindSoftmax:     softmax,
	workloads.KindLayerNorm:   layerNorm,
	workloads.KindReduce:      reduction,
	workloads.KindBatchNorm:   batchNorm,
	workloads.KindPool:        pool,
	workloads.KindConvPool:    convPoolKernel,
	workloads.KindLRN:         lrn,
	workloads.KindLayout:      layout,
	workloads.KindEmbedding:   embedding,
	workloads.KindAttention:   attention,
	workloads.KindConcat:      concat,
	workloads.KindOptimizer:   optimizer,
	workloads.KindLSTMCell:    cell,
	workloads.KindGRUCell:     cell,
	workloads.KindRNNCell:     cell,
}

// Build generates the kernels of a layer, in launch order.
func Build(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	g, ok := generators[l.Kind]
	if !ok {
		return nil, fmt.Errorf("ops: no kernel computes %s yet", l.Kind)
	}
	return g(l, d)
}

// allocate gives tensors their addresses, in order. Equal names are one tensor.
func allocate(ks []*tile.Kernel) {
	var h tile.Heap
	known := map[string]uint64{}
	for _, k := range ks {
		for i := range k.Tensors {
			t := &k.Tensors[i]
			if base, ok := known[t.Name]; ok {
				t.Base = base
				continue
			}
			h.Place(t)
			known[t.Name] = t.Base
		}
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// addAccess adds an address generator to a kernel and returns its index.
func addAccess(k *tile.Kernel, a tile.Access) int16 {
	k.Accesses = append(k.Accesses, a)
	return int16(len(k.Accesses) - 1)
}

// perThread builds an index array.
func perThread(k *tile.Kernel, f func(t int) int) []int32 {
	out := make([]int32, k.Threads)
	for t := range out {
		out[t] = int32(f(t))
	}
	return out
}

// words is the registers that n elements of some bytes take as they lie in
// memory.
func words(n, bytes int) int { return max(1, n*bytes/4) }

// widen gives n loaded elements as fp32.
func (c *code) widen(dtype string, rs []reg, n int) val {
	out := make(val, n)
	for i := range out {
		switch dtype {
		case "fp32":
			out[i] = operand{reg: rs[i]}
		default:
			half := uint8(i % 2)
			if dtype == "bf16" {
				half |= tile.ImmBF16
			}
			out[i] = c.unary(tile.OpUNPACK, half, 0, val{{reg: rs[i/2]}})[0]
		}
	}
	return out
}

// narrow gives fp32 values as they go to memory.
func (c *code) narrow(dtype string, v val, n int) []reg {
	var out []reg
	if dtype == "fp32" {
		for i := range n {
			out = append(out, c.inReg(v.at(i)))
		}
		return out
	}
	imm := uint8(0)
	if dtype == "bf16" {
		imm = tile.ImmBF16
	}
	for i := 0; i < n; i += 2 {
		in := vinst{Inst: tile.Inst{Op: tile.OpPACK, Imm: imm}, a: c.inReg(v.at(i)), b: noReg, c: noReg}
		if i+1 < n {
			in.b = c.inReg(v.at(i + 1))
		}
		in.dst = c.reg()
		c.emit(in)
		out = append(out, in.dst)
	}
	return out
}
