package workloads

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gpusim/workloads/graph"
	"gpusim/workloads/onnx"
	"gpusim/workloads/scalesim"
)

// layerColumns make a table one of a network's layers, as LayersCSV writes it.
var layerColumns = []string{"layer", "workload", "count"}

// isNetworkTable says whether a table is one of a network's layers.
func isNetworkTable(text []byte) bool {
	if scalesim.Is(text) {
		return true
	}
	header, _, _ := strings.Cut(string(text[:min(len(text), 4096)]), "\n")
	fields := strings.Split(strings.TrimSpace(strings.TrimPrefix(header, "\ufeff")), ",")
	for _, c := range layerColumns {
		if !slices.Contains(fields, c) {
			return false
		}
	}
	return true
}

// loadSpread reads the network of a file as it is spread over GPUs: the graph is of
// one microbatch.
func (n *Network) loadSpread() (*graph.Graph, error) {
	g, err := n.load()
	if err != nil || g == nil || n.Parallel == (Parallel{}) {
		return g, err
	}
	if n.Parallel.Tensor > 1 {
		err = fmt.Errorf("tensor=%d: layers of a file cannot be shared by devices (allowed: built-in transformers)", n.Parallel.Tensor)
	} else {
		err = n.Parallel.complete(n.Batch, n.Phase, activationType(n.DType))
	}
	switch {
	case err != nil:
		return nil, &Error{Text: "model:" + n.Model, Reason: err.Error()}
	case n.Parallel.Micro == 1:
		return g, nil
	}
	micro := *n
	micro.Batch /= n.Parallel.Micro
	return micro.load()
}

// load reads the network of a file; a nil graph says that the layers are
// complete.
func (n *Network) load() (*graph.Graph, error) {
	text, err := readAll(n.Model)
	if err != nil {
		return nil, err
	}
	g, err := n.read(text)
	var own *Error
	var line *scalesim.Error
	switch {
	case err == nil || errors.As(err, &own):
		return g, err
	case errors.As(err, &line):
		return nil, &Error{File: n.Model, Line: line.Line, Reason: line.Reason}
	}
	return nil, &Error{File: n.Model, Reason: err.Error()}
}

func (n *Network) read(text []byte) (*graph.Graph, error) {
	name := strings.TrimSuffix(filepath.Base(n.Model), filepath.Ext(n.Model))
	if strings.EqualFold(filepath.Ext(n.Model), ".onnx") {
		g, err := onnx.Read(text, onnx.Options{Name: name, Batch: n.Batch, SkipUnknown: n.SkipUnknown})
		if g != nil {
			n.Batch = g.Batch
		}
		return g, err
	}
	if n.SkipUnknown {
		return nil, &Error{File: n.Model, Reason: "skip_unknown is for ONNX files"}
	}
	n.Batch = max(1, n.Batch)
	if scalesim.Is(text) {
		if n.Phase == PhaseTrain {
			return nil, &Error{File: n.Model, Reason: "a topology does not say what connects its layers: phase=train needs a graph"}
		}
		return scalesim.Read(text, name, n.Batch)
	}
	t, err := ReadTable(n.Model, text)
	if err != nil {
		return nil, err
	}
	for _, c := range layerColumns {
		if !slices.Contains(t.Header, c) {
			return nil, &Error{File: n.Model, Line: 1, Reason: "neither a topology (Layer name, IFMAP Height, ... or Layer, M, N, K) nor a table of layers (" + strings.Join(layerColumns, ", ") + ")"}
		}
	}
	return nil, n.readLayers(t)
}

// readLayers takes a table of layers as it stands: its types and batch count.
func (n *Network) readLayers(t *Table) error {
	if len(t.Rows) == 0 {
		return &Error{File: t.File, Reason: "no rows"}
	}
	for i, rec := range t.Rows {
		w, err := Parse(t.Field(rec, "workload"))
		if err != nil {
			return at(err, t.File, t.Line(i))
		}
		if w.Net != nil {
			return &Error{File: t.File, Line: t.Line(i), Reason: "a network among the layers of a network"}
		}
		count, err := strconv.Atoi(t.Field(rec, "count"))
		if err != nil || count < 1 || count > maxBatch {
			return &Error{File: t.File, Line: t.Line(i), Reason: "count=" + strconv.Quote(t.Field(rec, "count")) + " is not a whole number of 1 or more"}
		}
		n.Layers = append(n.Layers, NetLayer{Name: t.Field(rec, "layer"), Work: w, Count: count})
	}
	n.table = true
	n.chain()
	n.MACs = n.Ops() / 2
	return nil
}

// LayersCSV gives the layers of a network as a table that Expand reads back.
func (n *Network) LayersCSV() []byte {
	rows := [][]string{append(slices.Clone(layerColumns), "operations", "bytes")}
	for _, l := range n.Layers {
		s := l.Work.Shape()
		rows = append(rows, []string{
			l.Name, l.Work.Text, strconv.Itoa(l.Count), strconv.FormatInt(s.Ops(), 10), strconv.FormatFloat(s.Bytes(), 'f', 0, 64),
		})
	}
	return encodeCSV(rows)
}

// TopologyCSV gives the products of a network's forward pass as a SCALE-Sim
// topology: images with their padding, products as 1x1 convolutions, a row for
// each group and each repetition. What is no product has no place in it.
func (n *Network) TopologyCSV() []byte {
	var rows []scalesim.Row
	for _, l := range n.Layers {
		var row []int
		times := l.Count
		switch {
		case l.Work.Conv != nil && l.Work.Conv.Pass == PassForward:
			c := l.Work.Conv
			row = []int{c.H + 2*c.PadH, c.W + 2*c.PadW, c.DilH*(c.R-1) + 1, c.DilW*(c.S-1) + 1, c.C / c.Groups, c.K / c.Groups, c.StrideH}
			times *= c.Groups
		case l.Work.GEMM != nil && !strings.Contains(l.Name, "/bwd"):
			g := l.Work.GEMM // column-major: its n are the rows of a layer
			row = []int{g.N, 1, 1, 1, g.K, g.M, 1}
			times *= g.Batch
		default:
			continue
		}
		for i := range times {
			name := l.Name
			if times > 1 {
				name += "_" + strconv.Itoa(i+1)
			}
			rows = append(rows, scalesim.Row{Name: name, Conv: row})
		}
	}
	return scalesim.Write(rows)
}
