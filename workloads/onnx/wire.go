// Package onnx reads networks from ONNX files: the shapes of their graphs, not
// the values of their weights.
package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// wire reads the fields of a protobuf message. Messages within messages are
// sub-slices that are read when they are wanted, so nesting costs no stack.
type wire struct {
	b  []byte
	at int // offset of b in the file, for errors
}

// Wire types of protobuf.
const (
	varint    = 0
	fixed64   = 1
	delimited = 2
	fixed32   = 5
)

// field is one field of a message: a number or bytes.
type field struct {
	num  int
	kind int
	v    uint64
	b    wire
}

// errTruncated says that a file ends within a field.
var errTruncated = errors.New("the file ends within a field: truncated or no ONNX file")

// next takes a field; ok is false at the end.
func (w *wire) next() (f field, ok bool, err error) {
	if len(w.b) == 0 {
		return f, false, nil
	}
	start := w.at
	tag, err := w.varint()
	if err != nil {
		return f, false, err
	}
	f.num, f.kind = int(tag>>3), int(tag&7)
	if tag>>3 == 0 || tag>>3 > 1<<29 {
		return f, false, fmt.Errorf("byte %d: field number %d is none of protobuf's", start, tag>>3)
	}
	switch f.kind {
	case varint:
		f.v, err = w.varint()
	case fixed64:
		f.v, err = w.fixed(8)
	case fixed32:
		f.v, err = w.fixed(4)
	case delimited:
		n, lerr := w.varint()
		if lerr != nil {
			return f, false, lerr
		}
		if n > uint64(len(w.b)) {
			return f, false, fmt.Errorf("byte %d: a field of %d bytes where %d are left: truncated or no ONNX file", start, n, len(w.b))
		}
		f.b = wire{w.b[:n], w.at}
		w.skip(int(n))
	default:
		return f, false, fmt.Errorf("byte %d: wire type %d is not used by ONNX: no ONNX file", start, f.kind)
	}
	return f, err == nil, err
}

func (w *wire) skip(n int) { w.b, w.at = w.b[n:], w.at+n }

func (w *wire) varint() (uint64, error) {
	v, n := binary.Uvarint(w.b)
	switch {
	case n == 0:
		return 0, errTruncated
	case n < 0:
		return 0, fmt.Errorf("byte %d: a number of more than 64 bits", w.at)
	}
	w.skip(n)
	return v, nil
}

func (w *wire) fixed(n int) (v uint64, err error) {
	if len(w.b) < n {
		return 0, errTruncated
	}
	for i := n - 1; i >= 0; i-- {
		v = v<<8 | uint64(w.b[i])
	}
	w.skip(n)
	return v, nil
}

// each calls do for the fields of a message.
func (w wire) each(do func(f field) error) error {
	for {
		f, ok, err := w.next()
		if err != nil || !ok {
			return err
		}
		if err := do(f); err != nil {
			return err
		}
	}
}

// ints reads a field of a list of integers, packed or one of several.
func (f field) ints(list []int64) ([]int64, error) {
	if f.kind == varint {
		return append(list, int64(f.v)), nil
	}
	w := f.b
	for len(w.b) > 0 {
		v, err := w.varint()
		if err != nil {
			return nil, err
		}
		list = append(list, int64(v))
	}
	return list, nil
}

func (f field) text() string { return string(f.b.b) }

func (f field) float() float64 { return float64(math.Float32frombits(uint32(f.v))) }
