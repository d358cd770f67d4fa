package workloads

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kinds of layers beyond products and convolutions.
const (
	KindElementwise = "elementwise"
	KindSoftmax     = "softmax"
	KindLayerNorm   = "layernorm"
	KindBatchNorm   = "batchnorm"
	KindPool        = "pool"
	KindConvPool    = "convpool"
	KindLRN         = "lrn"
	KindReduce      = "reduce"
	KindEmbedding   = "embedding"
	KindLayout      = "layout"
	KindConcat      = "concat"
	KindAttention   = "attention"
	KindLSTMCell    = "lstmcell"
	KindGRUCell     = "grucell"
	KindRNNCell     = "rnncell"
	KindOptimizer   = "optimizer"
)

// PassBackward is the gradient pass of a layer.
const PassBackward = "bwd"

// Layer is a layer other than a product or a convolution. Which fields count,
// and what they are called in the workload language, says the kind (layerKinds).
type Layer struct {
	Kind  string
	Op    string // of elementwise (a chain joined by '+'), pool, reduce, optimizer
	DType string
	To    string // type that a cast gives, layout that a layout change gives
	From  string // layout that it takes

	Size            int // elements of an element-wise layer, concat or optimizer
	Channels, Inner int // of a bias: elements per channel that follow each other
	Rows, Cols      int
	Vocab           int
	N, C, H, W      int
	R, S            int // pooling window, filter of convpool
	Stride, Pad     int

	// Of convpool: filters, and what pools their results.
	K, Pool, PoolStride, PoolPad int

	Window       int // channels that lrn looks at
	Parts        int // of concat
	Batch, Heads int
	Seq, KV, Dim int // queries, keys and width of a head
	Hidden       int

	Pass   string // fwd, bwd
	Phase  string // infer, train
	Layout string // nchw, nhwc, of pooling nchw_vect_c too
	Axis   string // along which reduce works: cols (a result per row), rows (one per column)
	Causal bool
}

// layerField is a key of a kind of layer: a size, or a word out of a list.
type layerField struct {
	key     string
	size    func(*Layer) *int
	word    func(*Layer) *string
	words   []string // allowed; nil: checked by the kind
	def     string   // default; empty: the key must come
	low     int      // least size, 1 where 0 is left
	zero    bool     // a size may be 0
	another bool     // 0 stands for another size where this one is left out, and cannot be written
}

func sizeKey(key, def string, f func(*Layer) *int) layerField {
	return layerField{key: key, def: def, size: f}
}

func wordKey(key, def string, f func(*Layer) *string, words ...string) layerField {
	return layerField{key: key, def: def, word: f, words: words}
}

// layerKind is a kind of layer: its fields in canonical order and what else
// must hold.
type layerKind struct {
	name   string
	fields []layerField
	check  func(*Layer) error
	count  func(*Layer) (ops, bytes float64, ok bool) // see Ops and Bytes; not ok: too large
	batch  func(*Layer) int
	forms  []Form
	types  []string // that it takes beside layerTypes
}

func (k *layerKind) field(key string) *layerField {
	for i := range k.fields {
		if k.fields[i].key == key {
			return &k.fields[i]
		}
	}
	return nil
}

// kindOfLayer gives the description of a kind; nil if there is none.
func kindOfLayer(name string) *layerKind {
	for i := range layerKinds {
		if layerKinds[i].name == name {
			return &layerKinds[i]
		}
	}
	return nil
}

// IsLayer says whether a kind is one of a Layer.
func IsLayer(kind string) bool { return kindOfLayer(kind) != nil }

// kind makes it one of the workload language.
func (k *layerKind) kind() kind {
	name := k.name
	return kind{name: name, forms: k.forms, parse: func(rest string) (Workload, error) { return parseLayer(name, rest) }}
}

func parseLayer(name, rest string) (Workload, error) {
	k := kindOfLayer(name)
	l := Layer{Kind: name}
	var keys, needed []string
	for _, f := range k.fields {
		keys = append(keys, f.key)
		if f.def == "" {
			needed = append(needed, f.key)
		}
	}
	if err := pairs(rest, keys, needed, map[string]bool{}, l.set); err != nil {
		return Workload{}, err
	}
	return OfLayer(l)
}

// set assigns one key.
func (l *Layer) set(key, value string) error {
	f := kindOfLayer(l.Kind).field(key)
	if f.word != nil {
		*f.word(l) = strings.ToLower(value)
		if key == "causal" {
			l.Causal = strings.EqualFold(value, "true")
			if !l.Causal && !strings.EqualFold(value, "false") {
				return fmt.Errorf("causal=%s (allowed: true, false)", value)
			}
		}
		return nil
	}
	least := 1
	if f.zero && !f.another {
		least = 0
	}
	v, err := wholeNumber(key, value, least)
	if key == "size" && err != nil && len(value) < 16 {
		if n, bad := strconv.ParseInt(value, 10, 64); bad == nil && n > MaxDim && n <= maxElements {
			v, err = int(n), nil
		}
	}
	*f.size(l) = v
	return err
}

// maxElements bounds a tensor: more than any device holds.
const maxElements = 1 << 36

// OfLayer checks a layer and fills in what is left empty.
func OfLayer(l Layer) (Workload, error) {
	k := kindOfLayer(l.Kind)
	if k == nil {
		return Workload{}, &Error{Reason: fmt.Sprintf("unknown kind of layer %q", l.Kind)}
	}
	fail := func(format string, a ...any) (Workload, error) {
		return Workload{}, &Error{Text: l.text(k, true), Reason: fmt.Sprintf(format, a...)}
	}
	for i := range k.fields {
		f := &k.fields[i]
		if f.word != nil {
			v := f.word(&l)
			if *v == "" {
				*v = f.def
			}
			if f.words != nil && !contains(f.words, *v) {
				return fail("%s=%s (allowed: %s)", f.key, *v, strings.Join(f.words, ", "))
			}
			if f.key == "dtype" {
				var err error
				if *v, err = DType(*v); err != nil {
					return fail("%v", err)
				}
				if types := slices.Concat(layerTypes, k.types); !contains(types, *v) {
					return fail("dtype=%s (allowed for %s: %s)", *v, l.Kind, strings.Join(types, ", "))
				}
			}
			continue
		}
		v, low := f.size(&l), max(1, f.low)
		if f.zero {
			low = 0
		}
		if *v == 0 && !f.zero && f.def != "" {
			*v, _ = strconv.Atoi(f.def)
		}
		if *v < low || *v > maxElements {
			return fail("%s=%d is out of range (allowed %d..%d)", f.key, *v, low, MaxDim)
		}
	}
	if k.check != nil {
		if err := k.check(&l); err != nil {
			return fail("%v", err)
		}
	}
	if _, bytes, ok := k.count(&l); !ok || bytes > 8*maxElements {
		return fail("needs more than 2^63 operations or moves more than 2^39 bytes")
	}
	return Of(&l), nil
}

// layerTypes are those that layers compute on; halves are widened to fp32.
var layerTypes = []string{"fp32", "fp16", "bf16"}

// String gives the canonical long form.
func (l *Layer) String() string { return l.text(kindOfLayer(l.Kind), false) }

// Short leaves out everything that is a default.
func (l *Layer) Short() string { return l.text(kindOfLayer(l.Kind), true) }

func (l *Layer) text(k *layerKind, short bool) string {
	var b strings.Builder
	for i := range k.fields {
		f := &k.fields[i]
		v := ""
		switch {
		case f.word != nil:
			v = *f.word(l)
		case *f.size(l) != 0 || f.zero:
			v = strconv.Itoa(*f.size(l))
		}
		if v == "" || v == noWord || short && v == f.def || f.key == "causal" && v == "false" || f.size != nil && v == f.def && f.def == "0" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(f.key + "=" + v)
	}
	return l.Kind + ":" + b.String()
}

// noWord is the default of words that a kind may do without.
const noWord = "none"

// Ops counts the operations of the layer's formula: an addition, product,
// comparison or special function is one each.
func (l *Layer) Ops() int64 {
	ops, _, _ := kindOfLayer(l.Kind).count(l)
	return int64(ops)
}

// Bytes is the size of what the layer reads and writes, each once.
func (l *Layer) Bytes() float64 {
	_, bytes, _ := kindOfLayer(l.Kind).count(l)
	return bytes
}

// Type is the type of the elements.
func (l *Layer) Type() string { return l.DType }

// Batches is the number of images or sequences; 1 where the layer knows none.
func (l *Layer) Batches() int {
	if f := kindOfLayer(l.Kind).batch; f != nil {
		return f(l)
	}
	return 1
}

// Unforced is the layer: no library has a choice.
func (l *Layer) Unforced() Shape { return l }

// ElemBytes is the size of an element.
func ElemBytes(dtype string) int { return elemBytes[dtype] }
