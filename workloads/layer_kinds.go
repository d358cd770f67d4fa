package workloads

import (
	"fmt"

	"gpusim/workloads/graph"
)

var (
	dtypeField = wordKey("dtype", "fp32", func(l *Layer) *string { return &l.DType })
	passField  = wordKey("pass", PassForward, func(l *Layer) *string { return &l.Pass }, PassForward, PassBackward)
	layerOrder = wordKey("layout", LayoutNCHW, func(l *Layer) *string { return &l.Layout }, LayoutNCHW, LayoutNHWC)
	opField    = func(def string, words ...string) layerField {
		return wordKey("op", def, func(l *Layer) *string { return &l.Op }, words...)
	}
	rowsField = sizeKey("rows", "", func(l *Layer) *int { return &l.Rows })
	colsField = sizeKey("cols", "", func(l *Layer) *int { return &l.Cols })
	sizeField = sizeKey("size", "", func(l *Layer) *int { return &l.Size })
	imageN    = sizeKey("n", "1", func(l *Layer) *int { return &l.N })
	imageC    = sizeKey("c", "", func(l *Layer) *int { return &l.C })
	imageH    = sizeKey("h", "", func(l *Layer) *int { return &l.H })
	imageW    = sizeKey("w", "", func(l *Layer) *int { return &l.W })
	batchF    = sizeKey("batch", "1", func(l *Layer) *int { return &l.Batch })
	hiddenF   = sizeKey("hidden", "", func(l *Layer) *int { return &l.Hidden })
)

func images(l *Layer) int  { return l.N }
func batches(l *Layer) int { return l.Batch }

// layerKinds are the kinds of layers; each counts a formula's operations and
// the bytes of its inputs and outputs.
var layerKinds = []layerKind{
	{
		name: KindElementwise,
		fields: []layerField{
			opField(""), sizeField,
			{key: "channels", def: "0", zero: true, size: func(l *Layer) *int { return &l.Channels }},
			{key: "inner", def: "0", zero: true, size: func(l *Layer) *int { return &l.Inner }},
			dtypeField, wordKey("to", noWord, func(l *Layer) *string { return &l.To }),
		},
		check: (*Layer).checkElementwise, count: (*Layer).countElementwise,
		forms: []Form{
			{"elementwise:op=relu,size=1000000,dtype=fp16", "one pass over memory; op is a chain of " + elementOpNames()},
			{"elementwise:op=bias+relu,size=1000000,channels=64,inner=3136", "bias adds a vector: element i takes entry (i/inner) mod channels"},
			{"elementwise:op=cast,size=1000000,to=fp16", "another type of the result"},
		},
	},
	{
		name: KindSoftmax, fields: []layerField{rowsField, colsField, dtypeField, passField},
		count: func(l *Layer) (float64, float64, bool) { return l.countRows(5, 4, 2, 3, 0) },
		forms: []Form{{"softmax:rows=4096,cols=1024,pass=fwd", "of each row; pass: fwd, bwd (default fwd)"}},
	},
	{
		name: KindLayerNorm, fields: []layerField{rowsField, colsField, dtypeField, passField},
		count: func(l *Layer) (float64, float64, bool) { return l.countRows(8, 12, 2, 3, 2) },
		forms: []Form{{"layernorm:rows=4096,cols=1024", "of each row, with weight and bias; pass: fwd, bwd"}},
	},
	{
		name: KindBatchNorm,
		fields: []layerField{
			imageN, imageC, imageH, imageW, wordKey("phase", "infer", func(l *Layer) *string { return &l.Phase }, "infer", "train"),
			dtypeField, passField, layerOrder, wordKey("epilogue", noWord, func(l *Layer) *string { return &l.Op }, noWord, "relu", "add+relu"),
		},
		check: func(l *Layer) error {
			if l.Op == noWord {
				l.Op = ""
			}
			if l.Op != "" && l.Phase == "train" && (l.Layout != LayoutNHWC || l.C%4 != 0) {
				return fmt.Errorf("epilogue=%s in training needs layout=nhwc and a number of channels that four divides", l.Op)
			}
			if l.Pass == PassBackward && l.Phase != "train" {
				return fmt.Errorf("pass=bwd needs phase=train")
			}
			return nil
		},
		count: (*Layer).countBatchNorm, batch: images,
		forms: []Form{{"batchnorm:n=16,c=64,h=56,w=56,phase=infer", "phase: infer (running statistics), train; pass; layout=nhwc; epilogue=relu, add+relu"}},
	},
	{
		name: KindPool,
		fields: []layerField{
			opField("", "max", "avg"), imageN, imageC, imageH, imageW,
			sizeKey("r", "", func(l *Layer) *int { return &l.R }), sizeKey("s", "", func(l *Layer) *int { return &l.S }),
			sizeKey("stride", "1", func(l *Layer) *int { return &l.Stride }),
			{key: "pad", def: "0", zero: true, size: func(l *Layer) *int { return &l.Pad }},
			dtypeField, passField,
			wordKey("layout", LayoutNCHW, func(l *Layer) *string { return &l.Layout }, LayoutNCHW, LayoutNHWC, LayoutVectC),
		},
		types: []string{"int8"},
		check: func(l *Layer) error {
			switch {
			case (l.DType == "int8") != (l.Layout == LayoutVectC):
				return fmt.Errorf("dtype=%s with layout=%s (bytes lie in blocks of channels, layout=%s, and nothing else does)", l.DType, l.Layout, LayoutVectC)
			case l.DType == "int8" && l.Pass != PassForward:
				return fmt.Errorf("pass=%s of dtype=int8 (allowed: %s)", l.Pass, PassForward)
			case l.DType == "int8" && l.R*l.S > graph.MaxByteWindow:
				return fmt.Errorf("windows of %dx%d points of dtype=int8 (allowed: up to %d points)", l.R, l.S, graph.MaxByteWindow)
			case l.P() < 1 || l.Q() < 1:
				return fmt.Errorf("the output is empty: a %dx%d window does not fit %dx%d points with padding %d", l.R, l.S, l.H, l.W, l.Pad)
			case l.Pad >= l.R || l.Pad >= l.S:
				return fmt.Errorf("pad=%d leaves windows of %dx%d that see padding alone", l.Pad, l.R, l.S)
			}
			return nil
		},
		count: (*Layer).countPool, batch: images,
		forms: []Form{{"pool:op=max,n=16,c=64,h=112,w=112,r=3,s=3,stride=2,pad=1", "op: max, avg; pass; layout; dtype=int8 in layout=nchw_vect_c"}},
	},
	convPoolKind,
	{
		name: KindLRN,
		fields: []layerField{
			imageN, imageC, imageH, imageW, sizeKey("size", "5", func(l *Layer) *int { return &l.Window }), dtypeField, passField,
		},
		count: func(l *Layer) (float64, float64, bool) {
			n := l.points()
			if l.Pass == PassBackward {
				return n * float64(3*l.Window+8), 3 * n * l.elem(), true
			}
			return n * float64(2*l.Window+3), 2 * n * l.elem(), true
		},
		batch: images,
		forms: []Form{{"lrn:n=16,c=96,h=55,w=55,size=5", "local response normalisation across channels; pass"}},
	},
	{
		name: KindReduce,
		fields: []layerField{
			opField("", "sum", "mean", "max"), rowsField, colsField,
			wordKey("axis", "cols", func(l *Layer) *string { return &l.Axis }, "cols", "rows"), dtypeField,
		},
		count: func(l *Layer) (float64, float64, bool) {
			out := float64(l.Rows)
			if l.Axis == "rows" {
				out = float64(l.Cols)
			}
			n := float64(l.Rows) * float64(l.Cols)
			return n, (n + out) * l.elem(), true
		},
		forms: []Form{{"reduce:op=sum,rows=4096,cols=1024", "op: sum, mean, max; a result per row, or per column with axis=rows"}},
	},
	{
		name: KindEmbedding,
		fields: []layerField{
			rowsField, colsField, sizeKey("vocab", "", func(l *Layer) *int { return &l.Vocab }), dtypeField, passField,
		},
		count: func(l *Layer) (float64, float64, bool) {
			n := float64(l.Rows) * float64(l.Cols)
			if l.Pass == PassBackward { // reads the gradient, adds it to the table's
				return n, 3*n*l.elem() + 8*float64(l.Rows), true
			}
			return 0, 2*n*l.elem() + 8*float64(l.Rows), true
		},
		forms: []Form{{"embedding:rows=4096,cols=768,vocab=30522", "rows tokens look up vectors of cols elements; pass"}},
	},
	{
		name: KindLayout,
		fields: []layerField{
			imageN, imageC, imageH, imageW,
			wordKey("from", "", func(l *Layer) *string { return &l.From }, LayoutNCHW, LayoutNHWC),
			wordKey("to", "", func(l *Layer) *string { return &l.To }, LayoutNCHW, LayoutNHWC), dtypeField,
		},
		check: func(l *Layer) error {
			if l.From == l.To {
				return fmt.Errorf("from and to are both %s", l.From)
			}
			return nil
		},
		count: func(l *Layer) (float64, float64, bool) { return 0, 2 * l.points() * l.elem(), true },
		batch: images,
		forms: []Form{{"layout:n=16,c=64,h=56,w=56,from=nchw,to=nhwc", "change of layout"}},
	},
	{
		name: KindConcat, fields: []layerField{sizeField, sizeKey("parts", "2", func(l *Layer) *int { return &l.Parts }), dtypeField},
		check: func(l *Layer) error {
			if l.Parts > l.Size || l.Parts > maxParts {
				return fmt.Errorf("parts=%d (allowed 1..%d, and no more than elements)", l.Parts, maxParts)
			}
			return nil
		},
		count: func(l *Layer) (float64, float64, bool) { return 0, 2 * float64(l.Size) * l.elem(), true },
		forms: []Form{{"concat:size=1000000,parts=4", "size elements in all, of parts equal tensors"}},
	},
	{
		name: KindAttention,
		fields: []layerField{
			batchF, sizeKey("heads", "", func(l *Layer) *int { return &l.Heads }), sizeKey("seq", "", func(l *Layer) *int { return &l.Seq }),
			{key: "kv", def: "0", zero: true, another: true, size: func(l *Layer) *int { return &l.KV }},
			sizeKey("dim", "", func(l *Layer) *int { return &l.Dim }), wordKey("dtype", "fp16", func(l *Layer) *string { return &l.DType }),
			wordKey("causal", "false", causalWord, "true", "false"),
		},
		check: func(l *Layer) error {
			if l.KV == l.Seq {
				l.KV = 0
			}
			if l.Causal && l.Keys() < l.Seq {
				return fmt.Errorf("causal attention of %d queries needs as many keys, not %d", l.Seq, l.Keys())
			}
			return nil
		},
		count: (*Layer).countAttention, batch: batches,
		forms: []Form{{"attention:batch=8,heads=12,seq=512,dim=64,dtype=fp16", "one kernel (flash); causal=true; kv=KEYS where not seq"}},
	},
	cellKind(KindLSTMCell, "element-wise part of an LSTM step, after its products", 4, 25, 2),
	cellKind(KindGRUCell, "of a GRU step", 6, 17, 1),
	cellKind(KindRNNCell, "of a tanh RNN step", 2, 2, 0),
	{
		name: KindOptimizer, fields: []layerField{opField("", "sgd", "momentum", "adam"), sizeField, dtypeField},
		count: func(l *Layer) (float64, float64, bool) {
			tensors, ops := 3.0, 2.0 // weights read and written, gradient read
			switch l.Op {
			case "momentum":
				tensors, ops = 5, 4
			case "adam":
				tensors, ops = 7, 12
			}
			return ops * float64(l.Size), tensors * float64(l.Size) * l.elem(), true
		},
		forms: []Form{{"optimizer:op=adam,size=1000000", "one update of size parameters; op: sgd, momentum, adam"}},
	},
}

// maxParts bounds the tensors that one concatenation takes.
const maxParts = 64

// causalWord lets the language read and write a flag as a word.
func causalWord(l *Layer) *string {
	s := "false"
	if l.Causal {
		s = "true"
	}
	return &s
}

// cellKind is the element-wise part of a recurrent step: gates per hidden unit
// that it reads, operations, and states that it reads and writes beside the
// output.
func cellKind(name, meaning string, gates int, ops float64, states int) layerKind {
	return layerKind{
		name: name, fields: []layerField{batchF, hiddenF, dtypeField},
		count: func(l *Layer) (float64, float64, bool) {
			n := float64(l.Batch) * float64(l.Hidden)
			return ops * n, n * float64(gates+states+1) * l.elem(), true
		},
		batch: batches,
		forms: []Form{{name + ":batch=64,hidden=1024", meaning}},
	}
}

// Keys is the number of keys that attention looks at.
func (l *Layer) Keys() int {
	if l.KV > 0 {
		return l.KV
	}
	return l.Seq
}

func (l *Layer) elem() float64 { return float64(elemBytes[l.DType]) }

func (l *Layer) points() float64 { return float64(l.N) * float64(l.C) * float64(l.H) * float64(l.W) }

// countRows counts a layer over rows: operations per element and tensors of the
// two passes, and vectors of a row's length that come with it.
func (l *Layer) countRows(fwd, bwd, tensors, backTensors, vectors float64) (ops, bytes float64, ok bool) {
	n := float64(l.Rows) * float64(l.Cols)
	if l.Pass == PassBackward {
		return bwd * n, (backTensors*n + vectors*float64(l.Cols)) * l.elem(), true
	}
	return fwd * n, (tensors*n + vectors*float64(l.Cols)) * l.elem(), true
}

func (l *Layer) countBatchNorm() (ops, bytes float64, ok bool) {
	n, c := l.points(), float64(l.C)
	more, mask := 0.0, 0.0 // the tensor to add or its gradient; a byte for four points says which ReLU let pass
	if l.Op != "" {
		mask = n / 4
	}
	if l.Op == "add+relu" {
		more = n
	}
	switch {
	case l.Pass == PassBackward:
		return 9 * n, (3*n+more)*l.elem() + mask + 20*c, true
	case l.Phase == "train":
		return 5*n + more, (2*n+more)*l.elem() + mask + 24*c, true
	}
	return 2*n + more, (2*n+more)*l.elem() + 16*c, true
}

func (l *Layer) countAttention() (ops, bytes float64, ok bool) {
	heads, pairs := float64(l.Batch)*float64(l.Heads), float64(l.Seq)*float64(l.Keys())
	if l.Causal { // a query sees the keys up to its own, and its is the last of the last query
		pairs -= float64(l.Seq) * float64(l.Seq-1) / 2
	}
	bytes = heads * 2 * float64(l.Seq+l.Keys()) * float64(l.Dim) * l.elem()
	ops = heads * pairs * (4*float64(l.Dim) + 5)
	return ops, bytes, ops < 1<<62
}
