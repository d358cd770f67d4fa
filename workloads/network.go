package workloads

import (
	"fmt"
	"path/filepath"
	"strings"

	"gpusim/workloads/graph"
	"gpusim/workloads/models"
)

// KindNetwork is a network: a list of layers that run one after another.
const KindNetwork = "model"

// Phases of networks.
const (
	PhaseInfer = "infer" // a forward pass
	PhaseTrain = "train" // forward, both backward passes, update
)

// Network is a network as it is to be computed. Model is the name of a built-in
// one or a file: ONNX, a SCALE-Sim topology, or a table of layers.
type Network struct {
	Model       string
	Batch       int
	DType       string
	Untyped     bool // nobody asked for the type: fp32, or the nearest that a machine has
	Phase       string
	Fused       bool   // as an inference compiler runs it, rather than layer by layer; in training with fused batch norms
	Norms       bool   // of inference: batch norms take ReLU and sums along, and nothing else is fused
	Layout      string // of images; empty: what suits the type
	Optimizer   string // of training; empty: momentum for networks with convolutions, else adam; none: gradients alone
	SkipUnknown bool   // of files: operators that are not known are left out
	Seq         int    // tokens of a sample, of transformers
	Hidden      int    // units, of recurrent layers
	Steps       int    // of recurrent layers
	Headless    bool   // without the projection onto words, of transformers that have one
	Input       int    // features that a recurrent layer projects; 0: it has no projection
	Parallel    Parallel

	table bool // it is a table of layers, as fused as they are

	// What it comes to.
	Layers     []NetLayer
	MACs       int64 // of a forward pass, as defined and not as fused
	Parameters int64
	Inputs     int64 // elements that a batch is given
	Memory     graph.Memory
	Skipped    []string // nodes that were left out
	Stages     []Stage  // on a system: what GPUs of each stage run; Layers are those of one replica
}

// NetLayer is one library call or kernel of a network.
type NetLayer struct {
	Name  string // of the layer, with what is done for it behind a slash
	Work  Workload
	Count int    // how often it runs, one after another
	Reads []Flow // activations that it reads, of a forward pass
	Grad  int64  // of training on a system: parameters whose gradients are complete behind it
}

var (
	phases     = []string{PhaseInfer, PhaseTrain}
	optimizers = []string{"sgd", "momentum", "adam", graph.NoOptimizer}
	netKeys    = append([]string{"batch", "dtype", "phase", "fused", "layout", "seq", "hidden", "steps", "input", "head", "optimizer", "skip_unknown"}, parallelKeys...)
)

// OfNetwork checks a network, fills in what is left empty and lists its layers.
func OfNetwork(n Network) (Workload, error) {
	fail := func(format string, a ...any) (Workload, error) {
		return Workload{}, &Error{Text: "model:" + n.Model, Reason: fmt.Sprintf(format, a...)}
	}
	typed := n.DType != ""
	if !typed {
		n.DType = "fp32"
	}
	if n.Phase == "" {
		n.Phase = PhaseInfer
	}
	if n.Norms && n.Phase == PhaseTrain {
		n.Fused, n.Norms = true, false // which is what it comes to there
	}
	switch {
	case n.Model == "":
		return fail("no network is named (allowed: %s, or a file)", strings.Join(models.Names(), ", "))
	case !contains(phases, n.Phase):
		return fail("phase=%s (allowed: %s)", n.Phase, strings.Join(phases, ", "))
	case n.Fused && n.Phase == PhaseTrain && (n.Layout == LayoutNCHW || n.Layout == "" && n.DType != "fp16" && n.DType != "bf16"):
		return fail("fused=true in training is for layout=nhwc: only there batch norms take ReLU and sums along (other layers keep what gradients need)")
	case n.Layout != "" && !contains(layouts, n.Layout):
		return fail("layout=%s (allowed: %s)", n.Layout, strings.Join(layouts, ", "))
	case n.Optimizer != "" && n.Phase != PhaseTrain:
		return fail("optimizer=%s is for phase=train", n.Optimizer)
	case n.Optimizer != "" && !contains(optimizers, n.Optimizer):
		return fail("optimizer=%s (allowed: %s)", n.Optimizer, strings.Join(optimizers, ", "))
	case n.Batch > maxBatch:
		return fail("batch=%d is out of range (allowed 1..%d)", n.Batch, maxBatch)
	}
	n.Layers, n.Stages = nil, nil // of the network that this one was made from
	g, err := n.graph()
	if err != nil {
		return Workload{}, err
	}
	if g == nil && n.Parallel != (Parallel{}) {
		return fail("a table of layers is not spread over GPUs: what depends on what is not known (allowed: built-in networks and ONNX files)")
	}
	if g != nil {
		n.Untyped = n.Untyped || !typed // layers of a table have types of their own
		if err := n.lower(g); err != nil {
			return fail("%v", err)
		}
	} else if !typed {
		n.DType = n.mainType()
	}
	return Of(&n), nil
}

// mainType is the type of the layer with most operations.
func (n *Network) mainType() string {
	var best Shape
	for i := range n.Layers {
		if s := n.Layers[i].Work.Shape(); best == nil || s.Ops() > best.Ops() {
			best = s
		}
	}
	return best.Type()
}

// maxBatch bounds the samples of a network.
const maxBatch = 1 << 20

// graph gives the network's graph; nil for a table of layers, which is complete.
func (n *Network) graph() (*graph.Graph, error) {
	if isNetworkFile(n.Model) {
		for key, v := range map[string]int{"seq": n.Seq, "hidden": n.Hidden, "steps": n.Steps, "input": n.Input} {
			if v != 0 {
				return nil, &Error{Text: "model:" + n.Model, Reason: key + " is not for files"}
			}
		}
		return n.loadSpread()
	}
	fail := func(format string, a ...any) (*graph.Graph, error) {
		return nil, &Error{Text: "model:" + n.Model, Reason: fmt.Sprintf(format, a...)}
	}
	m, ok := models.Find(n.Model)
	if !ok {
		if near, ok := Nearest(n.Model, models.Names()); ok {
			return fail("unknown network (did you mean %q?)", near)
		}
		return fail("unknown network (allowed: %s, or a file that ends in .onnx or .csv)", strings.Join(models.Names(), ", "))
	}
	n.Model = m.Name
	for _, k := range []struct {
		key string
		v   int
	}{{"seq", n.Seq}, {"hidden", n.Hidden}, {"steps", n.Steps}, {"input", n.Input}} {
		if k.v != 0 && !m.Takes(k.key) {
			return fail("%s=%d means nothing to it", k.key, k.v)
		}
	}
	switch {
	case n.SkipUnknown:
		return fail("skip_unknown is for files")
	case n.Headless && !m.Takes("head"):
		return fail("head=false means nothing to it")
	}
	s := m.Complete(models.Spec{Batch: n.Batch, Seq: n.Seq, Hidden: n.Hidden, Steps: n.Steps, Input: n.Input, NoHead: n.Headless, Train: n.Phase == PhaseTrain, Tensor: n.Parallel.Tensor})
	n.Batch, n.Input = s.Batch, s.Input
	if err := n.Parallel.complete(n.Batch, n.Phase, activationType(n.DType)); err != nil {
		return fail("%v", err)
	}
	s.Batch /= max(1, n.Parallel.Micro)
	if m.Takes("seq") {
		n.Seq = s.Seq
	}
	if m.Takes("hidden") {
		n.Hidden = s.Hidden
	}
	if m.Takes("steps") {
		n.Steps = s.Steps
	}
	g, err := m.Build(s)
	if err != nil {
		return fail("%v", err)
	}
	return g, nil
}

// lower lists the layers of a graph and counts it.
func (n *Network) lower(g *graph.Graph) error {
	n.MACs, n.Parameters, n.Skipped, n.Inputs = g.MACs(), g.Parameters(), g.Skipped, 0
	for _, t := range g.Inputs {
		n.Inputs += t.Elements()
	}
	o := graph.Options{DType: n.DType, Train: n.Phase == PhaseTrain, Layout: n.Layout, Optimizer: n.Optimizer, Eager: !n.Fused}
	var err error
	switch {
	case n.Norms, n.Fused && o.Train:
		g, err = g.FuseNorms(o.Train)
	case n.Fused:
		g, err = g.Fuse(n.DType)
	}
	if err != nil {
		return err
	}
	if n.Parallel.On() {
		return n.spread(g, o)
	}
	steps, err := g.Lower(o)
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		return fmt.Errorf("it has no layers that compute anything")
	}
	n.Memory = g.Memory(o)
	works := map[string]Workload{}
	n.Layers = make([]NetLayer, len(steps))
	for i, s := range steps {
		w, ok := works[s.Work]
		if !ok {
			if w, err = Parse(s.Work); err != nil {
				return fmt.Errorf("layer %q: %w", s.Layer, err)
			}
			works[s.Work] = w
		}
		n.Layers[i] = NetLayer{Name: s.Layer, Work: w, Count: s.Count}
	}
	if !o.Train {
		n.connect(g, steps)
	}
	return nil
}

// isNetworkFile says whether a model's name is a file's.
func isNetworkFile(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".onnx", ".csv":
		return true
	}
	return false
}

// Ops counts those of products, convolutions and fused attention: what the
// rest does is not what networks are sized by.
func (n *Network) Ops() (total int64) {
	for i := range n.Layers {
		l := &n.Layers[i]
		switch l.Work.Kind {
		case KindGEMM, KindConv, KindAttention, KindConvPool:
			total += int64(l.Count) * l.Work.Shape().Ops()
		}
	}
	return total * n.devices()
}

// Compiled says whether an inference compiler has laid the network out.
func (n *Network) Compiled() bool { return n.Fused && n.Phase == PhaseInfer }

// devices are those of a pipeline stage.
func (n *Network) devices() int64 {
	return int64(max(1, n.Parallel.Data) * max(1, n.Parallel.Tensor))
}

// Bytes is what the layers read and write, each once per layer.
func (n *Network) Bytes() (total float64) {
	for i := range n.Layers {
		l := &n.Layers[i]
		total += float64(l.Count) * l.Work.Shape().Bytes()
	}
	return total * float64(n.devices())
}

// Type is the type of the network.
func (n *Network) Type() string { return n.DType }

// Batches is the number of samples.
func (n *Network) Batches() int { return n.Batch }

// Unforced is the network: it forces no kernels.
func (n *Network) Unforced() Shape { return n }

// Naive is the same network layer by layer; ok is false where it is that already.
func (n *Network) Naive() (w Workload, ok bool) {
	if !n.Fused || n.table {
		return Workload{}, false
	}
	c := *n
	c.Fused = false
	w, err := OfNetwork(c)
	return w, err == nil
}
