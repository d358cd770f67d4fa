package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	tensor := func(name string, shape ...int) *Tensor { return &Tensor{Name: name, Shape: shape} }
	x := &Tensor{Name: "x", Shape: []int{2, 3}, Role: Input}
	relu := func(name string, in, out *Tensor) *Node {
		return &Node{Name: name, Op: Eltwise, In: []*Tensor{in}, Out: out, Attr: Attr{Fn: "relu"}}
	}
	u, v, w := tensor("u", 2, 3), tensor("v", 2, 3), tensor("w", 2, 3)
	for name, c := range map[string]struct {
		g    Graph
		want string
	}{
		"cycle":    {Graph{Inputs: []*Tensor{x}, Nodes: []*Node{relu("a", v, u), relu("b", u, v)}, Outputs: []*Tensor{v}}, "the graph has a cycle: a -> b -> a"},
		"self":     {Graph{Nodes: []*Node{relu("a", u, u)}, Outputs: []*Tensor{u}}, "cycle: a -> a"},
		"dangling": {Graph{Inputs: []*Tensor{x}, Nodes: []*Node{relu("a", w, u)}, Outputs: []*Tensor{u}}, `node "a" (eltwise) reads "w", which nothing computes`},
		"empty":    {Graph{Inputs: []*Tensor{x}, Nodes: []*Node{relu("a", x, tensor("u", 2, 0))}, Outputs: []*Tensor{u}}, `tensor "u": shape 2x0 is empty`},
		"twice":    {Graph{Inputs: []*Tensor{x}, Nodes: []*Node{relu("a", x, u), relu("b", x, u)}, Outputs: []*Tensor{u}}, "both compute"},
		"output":   {Graph{Inputs: []*Tensor{x}, Nodes: []*Node{relu("a", x, u)}, Outputs: []*Tensor{w}}, `output "w": nothing computes it`},
		"none":     {Graph{Inputs: []*Tensor{x}, Nodes: []*Node{relu("a", x, u)}}, "no outputs"},
		"huge":     {Graph{Inputs: []*Tensor{tensor("x", 1<<20, 1<<20, 1<<20)}}, "more than 2^40 elements"},
	} {
		if err := c.g.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	// Nodes in any order come into one that can run.
	g := Graph{Inputs: []*Tensor{x}, Nodes: []*Node{relu("c", v, w), relu("b", u, v), relu("a", x, u)}, Outputs: []*Tensor{w}}
	if err := g.Check(); err != nil || g.Nodes[0].Name != "a" || g.Nodes[2].Name != "c" {
		t.Errorf("%v in the order %v", err, g.Nodes)
	}
}

func lower(t *testing.T, g *Graph, o Options) []string {
	t.Helper()
	steps, err := g.Lower(o)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range steps {
		kind, rest, _ := strings.Cut(s.Work, ":")
		text := s.Layer + " " + kind
		for _, key := range []string{"op=", "epilogue=", "pass=", "k="} {
			for _, kv := range strings.Split(rest, ",") {
				if strings.HasPrefix(kv, key) && kv != "pass=fwd" {
					text += " " + kv
				}
			}
		}
		if s.Count > 1 {
			text += fmt.Sprint(" x", s.Count)
		}
		out = append(out, text)
	}
	return out
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// A residual block: batch norms fold, the later of the two convolutions adds
// what the earlier one wrote, and nothing else is left.
func TestResidualBlock(t *testing.T) {
	b := NewBuilder("block", 2)
	x := b.Input("x", 2, 64, 8, 8)
	main := b.BatchNorm("bn1", b.Conv("conv1", x, 32, Square(3, 1, 1), false))
	side := b.BatchNorm("bn2", b.Conv("conv2", x, 32, Square(1, 1, 0), false))
	g, err := b.Done(b.Unary("relu", "relu", b.Binary("add", "add", main, side)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "layer by layer", lower(t, g, Options{DType: "fp16"}),
		"conv1 conv k=32", "bn1 batchnorm", "conv2 conv k=32", "bn2 batchnorm", "add elementwise op=add", "relu elementwise op=relu")
	f, err := g.Fuse("fp16")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "fused", lower(t, f, Options{DType: "fp16"}), "conv1 conv epilogue=bias k=32", "conv2 conv epilogue=bias+add+relu k=32")
	if f.MACs() != g.MACs() {
		t.Errorf("%d multiply-adds, before %d", f.MACs(), g.MACs())
	}
	same(t, "the graph itself", lower(t, g, Options{DType: "fp16"})[:2], "conv1 conv k=32", "bn1 batchnorm")
	// Both gradients of each node, from the end; the input has none.
	same(t, "training", lower(t, g, Options{DType: "fp32", Train: true})[6:],
		"relu/bwd elementwise op=mul", "bn2/bwd batchnorm pass=bwd", "conv2/bwd_weight conv pass=bwd_weight k=32",
		"bn1/bwd batchnorm pass=bwd", "conv1/bwd_weight conv pass=bwd_weight k=32", "update/momentum optimizer op=momentum")
}

// A result that two nodes read cannot vanish into an epilogue.
func TestFusionKeepsWhatIsRead(t *testing.T) {
	b := NewBuilder("two", 1)
	x := b.Input("x", 1, 8, 8, 8)
	y := b.Conv("conv", x, 8, Square(3, 1, 1), true)
	g, err := b.Done(b.Binary("mul", "mul", b.Unary("relu", "relu", y), y))
	if err != nil {
		t.Fatal(err)
	}
	f, err := g.Fuse("fp32")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "fused", lower(t, f, Options{DType: "fp32"}), "conv conv epilogue=bias k=8", "relu|mul elementwise op=relu+mul")
	// Nor can an output of the network.
	b = NewBuilder("out", 1)
	y = b.Conv("conv", b.Input("x", 1, 8, 8, 8), 8, Square(3, 1, 1), true)
	g, err = b.Done(y, b.Unary("relu", "relu", y))
	if err != nil {
		t.Fatal(err)
	}
	if f, err = g.Fuse("fp32"); err != nil {
		t.Fatal(err)
	}
	same(t, "fused with an output inside", lower(t, f, Options{DType: "fp32"}), "conv conv epilogue=bias k=8", "relu elementwise op=relu")
}

// Convolutions of 1x1 that share their input become one, and concatenations
// cost nothing when what they join can be written in place.
func TestHorizontal(t *testing.T) {
	b := NewBuilder("inception", 1)
	x := b.Input("x", 1, 16, 8, 8)
	relu := func(n string, k int, x *Tensor, a Attr) *Tensor {
		return b.Unary(n+".relu", "relu", b.Conv(n, x, k, a, true))
	}
	one := Square(1, 1, 0)
	p := relu("p", 8, x, one)
	q := relu("q2", 12, relu("q1", 4, x, one), Square(3, 1, 1))
	r := relu("r", 6, b.Pool("pool", "max", x, Square(3, 1, 1), false), one)
	g, err := b.Done(b.Concat("cat", 1, p, q, r))
	if err != nil {
		t.Fatal(err)
	}
	f, err := g.Fuse("fp16")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "fused", lower(t, f, Options{DType: "fp16"}),
		"p|q1 conv epilogue=bias+relu k=12", "q2 conv epilogue=bias+relu k=12", "pool pool op=max", "r conv epilogue=bias+relu k=6")
	if f.MACs() != g.MACs() {
		t.Errorf("%d multiply-adds, before %d", f.MACs(), g.MACs())
	}
}

func TestFusedAttention(t *testing.T) {
	const batch, seq, heads, dim = 2, 16, 4, 8
	b := NewBuilder("attention", batch)
	x := b.Input("x", batch*seq, heads*dim)
	mask := b.Buffer("mask", seq, seq)
	var p [3]*Tensor
	for i := range p {
		n := string("qkv"[i])
		p[i] = b.Reshape(n+"r", b.Linear(n, x, heads*dim, true), batch, seq, heads, dim)
		p[i] = b.Transpose(n+"t", p[i], 0, 2, 1, 3)
	}
	s := b.Masked("mask", b.Unary("scale", "mulu", b.MatMul("scores", p[0], p[1], true)), mask, true)
	y := b.Transpose("t", b.MatMul("context", b.Softmax("softmax", s), p[2], false), 0, 2, 1, 3)
	g, err := b.Done(b.Linear("out", b.Reshape("join", y, batch*seq, heads*dim), heads*dim, true))
	if err != nil {
		t.Fatal(err)
	}
	f, err := g.Fuse("fp16")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "fp16", lower(t, f, Options{DType: "fp16"}), "q|k|v gemm epilogue=bias k=32", "context attention", "out gemm epilogue=bias k=32")
	steps, _ := f.Lower(Options{DType: "fp16"})
	if want := "attention:batch=2,heads=4,seq=16,dim=8,dtype=fp16,causal=true"; steps[1].Work != want {
		t.Errorf("got %s, want %s", steps[1].Work, want)
	}
	if f.MACs() != g.MACs() {
		t.Errorf("%d multiply-adds, before %d", f.MACs(), g.MACs())
	}
	if f, err = g.Fuse("fp32"); err != nil {
		t.Fatal(err)
	}
	same(t, "fp32", lower(t, f, Options{DType: "fp32"}), "q|k|v gemm epilogue=bias k=32",
		"qt elementwise op=copy", "kt elementwise op=copy", "vt elementwise op=copy", "scores gemm k=8", "scale|mask elementwise op=mulu+addu",
		"softmax softmax", "context gemm k=16", "t elementwise op=copy", "out gemm epilogue=bias k=32")
}

// The peak of a chain is two tensors; training keeps what gradients need.
func TestMemory(t *testing.T) {
	b := NewBuilder("chain", 4)
	x := b.Input("x", 4, 100)
	for i := range 5 {
		x = b.Unary(fmt.Sprint("relu", i), "relu", b.Linear(fmt.Sprint("fc", i), x, 100, false))
	}
	g, err := b.Done(x)
	if err != nil {
		t.Fatal(err)
	}
	const act, weights = 4 * 100 * 4, 5 * 100 * 100 * 4
	if m := g.Memory(Options{DType: "fp32"}); m.Weights != weights || m.Activations != 2*act || m.Gradients+m.Optimizer != 0 {
		t.Errorf("inference: %+v", m)
	}
	// The input, the result of each ReLU (read by its own gradient and by the
	// next product's), and at the peak two gradients. The product's result goes
	// when the ReLU has read it.
	m := g.Memory(Options{DType: "fp32", Train: true, Optimizer: "adam"})
	if m.Activations != (6+2)*act || m.Gradients != weights || m.Optimizer != 2*weights {
		t.Errorf("training: %+v, want %d of activations", m, 8*act)
	}
	half := g.Memory(Options{DType: "fp16", Train: true, Optimizer: "adam"})
	if half.Activations != m.Activations/2 || half.Weights != weights/2 || half.Optimizer != 3*weights {
		t.Errorf("fp16: %+v", half)
	}
	passes := Options{DType: "fp16", Train: true, Optimizer: NoOptimizer}
	if bare := g.Memory(passes); bare.Optimizer != 0 || bare.Gradients != half.Gradients || bare.Activations != half.Activations {
		t.Errorf("without an update: %+v", bare)
	}
	steps, err := g.Lower(passes)
	if err != nil {
		t.Fatal(err)
	}
	if last := steps[len(steps)-1]; last.Pass != Backward {
		t.Errorf("without an update %s comes last", last.Layer)
	}
	if i4 := g.Memory(Options{DType: "int4"}); i4.Weights != weights/8 {
		t.Errorf("int4: %+v", i4)
	}
}
