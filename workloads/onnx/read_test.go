package onnx

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

var (
	image  = valueOf(11, "x", 1, 3, 8, 8)
	output = valueOf(12, "y")
	filter = weightOf("w", []int64{4, 3, 3, 3})
	relu   = encNode("act", "Relu", []string{"x"}, []string{"y"})
)

// What is wrong is said with the node's name, and nothing panics.
func TestReadErrors(t *testing.T) {
	conv := func(attrs ...[]byte) []byte {
		return encNode("c1", "Conv", []string{"x", "w"}, []string{"y"}, attrs...)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":       {nil, "holds no graph"},
		"text":        {[]byte("layer,m,n,k\n1,2,3\n"), "no ONNX file"},
		"huge length": {append(binaryTag(7), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), "are left"},
		"long number": {append(num(1, 1), bytes.Repeat([]byte{0xff}, 11)...), "byte"},
		"cycle": {onnxFile(image, output, encNode("a", "Relu", []string{"v"}, []string{"u"}), encNode("b", "Relu", []string{"u"}, []string{"v"}),
			encNode("c", "Relu", []string{"v"}, []string{"y"})), "cycle: a -> b -> a"},
		"dangling":      {onnxFile(image, output, encNode("act", "Relu", []string{"nope"}, []string{"y"})), `node "act" (Relu) reads "nope", which nothing computes`},
		"twice":         {onnxFile(image, output, relu, encNode("two", "Relu", []string{"x"}, []string{"y"})), `nodes "act" and "two" both compute "y"`},
		"no output":     {onnxFile(image, valueOf(12, "z"), relu), `output "z": nothing computes it`},
		"none":          {onnxFile(image, relu), "no output depends"},
		"open batch":    {onnxFile(valueOf(11, "x", -1, 3, 8, 8), output, relu), `input "x": its first side is "N", not a number; say how many samples with batch=N`},
		"open side":     {onnxFile(valueOf(11, "x", 1, 3, -1, 8), output, relu), `side 2 is "N", not a number`},
		"zero side":     {onnxFile(valueOf(11, "x", 1, 0, 8, 8), output, relu), "side 1 is 0"},
		"no shape":      {onnxFile(msg(11, text(1, "x")), output, relu), `input "x" has no shape`},
		"unknown":       {onnxFile(image, output, encNode("odd", "Frobnicate", []string{"x"}, []string{"y"})), `not known: Frobnicate (node "odd"); skip_unknown=true`},
		"empty output":  {onnxFile(image, output, weightOf("w", []int64{4, 3, 9, 9}), conv()), `node "c1" (conv): the output is empty: a 9x9 filter does not fit 8x8 points`},
		"wrong filters": {onnxFile(image, output, weightOf("w", []int64{4, 5, 3, 3}), conv()), `node "c1" (conv): filters 4x5x3x3 and 1 groups do not fit images of 1x3x8x8`},
		"bad stride":    {onnxFile(image, output, filter, conv(encInts("strides", 0, 1))), `node "c1" (Conv): a stride`},
		"huge pad":      {onnxFile(image, output, filter, conv(encInts("pads", 1<<40, 0, 0, 0))), "out of range"},
		"short pads":    {onnxFile(image, output, filter, conv(encInts("pads", 1, 1))), "pads has 2 numbers where 4"},
		"huge weights":  {onnxFile(image, output, weightOf("w", []int64{1 << 30, 1 << 30, 3, 3}), conv()), `initializer "w": shape`},
		"reshape":       {onnxFile(image, output, weightOf("s", []int64{2}, 7, -1), encNode("r", "Reshape", []string{"x", "s"}, []string{"y"})), "does not hold 192 elements"},
		"missing arg":   {onnxFile(image, output, encNode("c", "Conv", []string{"x"}, []string{"y"})), "operand 2 is missing"},
		"slice":         {onnxFile(image, output, encNode("s", "Slice", []string{"x"}, []string{"y"}, encInts("starts", 4), encInts("ends", 2), encInts("axes", 2))), `node "s" (Slice)`},
	} {
		_, err := Read(c.file, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", name, err, c.want)
		}
	}
}

func binaryTag(field int) []byte { return []byte{byte(field<<3 | 2)} }

// A file that ends at any byte is an error or, between fields, less of a graph.
func TestTruncated(t *testing.T) {
	whole := onnxFile(image, output, filter, encNode("c1", "Conv", []string{"x", "w"}, []string{"y"}, encInts("pads", 1, 1, 1, 1)))
	if _, err := Read(whole, Options{}); err != nil {
		t.Fatal(err)
	}
	graphEnd := len(whole) - len(msg(8, num(2, 13)))
	for n := range whole {
		if _, err := Read(whole[:n], Options{}); err == nil && n < graphEnd {
			t.Errorf("%d of %d bytes are read without an error", n, len(whole))
		}
	}
}

// A list that is put together with itself again and again does not grow without
// end: its values are forgotten, its length is not.
func TestDoublingList(t *testing.T) {
	parts := [][]byte{image, output, weightOf("l0", []int64{2}, 1, 1)}
	for i := range 40 {
		from := fmt.Sprintf("l%d", i)
		parts = append(parts, encNode("n"+from, "Concat", []string{from, from}, []string{fmt.Sprintf("l%d", i+1)}, encInt("axis", 0)))
	}
	parts = append(parts, encNode("r", "Reshape", []string{"x", "l40"}, []string{"y"}))
	if _, err := Read(onnxFile(parts...), Options{}); err == nil || !strings.Contains(err.Error(), "is not known before the network runs") {
		t.Errorf("got %v", err)
	}
}

// Unknown operators can be left out, and are named.
func TestSkipUnknown(t *testing.T) {
	f := onnxFile(image, output, filter,
		encNode("c1", "Conv", []string{"x", "w"}, []string{"a"}, encInts("pads", 1, 1, 1, 1)),
		encNode("odd", "Frobnicate", []string{"a"}, []string{"b"}), encNode("act", "Relu", []string{"b"}, []string{"y"}))
	g, err := Read(f, Options{SkipUnknown: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Skipped) != 1 || g.Skipped[0] != "odd" || len(g.Nodes) != 3 || g.MACs() != 4*3*9*64 {
		t.Errorf("got %v skipped, %d nodes, %d MAC", g.Skipped, len(g.Nodes), g.MACs())
	}
}

// Shapes that are computed from shapes are constants: PyTorch's way to flatten,
// and weights made at run time.
func TestConstantPropagation(t *testing.T) {
	f := onnxFile(valueOf(11, "x", 2, 3, 8, 8), output,
		weightOf("zero", nil, 0), weightOf("minus", []int64{1}, -1), weightOf("axis", []int64{1}, 0), weightOf("ws", []int64{2}, 192, 5),
		encNode("shape", "Shape", []string{"x"}, []string{"s"}), encNode("first", "Gather", []string{"s", "zero"}, []string{"n"}),
		encNode("list", "Unsqueeze", []string{"n", "axis"}, []string{"n1"}), encNode("cat", "Concat", []string{"n1", "minus"}, []string{"to"}, encInt("axis", 0)),
		encNode("flat", "Reshape", []string{"x", "to"}, []string{"rows"}), encNode("weights", "ConstantOfShape", []string{"ws"}, []string{"w"}),
		encNode("fc", "MatMul", []string{"rows", "w"}, []string{"y"}))
	g, err := Read(f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Outputs[0].Dims(); got != "2x5" || g.MACs() != 2*192*5 || g.Parameters() != 192*5 {
		t.Errorf("output %s, %d MAC, %d parameters", got, g.MACs(), g.Parameters())
	}
	if g, err = Read(f, Options{Batch: 7}); err != nil || g.Outputs[0].Dims() != "7x5" {
		t.Errorf("with seven samples: %v", err)
	}
}

// Reading anything ends without a panic and in bounded time.
func FuzzRead(f *testing.F) {
	f.Add(onnxFile(image, output, filter, encNode("c1", "Conv", []string{"x", "w"}, []string{"y"}, encInts("pads", 1, 1, 1, 1), encInt("group", 1))))
	f.Add(onnxFile(image, output, weightOf("s", []int64{2}, 0, -1), encNode("r", "Reshape", []string{"x", "s"}, []string{"v"}), encNode("p", "Softmax", []string{"v"}, []string{"y"})))
	f.Add(onnxFile(image, output, encNode("m", "MaxPool", []string{"x"}, []string{"v"}, encInts("kernel_shape", 2, 2)), encNode("odd", "Odd", []string{"v"}, []string{"y"})))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, o := range []Options{{}, {Batch: 3, SkipUnknown: true}} {
			g, err := Read(data, o)
			if err != nil {
				if strings.Contains(err.Error(), "\n") && !bytes.Contains(data, []byte("\n")) {
					t.Errorf("an error of two lines: %q", err)
				}
				continue
			}
			if err := g.Check(); err != nil {
				t.Errorf("the graph that was read is not one: %v", err)
			}
		}
	})
}
