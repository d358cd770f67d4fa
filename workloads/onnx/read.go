package onnx

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"gpusim/workloads/graph"
)

// Options are what a caller may ask for.
type Options struct {
	Name        string // of the graph
	Batch       int    // samples, in place of the first side of the inputs; 0: as the file has it
	SkipUnknown bool   // leaves operators out that are not known
}

// Read gives the network of an ONNX file. Errors name the node.
func Read(data []byte, o Options) (*graph.Graph, error) {
	m, err := decode(data)
	if err != nil {
		return nil, err
	}
	r := &reader{o: o, m: m, g: m.graph, values: map[string]*value{}}
	return r.read()
}

// value is what a name stands for: an activation, or a constant of which the
// shape is known and, of small integer tensors, the values.
type value struct {
	t     *graph.Tensor // activation; nil: constant
	shape []int
	ints  []int64 // nil: not known
	param *graph.Tensor
	name  string
}

func (v *value) elements() (n int64) {
	t := graph.Tensor{Shape: v.shape}
	return t.Elements()
}

type reader struct {
	o      Options
	m      *model
	g      *graphProto
	b      *graph.Builder
	values map[string]*value
	batch  int // samples
	was    int // samples that the file was made for
}

func (r *reader) read() (*graph.Graph, error) {
	if err := r.unknown(); err != nil {
		return nil, err
	}
	order, err := r.order()
	if err != nil {
		return nil, err
	}
	for _, t := range r.g.weights {
		v, err := constant(&t)
		if err != nil {
			return nil, fmt.Errorf("initializer %q: %w", t.name, err)
		}
		r.values[t.name] = v
	}
	if err := r.inputs(); err != nil {
		return nil, err
	}
	for _, n := range order {
		if err := r.node(n); err != nil {
			return nil, err
		}
	}
	return r.finish()
}

// constant is the value of a tensor in the file.
func constant(t *tensor) (*value, error) {
	v := &value{name: t.name, shape: []int{}}
	n := int64(1)
	for _, d := range t.dims {
		if d < 0 || d > 1<<40 || d > 0 && n > (1<<40)/d {
			return nil, fmt.Errorf("shape %v is out of range", t.dims)
		}
		n *= d
		v.shape = append(v.shape, int(d))
	}
	if int64(len(t.ints)) == n {
		v.ints = append([]int64{}, t.ints...)
	}
	return v, nil
}

// unknown lists the operators that nobody knows, unless they are to be skipped.
func (r *reader) unknown() error {
	if r.o.SkipUnknown {
		return nil
	}
	nodes := map[string][]string{}
	for _, n := range r.g.nodes {
		if n.known() == nil {
			nodes[n.title()] = append(nodes[n.title()], n.name)
		}
	}
	if len(nodes) == 0 {
		return nil
	}
	var list []string
	for op, names := range nodes {
		const most = 3
		text := fmt.Sprintf("%q", names[0])
		for _, n := range names[1:min(len(names), most)] {
			text += fmt.Sprintf(", %q", n)
		}
		if len(names) > most {
			text += fmt.Sprintf(" and %d more", len(names)-most)
		}
		list = append(list, fmt.Sprintf("%s (node %s)", op, text))
	}
	sort.Strings(list)
	return fmt.Errorf("operators that are not known: %s; skip_unknown=true (or --skip-unknown) leaves them out", strings.Join(list, "; "))
}

// title is an operator with its domain.
func (n *node) title() string {
	if n.domain == "" || n.domain == "ai.onnx" {
		return n.op
	}
	return n.domain + "." + n.op
}

// order puts each node behind those that it reads from.
func (r *reader) order() ([]*node, error) {
	from := map[string]int{}
	for i, n := range r.g.nodes {
		for _, o := range n.out {
			if o == "" {
				continue
			}
			if j, dup := from[o]; dup {
				return nil, fmt.Errorf("nodes %q and %q both compute %q", r.g.nodes[j].name, n.name, o)
			}
			from[o] = i
		}
	}
	order, cycle := graph.Order(len(r.g.nodes), func(i int) []int {
		var deps []int
		for _, name := range r.g.nodes[i].in {
			if j, ok := from[name]; ok && name != "" {
				deps = append(deps, j)
			}
		}
		return deps
	})
	if cycle != nil {
		names := make([]string, len(cycle))
		for i, c := range cycle {
			names[i] = r.g.nodes[c].name
		}
		return nil, fmt.Errorf("the graph has a cycle: %s", graph.PathText(names))
	}
	out := make([]*node, len(order))
	for i, k := range order {
		out[i] = r.g.nodes[k]
	}
	return out, nil
}

// inputs makes the inputs that are no weights: in old files those stand among
// the inputs too.
func (r *reader) inputs() error {
	r.was, r.batch = 1, max(1, r.o.Batch)
	first := true
	var made []struct {
		v     valueInfo
		shape []int
	}
	for _, v := range r.g.inputs {
		if r.values[v.name] != nil {
			continue
		}
		if !v.shaped {
			return fmt.Errorf("input %q has no shape", v.name)
		}
		shape := make([]int, len(v.dims))
		for i, d := range v.dims {
			switch {
			case i == 0 && r.o.Batch > 0:
				if first && d > 0 && d <= 1<<30 {
					r.was = int(d)
				}
				shape[i] = r.o.Batch
			case d < 0 && i == 0:
				return fmt.Errorf("input %q: its first side is %s, not a number; say how many samples with batch=N", v.name, named(v.params[i]))
			case d < 1 || d > 1<<31:
				if d < 0 {
					return fmt.Errorf("input %q: side %d is %s, not a number: shapes must be fixed, save for the batch", v.name, i, named(v.params[i]))
				}
				return fmt.Errorf("input %q: side %d is %d", v.name, i, d)
			default:
				shape[i] = int(d)
			}
			if i == 0 && r.o.Batch == 0 && first {
				r.was, r.batch = shape[0], shape[0]
			}
		}
		first = false
		made = append(made, struct {
			v     valueInfo
			shape []int
		}{v, shape})
	}
	name := r.o.Name
	if name == "" {
		name = r.g.name
	}
	r.b = graph.NewBuilder(name, r.batch)
	for _, in := range made {
		t := r.b.Input(in.v.name, in.shape...)
		t.Index = in.v.index
		r.values[in.v.name] = &value{t: t, shape: in.shape, name: in.v.name}
	}
	return nil
}

func named(param string) string {
	if param == "" {
		return "open"
	}
	return fmt.Sprintf("%q", param)
}

// node adds a node.
func (r *reader) node(n *node) error {
	c := &call{r: r, n: n}
	for _, name := range n.in {
		if name == "" {
			c.in = append(c.in, nil)
			continue
		}
		v := r.values[name]
		if v == nil {
			return fmt.Errorf("node %q (%s) reads %q, which nothing computes", n.name, n.title(), name)
		}
		c.in = append(c.in, v)
	}
	op := n.known()
	if op == nil {
		op = skip
	}
	outs, err := op(c)
	if err == nil {
		err = c.err
	}
	if berr := r.b.Err(); berr != nil {
		return berr // names the node
	}
	if err != nil {
		return fmt.Errorf("node %q (%s): %w", n.name, n.title(), err)
	}
	for i, v := range outs {
		if len(v.shape) > maxSides {
			return fmt.Errorf("node %q (%s): a tensor of %d sides", n.name, n.title(), len(v.shape))
		}
		if i < len(n.out) && n.out[i] != "" {
			v.name = n.out[i]
			r.values[n.out[i]] = v
		}
	}
	return nil
}

// maxSides bounds the sides of a tensor; the networks that are known have up to six.
const maxSides = 64

func (r *reader) finish() (*graph.Graph, error) {
	var outs []*graph.Tensor
	for _, o := range r.g.outputs {
		v := r.values[o.name]
		switch {
		case v == nil:
			return nil, fmt.Errorf("output %q: nothing computes it", o.name)
		case v.t != nil && !slices.Contains(outs, v.t):
			outs = append(outs, v.t)
		}
	}
	if len(outs) == 0 {
		return nil, fmt.Errorf("no output depends on an input")
	}
	return r.b.Done(outs...)
}
