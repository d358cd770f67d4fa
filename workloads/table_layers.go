package workloads

import (
	"errors"
	"fmt"
	"strings"
)

// LayerColumns are those that make a table one of measured layers: element-wise
// operators, softmax and layer norm.
var LayerColumns = []string{"device", "op", "shape", "precision", "time_us", "source"}

// layerNames are what tables call layers that the language calls otherwise.
var layerNames = map[string]string{"ln": KindLayerNorm, "layer_norm": KindLayerNorm, "layernorm": KindLayerNorm, "softmax": KindSoftmax}

// MeasuredLayers reads all rows of a table of measured layers: their ops are
// those of an element-wise layer, softmax or ln, and shapes are sizes joined by
// x, the last of which is a row. Rows of ops that the language does not have
// come with an Unsupported error of their own, by line.
func (t *Table) MeasuredLayers() (rows []Measured, unsupported map[int]string, err error) {
	unsupported = map[int]string{}
	for i, rec := range t.Rows {
		m, err := t.measuredLayer(rec)
		var e *Error
		switch {
		case errors.As(err, &e) && e.Unsupported:
			unsupported[t.lines[i]] = e.Reason
			continue
		case err != nil:
			return nil, nil, at(err, t.File, t.lines[i])
		}
		m.Line = t.lines[i]
		rows = append(rows, m)
	}
	return rows, unsupported, nil
}

func (t *Table) measuredLayer(rec []string) (Measured, error) {
	get := func(column string) string { return t.Field(rec, column) }
	m := Measured{Device: get("device"), Source: get("source"), Kernel: get("kernel"), Method: get("method"), Op: get("op")}
	fail := func(column string, err error) (Measured, error) {
		return m, &Error{Reason: column + ": " + strings.TrimPrefix(err.Error(), column+"=")}
	}
	if m.Device == "" {
		return fail("device", errors.New("empty"))
	}
	var err error
	if m.TimeUS, err = parseTime(get("time_us")); err != nil {
		return fail("time_us", err)
	}
	if m.Precision, err = DType(get("precision")); err != nil {
		return fail("precision", err)
	}
	rows, cols := 1, 0
	for _, s := range strings.Split(strings.ToLower(get("shape")), "x") {
		v, err := dim("shape", s)
		if err != nil {
			return fail("shape", err)
		}
		if cols > 0 {
			rows *= cols
		}
		if cols = v; rows > maxElements {
			return fail("shape", fmt.Errorf("%s has more than 2^36 elements", get("shape")))
		}
	}
	l := Layer{Kind: KindElementwise, Op: strings.ToLower(m.Op), DType: m.Precision, Size: rows * cols}
	if l.Op == "" {
		return fail("op", errors.New("empty"))
	}
	if kind, ok := layerNames[l.Op]; ok {
		l = Layer{Kind: kind, DType: m.Precision, Rows: rows, Cols: cols}
	} else if _, err := l.Chain(); err != nil {
		return m, &Error{Reason: "op: " + err.Error(), Unsupported: true}
	}
	m.Workload, err = OfLayer(l)
	return m, err
}
