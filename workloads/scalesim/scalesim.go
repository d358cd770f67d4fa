// Package scalesim reads and writes the topology files of SCALE-Sim: tables of
// convolutions, or of matrix products, without what connects them.
package scalesim

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gpusim/workloads/graph"
)

// Error is a mistake in a file, with its line.
type Error struct {
	Line   int
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Columns behind the layer's name.
var (
	convColumns = []string{"IFMAP height", "IFMAP width", "filter height", "filter width", "channels", "number of filters", "strides"}
	gemmColumns = []string{"M", "N", "K"}
)

// form is how a header's columns are called; nil: it is no topology.
func form(header []string) []string {
	has := func(words ...string) bool {
		for _, h := range header {
			h = strings.ToLower(strings.TrimSpace(h))
			for _, w := range words {
				if h == w {
					return true
				}
			}
		}
		return false
	}
	if len(header) == 0 || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(header[0])), "layer") {
		return nil
	}
	switch {
	case has("ifmap height", "ifmap h") && has("filter height", "filter h"):
		return convColumns
	case has("m") && has("n") && has("k"):
		return gemmColumns
	}
	return nil
}

// Is says whether a file begins as a topology does.
func Is(text []byte) bool {
	r := reader(text)
	header, err := r.Read()
	return err == nil && form(header) != nil
}

func reader(text []byte) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	r.TrimLeadingSpace = true
	return r
}

// Read gives the layers of a topology for a number of images, or of products
// with so many times the rows. Each layer has an input of its own. An *Error
// says which line is wrong.
func Read(text []byte, name string, batch int) (*graph.Graph, error) {
	r := reader(text)
	batch = max(1, batch)
	b := graph.NewBuilder(name, batch)
	var columns []string
	var outs []*graph.Tensor
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var pe *csv.ParseError
		switch {
		case errors.As(err, &pe):
			return nil, &Error{pe.Line, pe.Err.Error()}
		case err != nil:
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if columns == nil {
			if columns = form(rec); columns == nil {
				return nil, &Error{line, "not the header of a topology (want Layer name and IFMAP Height ..., or Layer and M, N, K)"}
			}
			continue
		}
		for len(rec) > 0 && strings.TrimSpace(rec[len(rec)-1]) == "" { // files end their lines with a comma
			rec = rec[:len(rec)-1]
		}
		if len(rec) == 0 {
			continue
		}
		t, err := layer(b, rec, columns, batch)
		if err == nil {
			err = b.Err()
		}
		if err != nil {
			return nil, &Error{line, err.Error()}
		}
		outs = append(outs, t)
	}
	switch {
	case columns == nil:
		return nil, &Error{1, "empty file"}
	case len(outs) == 0:
		return nil, &Error{1, "no layers"}
	}
	return b.Done(outs...)
}

// layer reads a row.
func layer(b *graph.Builder, rec, columns []string, batch int) (*graph.Tensor, error) {
	name := strings.TrimSpace(rec[0])
	if name == "" {
		return nil, fmt.Errorf("the layer has no name")
	}
	if len(rec) < 1+len(columns) {
		return nil, fmt.Errorf("layer %q: %d values where %d are expected (%s)", name, len(rec)-1, len(columns), strings.Join(columns, ", "))
	}
	v := make([]int, len(columns))
	for i, c := range columns {
		s := strings.TrimSpace(rec[1+i])
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("layer %q: %s=%q is not a whole number of 1 or more", name, c, s)
		}
		v[i] = int(n)
	}
	if len(columns) == len(gemmColumns) {
		if v[0] > 1<<40/batch {
			return nil, fmt.Errorf("layer %q: M=%d of %d samples", name, v[0], batch)
		}
		x := b.Input(name+".input", v[0]*batch, v[2])
		return b.Gemm(name, x, b.Param(name+".weight", v[2], v[1]), nil, false), nil
	}
	h, w, r, s, c, k, stride := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
	a := graph.Attr{R: r, S: s, StrideH: stride, StrideW: stride}
	// SCALE-Sim rounds the number of outputs up: the last window hangs over.
	a.PadB, a.PadR = over(h, r, stride), over(w, s, stride)
	x := b.Input(name+".input", batch, c, h, w)
	return b.Conv(name, x, k, a, false), nil
}

// over is what the last window lacks.
func over(size, filter, stride int) int {
	if size < filter || (size-filter)%stride == 0 {
		return 0
	}
	return stride - (size-filter)%stride
}

// Row is a layer to write.
type Row struct {
	Name string
	Conv []int // as convColumns
}

// Write gives a topology of convolutions. Its last column ends with a comma, as
// SCALE-Sim wants it.
func Write(rows []Row) []byte {
	var out bytes.Buffer
	out.WriteString("Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n")
	for _, r := range rows {
		out.WriteString(strings.NewReplacer(",", "_", "\n", "_", `"`, "_").Replace(r.Name))
		for _, v := range r.Conv {
			fmt.Fprintf(&out, ", %d", v)
		}
		out.WriteString(",\n")
	}
	return out.Bytes()
}
