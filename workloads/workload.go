// Package workloads says what to simulate: it reads the workload strings and
// files that users type and turns them into shapes. Its subpackages turn
// shapes into kernels.
package workloads

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of workloads.
const (
	KindGEMM = "gemm" // a matrix product
	KindConv = "conv" // a convolution
)

// Shape is what a workload computes.
type Shape interface {
	String() string  // canonical form
	Short() string   // the shortest form that Parse reads back to the same
	Ops() int64      // multiply and add count as two, always counted directly
	Bytes() float64  // of inputs and outputs, each once
	Type() string    // canonical type of the elements
	Batches() int    // independent samples
	Unforced() Shape // without a kernel or an algorithm of one machine's library
}

// Workload is one thing to simulate. Exactly one of the pointers is set,
// named by Kind.
type Workload struct {
	Kind       string
	GEMM       *GEMM
	Conv       *Conv
	Layer      *Layer
	Net        *Network
	Custom     *Custom
	Collective *Collective
	Text       string // canonical form; Parse(Text) gives the same workload
}

// String gives the canonical form.
func (w Workload) String() string { return w.Text }

// Shape is the pointer that is set.
func (w Workload) Shape() Shape {
	switch {
	case w.GEMM != nil:
		return w.GEMM
	case w.Conv != nil:
		return w.Conv
	case w.Layer != nil:
		return w.Layer
	case w.Net != nil:
		return w.Net
	case w.Custom != nil:
		return w.Custom
	case w.Collective != nil:
		return w.Collective
	}
	return nil
}

// Short gives the shortest form that Parse reads back to the same workload.
func (w Workload) Short() string {
	if s := w.Shape(); s != nil {
		return s.Short()
	}
	return w.Text
}

// Of is the workload of a shape, which must have come from a workload.
func Of(s Shape) Workload {
	w := Workload{Text: s.String()}
	switch s := s.(type) {
	case *GEMM:
		w.Kind, w.GEMM = KindGEMM, s
	case *Conv:
		w.Kind, w.Conv = KindConv, s
	case *Layer:
		w.Kind, w.Layer = s.Kind, s
	case *Network:
		w.Kind, w.Net = KindNetwork, s
	case *Custom:
		w.Kind, w.Custom = KindCustom, s
	case *Collective:
		w.Kind, w.Collective = KindCollective, s
	}
	return w
}

// Error is a mistake in a workload or a workload file. Unsupported marks what
// is well formed but not built yet.
type Error struct {
	File        string // empty for a workload typed on the command line
	Line        int    // 1-based, 0 when no line can be named
	Text        string // the workload as typed, may be empty
	Reason      string
	Unsupported bool
}

// Error gives one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Text != "" {
		fmt.Fprintf(&b, "workload %q: ", e.Text)
	}
	b.WriteString(e.Reason)
	return b.String()
}

// kind is a form of the workload language: what stands before the colon.
type kind struct {
	name  string
	parse func(rest string) (Workload, error) // of what stands behind the colon
	forms []Form
}

// kinds are those that this build takes.
func kinds() []kind {
	out := []kind{gemmKind, convKind}
	for i := range layerKinds {
		out = append(out, layerKinds[i].kind())
	}
	return append(out, customKind, networkKind(),
		collectiveKind(AllReduce, "sum over the buffers of several GPUs, to all (on a system)", "bytes=64MiB,gpus=8",
			Form{"  algo=ring", "ring, tree, halving, in_switch (default: what the library chooses)"},
			Form{"  proto=simple", "simple, ll, ll128 (likewise)"},
			Form{"  direct=true", "one process: results go where they belong without a buffer"}),
		collectiveKind(ReduceScatter, "likewise, each GPU gets its block", "bytes=64MiB,gpus=8"),
		collectiveKind(AllGather, "blocks of all to all", "bytes=64MiB,gpus=8"),
		collectiveKind(Broadcast, "of one GPU's buffer", "bytes=64MiB,gpus=8,root=0"),
		collectiveKind(AllToAll, "block j of each GPU to GPU j", "bytes=64MiB,gpus=8"),
		collectiveKind(HaloExchange, "a buffer of each GPU to either neighbour in a ring", "bytes=1MiB,gpus=8"),
		collectiveKind(PointToPoint, "copy from one GPU to another", "bytes=1GiB,src=0,dst=1",
			Form{"  dir=read", "who starts it: write (the source), read (the destination)"},
			Form{"  both=true", "both ways at once"},
			Form{"  via=host", "through the host's memory"}),
	)
}

// Parse reads one workload string. Every error is an *Error.
func Parse(s string) (Workload, error) {
	text := strings.TrimSpace(s)
	name, rest, ok := strings.Cut(text, ":")
	switch {
	case text == "":
		return Workload{}, &Error{Reason: `empty workload (example: "gemm:4096x4096x4096:fp16")`}
	case !ok:
		return Workload{}, &Error{Text: text, Reason: `want KIND:PARAMETERS (example: "gemm:4096x4096x4096:fp16")`}
	}
	var names []string
	for _, k := range kinds() {
		if k.name == strings.ToLower(name) {
			w, err := k.parse(rest)
			var own *Error
			if err != nil && !errors.As(err, &own) {
				err = &Error{Text: text, Reason: err.Error()}
			}
			return w, err
		}
		names = append(names, k.name)
	}
	supported := " (supported: " + strings.Join(names, ", ") + ")"
	reason := fmt.Sprintf("unknown kind %q", name)
	if near, ok := Nearest(name, names); ok {
		reason += fmt.Sprintf(" (did you mean %q?)", near)
	} else {
		reason += supported
	}
	return Workload{}, &Error{Text: text, Reason: reason}
}

// Form describes one form of the workload language.
type Form struct {
	Form    string
	Meaning string
}

// List gives the forms that this build takes, for 'gpusim workload list'.
func List() []Form {
	var out []Form
	for _, k := range kinds() {
		out = append(out, k.forms...)
	}
	return append(out,
		Form{"FILE.yaml", "a list of workloads"},
		Form{"FILE.csv", "every row of a table of measured products, convolutions, layers, networks or all-reduces, a SCALE-Sim topology, or a table of layers"},
		Form{"FILE.onnx", "a network; model:FILE.onnx,batch=8,dtype=fp16 to say more, skip_unknown=true to leave operators out that are not known"},
	)
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
