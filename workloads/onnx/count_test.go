package onnx

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// counter counts the multiply-adds of a file's convolutions and products on its
// own: a plain walk over the fields in the order of the file, without the
// reader's types, its builder or its graph.
type counter struct {
	shape map[string][]int64
	vals  map[string][]int64
	macs  int64
}

type pair struct {
	num int
	v   int64
	b   []byte
}

func pairsOf(b []byte) (out []pair) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		b = b[n:]
		p := pair{num: int(tag >> 3)}
		switch tag & 7 {
		case 0:
			v, n := binary.Uvarint(b)
			p.v, b = int64(v), b[n:]
		case 1:
			p.b, b = b[:8], b[8:]
		case 5:
			p.b, b = b[:4], b[4:]
		default:
			l, n := binary.Uvarint(b)
			p.b, b = b[n:n+int(l)], b[n+int(l):]
		}
		out = append(out, p)
	}
	return out
}

func list(p pair, to []int64) []int64 {
	if p.b == nil {
		return append(to, p.v)
	}
	for b := p.b; len(b) > 0; {
		v, n := binary.Uvarint(b)
		to, b = append(to, int64(v)), b[n:]
	}
	return to
}

func (c *counter) tensor(b []byte) (name string, dims, vals []int64) {
	for _, p := range pairsOf(b) {
		switch p.num {
		case 1:
			dims = list(p, dims)
		case 7:
			vals = list(p, vals)
		case 8:
			name = string(p.b)
		case 9:
			for b := p.b; len(b) >= 8; b = b[8:] {
				vals = append(vals, int64(binary.LittleEndian.Uint64(b)))
			}
		}
	}
	return name, dims, vals
}

func prod(l []int64) int64 {
	n := int64(1)
	for _, v := range l {
		n *= v
	}
	return n
}

func (c *counter) node(t *testing.T, b []byte) {
	var in, out []string
	op := ""
	at := map[string][]int64{}
	for _, p := range pairsOf(b) {
		switch p.num {
		case 1:
			in = append(in, string(p.b))
		case 2:
			out = append(out, string(p.b))
		case 4:
			op = string(p.b)
		case 5:
			name, vals := "", []int64(nil)
			for _, q := range pairsOf(p.b) {
				switch q.num {
				case 1:
					name = string(q.b)
				case 3, 8:
					vals = list(q, vals)
				}
			}
			at[name] = vals
		}
	}
	s := c.shape[in[0]]
	get := func(name string, def ...int64) []int64 {
		if v := at[name]; len(v) > 0 {
			return v
		}
		return def
	}
	var o []int64
	switch op {
	case "ConstantOfShape":
		o = c.vals[in[0]]
	case "Conv", "MaxPool", "AveragePool":
		k, st, p := at["kernel_shape"], get("strides", 1, 1), get("pads", 0, 0, 0, 0)
		o = []int64{s[0], s[1], (s[2]+p[0]+p[2]-k[0])/st[0] + 1, (s[3]+p[1]+p[3]-k[1])/st[1] + 1}
		if op == "Conv" {
			w := c.shape[in[1]]
			o[1] = w[0]
			c.macs += o[0] * o[2] * o[3] * prod(w)
		}
	case "GlobalAveragePool":
		o = []int64{s[0], s[1], 1, 1}
	case "Gemm":
		w := c.shape[in[1]]
		o = []int64{s[0], w[1-get("transB", 0)[0]]}
		c.macs += s[0] * prod(w)
	case "Concat":
		a := get("axis", 1)[0]
		o = append(o, s...)
		for _, name := range in[1:] {
			o[a] += c.shape[name][a]
		}
	case "Reshape":
		o = append(o, c.vals[in[1]]...)
		rest, open := prod(s), -1
		for i, d := range o {
			if d == 0 {
				o[i] = s[i]
			}
			if d == -1 {
				open = i
			} else {
				rest /= o[i]
			}
		}
		if open >= 0 {
			o[open] = rest
		}
	case "Transpose":
		for _, p := range at["perm"] {
			o = append(o, s[p])
		}
	case "Unsqueeze":
		o = append(o, s...)
		for range at["axes"] {
			o = append(o, 1) // sides after the channels
		}
	case "Relu", "BatchNormalization", "LRN", "Dropout", "Softmax", "Add", "Mul", "Sum":
		o = s
		for _, name := range in[1:] {
			if prod(c.shape[name]) > prod(o) {
				o = c.shape[name]
			}
		}
	default:
		t.Errorf("the counter does not know %s", op)
	}
	c.shape[out[0]] = o
}

// The nine networks of the ONNX project load, with the multiply-adds that an
// independent walk over each file counts.
func TestLightModels(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/models/light_*.onnx")
	if len(files) == 0 {
		t.Skip("no ../shared/models beside the repository")
	}
	if len(files) != 9 {
		t.Errorf("%d files, want nine", len(files))
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		g, err := Read(data, Options{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		c := counter{shape: map[string][]int64{}, vals: map[string][]int64{}}
		var graph []byte
		for _, p := range pairsOf(data) {
			if p.num == 7 {
				graph = p.b
			}
		}
		for _, p := range pairsOf(graph) {
			switch p.num {
			case 5:
				name, dims, vals := c.tensor(p.b)
				c.shape[name], c.vals[name] = dims, vals
			case 11:
				name, dims := "", []int64(nil)
				for _, q := range pairsOf(p.b) {
					if q.num == 1 {
						name = string(q.b)
						continue
					}
					for _, side := range pairsOf(pairsOf(pairsOf(q.b)[0].b)[1].b) {
						dims = append(dims, pairsOf(side.b)[0].v)
					}
				}
				if c.shape[name] == nil {
					c.shape[name] = dims
				}
			}
		}
		for _, p := range pairsOf(graph) {
			if p.num == 1 {
				c.node(t, p.b)
			}
		}
		if g.MACs() != c.macs || c.macs == 0 {
			t.Errorf("%s: %d multiply-adds, the independent count is %d", f, g.MACs(), c.macs)
		}
		many, err := Read(data, Options{Batch: 8})
		if err != nil || many.MACs() != 8*c.macs || many.Parameters() != g.Parameters() {
			t.Errorf("%s: not eight times as many for eight images (%v)", f, err)
		}
	}
}
