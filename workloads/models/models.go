// Package models builds the networks that the program knows by name.
package models

import (
	"fmt"
	"slices"
	"strings"

	"gpusim/workloads/graph"
)

// Spec is what a network may be asked for. Zero means the network's default.
type Spec struct {
	Batch  int  // samples
	Seq    int  // tokens of a sample
	Steps  int  // of a recurrent layer
	Hidden int  // units of a recurrent layer
	Input  int  // features that a recurrent layer projects; 0: none, they go into the gates as they are
	NoHead bool // without the projection onto words
	Train  bool // parameters are to be trained, which BERT's are by predicting words
	Tensor int  // devices that share each layer; 0: one
}

// Model is a network.
type Model struct {
	Name    string
	Meaning string
	Keys    []string // of Spec that it takes beside batch, in lower case
	Aliases []string // other names, without hyphens and underscores
	Heads   int      // of attention: devices that share a layer must divide them; 0: layers cannot be shared
	Blocks  bool     // devices that share layers have a block of the images each
	def     Spec
	build   func(b *graph.Builder, s Spec) *graph.Tensor
}

// List gives the networks in the order in which they are documented.
func List() []Model {
	return slices.Concat(imageNets(), residualNets(), languageNets(), tpuNets(), recurrentNets(), localNets())
}

// Find gives a network by its name or another one.
func Find(name string) (Model, bool) {
	plain := strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
	for _, m := range List() {
		if strings.ReplaceAll(strings.ReplaceAll(m.Name, "-", ""), ".", "") == plain || slices.Contains(m.Aliases, plain) {
			return m, true
		}
	}
	return Model{}, false
}

// Names lists the networks.
func Names() (out []string) {
	for _, m := range List() {
		out = append(out, m.Name)
	}
	return out
}

// Takes says whether a key means something to the network.
func (m *Model) Takes(key string) bool { return slices.Contains(m.Keys, key) }

// Complete fills in defaults.
func (m *Model) Complete(s Spec) Spec {
	for _, f := range []struct{ to, def *int }{
		{&s.Batch, &m.def.Batch}, {&s.Seq, &m.def.Seq}, {&s.Steps, &m.def.Steps}, {&s.Hidden, &m.def.Hidden}, {&s.Input, &m.def.Input},
	} {
		if *f.to == 0 {
			*f.to = *f.def
		}
	}
	s.Batch, s.Tensor = max(1, s.Batch), max(1, s.Tensor)
	return s
}

// Build makes the network's graph.
func (m *Model) Build(s Spec) (*graph.Graph, error) {
	s = m.Complete(s)
	switch {
	case s.Tensor > 1 && m.Heads == 0 && !m.Blocks:
		return nil, fmt.Errorf("tensor=%d: its layers cannot be shared by devices (those of transformers can)", s.Tensor)
	case s.Tensor > 1 && m.Heads > 0 && m.Heads%s.Tensor != 0:
		return nil, fmt.Errorf("tensor=%d does not divide its %d attention heads", s.Tensor, m.Heads)
	}
	b := graph.NewBuilder(m.Name, s.Batch)
	out := m.build(b, s)
	g, err := b.Done(out)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	return g, nil
}

// name joins parts of a layer's name.
func name(format string, a ...any) string { return fmt.Sprintf(format, a...) }
