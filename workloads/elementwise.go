package workloads

import (
	"fmt"
	"strings"
)

// ElementOp is an operation that an element-wise layer does to each element.
type ElementOp struct {
	Name   string
	Tensor bool    // it takes a second tensor of the same size
	Ops    float64 // operations of its formula
}

// elementOps are those that the language knows. Those that end in u take a
// scalar for the second tensor.
var elementOps = []ElementOp{
	{"relu", false, 1}, {"relu6", false, 2}, {"leakyrelu", false, 2},
	{"gelu", false, 5}, {"gelu_tanh", false, 9}, {"sigmoid", false, 4}, {"silu", false, 5}, {"tanh", false, 1},
	{"exp", false, 1}, {"log", false, 1}, {"sqrt", false, 1}, {"rsqrt", false, 1}, {"abs", false, 1}, {"neg", false, 1}, {"square", false, 1},
	{"add", true, 1}, {"sub", true, 1}, {"mul", true, 1}, {"div", true, 1}, {"pow", true, 1}, {"max", true, 1}, {"min", true, 1},
	{"addu", false, 1}, {"subu", false, 1}, {"mulu", false, 1}, {"divu", false, 1}, {"powu", false, 1}, {"maxu", false, 1}, {"minu", false, 1},
	{"bias", false, 1}, {"copy", false, 0}, {"cast", false, 0}, {"mask", false, 1}, {"dropout", false, 2},
}

func elementOpNames() string {
	var names []string
	for _, o := range elementOps {
		names = append(names, o.Name)
	}
	return strings.Join(names, ", ")
}

// Chain is the operations of an element-wise layer, in order.
func (l *Layer) Chain() ([]ElementOp, error) {
	var out []ElementOp
	var names []string
	for _, o := range elementOps {
		names = append(names, o.Name)
	}
next:
	for _, name := range strings.Split(l.Op, "+") {
		for _, o := range elementOps {
			if o.Name == name {
				out = append(out, o)
				continue next
			}
		}
		if near, ok := Nearest(name, names); ok {
			return nil, fmt.Errorf("unknown op %q (did you mean %q?)", name, near)
		}
		return nil, fmt.Errorf("unknown op %q (allowed: %s)", name, strings.Join(names, ", "))
	}
	if len(out) > maxChain {
		return nil, fmt.Errorf("a chain of %d operations (allowed: up to %d)", len(out), maxChain)
	}
	return out, nil
}

// maxChain bounds the operations of one kernel.
const maxChain = 8

func (l *Layer) checkElementwise() error {
	chain, err := l.Chain()
	if err != nil {
		return err
	}
	bias, cast := false, false
	for _, o := range chain {
		bias = bias || o.Name == "bias"
		cast = cast || o.Name == "cast"
	}
	if bias && l.Channels == 0 {
		return fmt.Errorf("op=bias needs channels (and inner, the elements per channel that follow each other)")
	}
	if !bias && l.Channels+l.Inner > 0 {
		return fmt.Errorf("channels and inner go with op=bias")
	}
	if bias && l.Inner == 0 {
		l.Inner = 1
	}
	if l.To == noWord || l.To == "" {
		l.To = noWord
		if cast {
			return fmt.Errorf("op=cast needs to=TYPE (allowed: %s)", strings.Join(layerTypes, ", "))
		}
		return nil
	}
	if !cast {
		return fmt.Errorf("to=%s goes with op=cast", l.To)
	}
	if l.To, err = DType(l.To); err != nil {
		return err
	}
	if !contains(layerTypes, l.To) {
		return fmt.Errorf("to=%s (allowed: %s)", l.To, strings.Join(layerTypes, ", "))
	}
	return nil
}

// Out is the type of an element-wise layer's result.
func (l *Layer) Out() string {
	if l.To == "" || l.To == noWord {
		return l.DType
	}
	return l.To
}

func (l *Layer) countElementwise() (ops, bytes float64, ok bool) {
	chain, err := l.Chain()
	if err != nil {
		return 0, 0, false
	}
	n := float64(l.Size)
	bytes = n * (l.elem() + float64(elemBytes[l.Out()]))
	for _, o := range chain {
		ops += n * o.Ops
		switch {
		case o.Tensor:
			bytes += n * l.elem()
		case o.Name == "bias":
			bytes += float64(l.Channels) * l.elem()
		case o.Name == "mask", o.Name == "dropout": // reads or writes a byte for each
			bytes += n
		}
	}
	return ops, bytes, true
}
