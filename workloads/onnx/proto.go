package onnx

import (
	"encoding/binary"
	"fmt"
)

// The parts of ONNX's messages that shapes depend on, by the field numbers of
// onnx.proto.

type model struct {
	graph *graphProto
	opset int64 // of the default domain
}

type graphProto struct {
	name            string
	nodes           []*node
	inputs, outputs []valueInfo
	weights         []tensor
}

type node struct {
	name, op, domain string
	in, out          []string
	attrs            map[string]attr
}

type attr struct {
	i    int64
	f    float64
	s    string
	ints []int64
	t    *tensor
}

type tensor struct {
	name  string
	dims  []int64
	dtype int64
	ints  []int64 // values, of small integer tensors
}

// valueInfo is an input or an output. A side that is not a number has its name
// in params.
type valueInfo struct {
	name   string
	dims   []int64
	params []string
	shaped bool // it has a shape at all
	index  bool // integers
}

// maxValues bounds the values that are read of a tensor: shapes have few.
const maxValues = 1 << 12

// Types of tensors.
const (
	typeInt32 = 6
	typeInt64 = 7
)

func decode(data []byte) (*model, error) {
	m := &model{}
	err := wire{data, 0}.each(func(f field) error {
		switch {
		case f.num == 7 && f.kind == delimited:
			g, err := decodeGraph(f.b)
			m.graph = g
			return err
		case f.num == 8 && f.kind == delimited:
			domain, version := "", int64(0)
			if err := f.b.each(func(f field) error {
				switch {
				case f.num == 1 && f.kind == delimited:
					domain = f.text()
				case f.num == 2 && f.kind == varint:
					version = int64(f.v)
				}
				return nil
			}); err != nil {
				return err
			}
			if domain == "" || domain == "ai.onnx" {
				m.opset = version
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m.graph == nil {
		return nil, fmt.Errorf("it holds no graph: no ONNX file")
	}
	return m, nil
}

func decodeGraph(w wire) (*graphProto, error) {
	g := &graphProto{}
	err := w.each(func(f field) error {
		if f.kind != delimited {
			return nil
		}
		switch f.num {
		case 1:
			n, err := decodeNode(f.b)
			if err != nil {
				return fmt.Errorf("node %d: %w", len(g.nodes)+1, err)
			}
			if n.name == "" {
				n.name = fmt.Sprintf("%s_%d", n.op, len(g.nodes)+1)
			}
			g.nodes = append(g.nodes, n)
		case 2:
			g.name = f.text()
		case 5:
			t, err := decodeTensor(f.b)
			if err != nil {
				return fmt.Errorf("initializer %d: %w", len(g.weights)+1, err)
			}
			g.weights = append(g.weights, *t)
		case 11, 12:
			v, err := decodeValue(f.b)
			if err != nil {
				return err
			}
			if f.num == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outputs = append(g.outputs, v)
			}
		}
		return nil
	})
	return g, err
}

func decodeNode(w wire) (*node, error) {
	n := &node{attrs: map[string]attr{}}
	err := w.each(func(f field) error {
		if f.kind != delimited {
			return nil
		}
		switch f.num {
		case 1:
			n.in = append(n.in, f.text())
		case 2:
			n.out = append(n.out, f.text())
		case 3:
			n.name = f.text()
		case 4:
			n.op = f.text()
		case 5:
			name, a, err := decodeAttr(f.b)
			if err != nil {
				return err
			}
			n.attrs[name] = a
		case 7:
			n.domain = f.text()
		}
		return nil
	})
	return n, err
}

func decodeAttr(w wire) (name string, a attr, err error) {
	err = w.each(func(f field) (err error) {
		switch {
		case f.num == 1 && f.kind == delimited:
			name = f.text()
		case f.num == 2 && f.kind == fixed32:
			a.f = f.float()
		case f.num == 3 && f.kind == varint:
			a.i = int64(f.v)
		case f.num == 4 && f.kind == delimited:
			a.s = f.text()
		case f.num == 5 && f.kind == delimited:
			a.t, err = decodeTensor(f.b)
		case f.num == 8:
			a.ints, err = f.ints(a.ints)
		}
		return err
	})
	return name, a, err
}

func decodeTensor(w wire) (*tensor, error) {
	t := &tensor{}
	var raw []byte
	err := w.each(func(f field) (err error) {
		switch {
		case f.num == 1:
			t.dims, err = f.ints(t.dims)
		case f.num == 2 && f.kind == varint:
			t.dtype = int64(f.v)
		case f.num == 5 || f.num == 7:
			if len(t.ints) < maxValues && len(f.b.b) <= 10*maxValues {
				t.ints, err = f.ints(t.ints)
			}
		case f.num == 8 && f.kind == delimited:
			t.name = f.text()
		case f.num == 9 && f.kind == delimited:
			raw = f.b.b
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	switch {
	case t.dtype == typeInt64 && len(raw) <= 8*maxValues:
		for ; len(raw) >= 8; raw = raw[8:] {
			t.ints = append(t.ints, int64(binary.LittleEndian.Uint64(raw)))
		}
	case t.dtype == typeInt32 && len(raw) <= 4*maxValues:
		for ; len(raw) >= 4; raw = raw[4:] {
			t.ints = append(t.ints, int64(int32(binary.LittleEndian.Uint32(raw))))
		}
	}
	if t.dtype != typeInt64 && t.dtype != typeInt32 {
		t.ints = nil
	}
	return t, nil
}

func decodeValue(w wire) (valueInfo, error) {
	v := valueInfo{}
	err := w.each(func(f field) error {
		switch {
		case f.num == 1 && f.kind == delimited:
			v.name = f.text()
		case f.num == 2 && f.kind == delimited: // TypeProto
			return f.b.each(func(f field) error {
				if f.num != 1 || f.kind != delimited { // tensor_type
					return nil
				}
				return f.b.each(func(f field) error {
					switch {
					case f.num == 1 && f.kind == varint:
						v.index = f.v == typeInt64 || f.v == typeInt32
					case f.num == 2 && f.kind == delimited: // TensorShapeProto
						v.shaped = true
						return f.b.each(func(f field) error {
							if f.num != 1 || f.kind != delimited {
								return nil
							}
							return v.side(f.b)
						})
					}
					return nil
				})
			})
		}
		return nil
	})
	return v, err
}

func (v *valueInfo) side(w wire) error {
	size, param := int64(-1), ""
	err := w.each(func(f field) error {
		switch {
		case f.num == 1 && f.kind == varint:
			size = int64(f.v)
		case f.num == 2 && f.kind == delimited:
			param = f.text()
		}
		return nil
	})
	v.dims, v.params = append(v.dims, size), append(v.params, param)
	return err
}
