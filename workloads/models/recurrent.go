package models

import "gpusim/workloads/graph"

// recurrentNets are single layers, as DeepBench measures them: the input goes
// into the gates without a projection (CUDNN_SKIP_INPUT) unless one is asked for.
func recurrentNets() []Model {
	layer := func(n, meaning string, op graph.Op, aliases ...string) Model {
		return Model{
			Name: n, Meaning: meaning, Keys: []string{"hidden", "steps", "input"}, Aliases: aliases,
			def: Spec{Batch: 32, Hidden: 1024, Steps: 25},
			build: func(b *graph.Builder, s Spec) *graph.Tensor {
				in := s.Input
				if in == 0 {
					in = s.Hidden
				}
				return b.Recurrent(n, op, b.Input("data", s.Steps, s.Batch, in), s.Hidden, s.Input > 0)
			},
		}
	}
	return []Model{
		layer("rnn", "a vanilla recurrent layer (DeepBench): hidden=1760,steps=50", graph.RNN, "vanilla"),
		layer("lstm", "an LSTM layer (DeepBench): hidden=1024,steps=25; input=FEATURES with a projection", graph.LSTM),
		layer("gru", "a GRU layer (DeepBench): hidden=2816,steps=1500", graph.GRU),
	}
}
