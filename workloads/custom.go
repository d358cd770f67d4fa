package workloads

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// KindCustom is a kernel that a file describes.
const KindCustom = "custom"

// Custom is a kernel described by formulas: the output's element in terms of the
// inputs' at the same place, and of sums and maxima along its row.
type Custom struct {
	File       string
	Name       string
	Rows, Cols int
	DType      string
	Inputs     []CustomInput
	Output     string
	Lets       []Let // in order; the last one is the output
	sized      string
}

// CustomInput is a tensor: rows x cols elements, with shape row one for each
// column (the same for all rows), with col one for each row.
type CustomInput struct{ Name, Shape string }

// Let gives a formula a name.
type Let struct {
	Name string
	Expr *Expr
}

var customKeys = []string{"name", "rows", "cols", "dtype", "inputs", "output", "let"}

// customKind reads what stands behind "custom:": a file, and sizes that replace
// the file's.
var customKind = kind{
	name: KindCustom,
	parse: func(rest string) (Workload, error) {
		file, sized, more := strings.Cut(rest, ",")
		file = strings.TrimSpace(file)
		if file == "" {
			return Workload{}, fmt.Errorf("want custom:FILE.yaml")
		}
		text, err := readAll(file)
		if err != nil {
			return Workload{}, err
		}
		c, err := readCustom(file, text)
		if err != nil {
			return Workload{}, err
		}
		if more {
			err = pairs(sized, []string{"rows", "cols", "dtype"}, nil, map[string]bool{}, func(key, value string) (err error) {
				switch key {
				case "rows":
					c.Rows, err = dim(key, value)
				case "cols":
					c.Cols, err = dim(key, value)
				case "dtype":
					c.DType, err = DType(value)
				}
				c.sized += "," + key + "=" + value
				return err
			})
			if err != nil {
				return Workload{}, err
			}
		}
		if c.Rows > maxElements/c.Cols {
			return Workload{}, fmt.Errorf("%d x %d elements are more than 2^36", c.Rows, c.Cols)
		}
		if !contains(layerTypes, c.DType) {
			return Workload{}, fmt.Errorf("dtype=%s (allowed for custom: %s)", c.DType, strings.Join(layerTypes, ", "))
		}
		return Of(c), nil
	},
	forms: []Form{
		{"custom:FILE.yaml", "a kernel of your own: inputs, an output and a formula for its element; rows=, cols=, dtype= replace the file's"},
	},
}

// readCustom reads a description. Errors have their line.
func readCustom(file string, text []byte) (*Custom, error) {
	fail := func(line int, format string, a ...any) (*Custom, error) {
		return nil, &Error{File: file, Line: line, Reason: fmt.Sprintf(format, a...)}
	}
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return fail(0, "empty file (want a custom kernel: %s)", strings.Join(customKeys, ", "))
		}
		return fail(0, "%s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return fail(top.Line, "want keys: %s", strings.Join(customKeys, ", "))
	}
	c := &Custom{File: file, Name: "custom_kernel", Rows: 1, DType: "fp32"}
	seen := map[string]bool{}
	var formulas []*yaml.Node
	var outputLine int
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i].Value, top.Content[i+1]
		if !contains(customKeys, key) {
			if near, ok := Nearest(key, customKeys); ok {
				return fail(top.Content[i].Line, "unknown key %q (did you mean %q?)", key, near)
			}
			return fail(top.Content[i].Line, "unknown key %q (allowed: %s)", key, strings.Join(customKeys, ", "))
		}
		if seen[key] {
			return fail(top.Content[i].Line, "%s is given twice", key)
		}
		seen[key] = true
		if list := key == "inputs" || key == "let"; list != (value.Kind == yaml.SequenceNode) || !list && value.Kind != yaml.ScalarNode {
			return fail(value.Line, "%s: want %s", key, map[bool]string{true: "a list", false: "one value"}[list])
		}
		var err error
		switch key {
		case "name":
			c.Name, err = value.Value, kernelName(value.Value)
		case "rows":
			c.Rows, err = dim(key, value.Value)
		case "cols":
			c.Cols, err = dim(key, value.Value)
		case "dtype":
			c.DType, err = DType(value.Value)
		case "output":
			c.Output, outputLine = value.Value, value.Line
		case "inputs":
			for _, n := range value.Content {
				name, shape, _ := strings.Cut(n.Value, ":")
				in := CustomInput{strings.TrimSpace(name), strings.TrimSpace(shape)}
				if n.Kind == yaml.MappingNode && len(n.Content) == 2 { // "w: row" unquoted
					in = CustomInput{n.Content[0].Value, n.Content[1].Value}
				}
				if !isName(in.Name) || in.Shape != "" && in.Shape != "row" && in.Shape != "col" {
					return fail(n.Line, "inputs: want NAME, NAME: row or NAME: col (a value for each column, or for each row)")
				}
				if c.knows(in.Name) {
					return fail(n.Line, "inputs: %s stands twice", in.Name)
				}
				c.Inputs = append(c.Inputs, in)
			}
		case "let":
			formulas = value.Content
		}
		if err != nil {
			return fail(value.Line, "%v", err)
		}
	}
	for _, key := range []string{"cols", "inputs", "output"} {
		if !seen[key] {
			return fail(top.Line, "%s is missing", key)
		}
	}
	for _, n := range formulas {
		if err := c.let(n.Value, n.Kind == yaml.ScalarNode); err != nil {
			return fail(n.Line, "let: %v", err)
		}
	}
	if err := c.let(c.Output, true); err != nil {
		return fail(outputLine, "output: %v", err)
	}
	c.Output = c.Lets[len(c.Lets)-1].Name
	return c, nil
}

func isName(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && (i == 0 || !isDigit(s[i])) {
			return false
		}
	}
	return s != ""
}

// most formulas and tensors of a custom kernel.
const (
	mostLets   = 64
	mostInputs = 8
)

// let adds "NAME = FORMULA".
func (c *Custom) let(s string, scalar bool) error {
	name, formula, ok := strings.Cut(s, "=")
	name = strings.TrimSpace(name)
	switch {
	case !scalar || !ok || !isName(name):
		return fmt.Errorf("want NAME = FORMULA")
	case c.knows(name):
		return fmt.Errorf("%s has a meaning already", name)
	case len(c.Lets) >= mostLets:
		return fmt.Errorf("more than %d formulas", mostLets)
	case len(c.Inputs) == 0 || len(c.Inputs) > mostInputs:
		return fmt.Errorf("%d inputs (allowed 1..%d)", len(c.Inputs), mostInputs)
	}
	e, err := ParseExpr(strings.TrimRight(formula, " "))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	e.walk(func(x *Expr) {
		if x.Name != "" && !c.knows(x.Name) && err == nil {
			err = fmt.Errorf("%s: nothing is called %q before this line", name, x.Name)
		}
	})
	if err != nil {
		return err
	}
	c.Lets = append(c.Lets, Let{name, e})
	return nil
}

func (c *Custom) knows(name string) bool {
	for _, in := range c.Inputs {
		if in.Name == name {
			return true
		}
	}
	for _, l := range c.Lets {
		if l.Name == name {
			return true
		}
	}
	return false
}

// String is the form that Parse reads back.
func (c *Custom) String() string { return KindCustom + ":" + c.File + c.sized }

// Sized is the form with another type of elements.
func (c *Custom) Sized(dtype string) string { return c.String() + ",dtype=" + dtype }

// Short is the same.
func (c *Custom) Short() string { return c.String() }

// Ops counts each operator and function of the formulas as one for each element.
func (c *Custom) Ops() int64 {
	n := 0
	for _, l := range c.Lets {
		l.Expr.walk(func(e *Expr) {
			if e.Func != "" {
				n++
			}
		})
	}
	return int64(n) * int64(c.Rows) * int64(c.Cols)
}

// Bytes is the size of inputs and output.
func (c *Custom) Bytes() float64 {
	n := float64(c.Rows) * float64(c.Cols)
	for _, in := range c.Inputs {
		switch in.Shape {
		case "row":
			n += float64(c.Cols)
		case "col":
			n += float64(c.Rows)
		default:
			n += float64(c.Rows) * float64(c.Cols)
		}
	}
	return n * float64(elemBytes[c.DType])
}

// Type is the type of the elements.
func (c *Custom) Type() string { return c.DType }

// Batches is 1: the file does not say.
func (c *Custom) Batches() int { return 1 }

// Unforced is the kernel itself.
func (c *Custom) Unforced() Shape { return c }
