package models

import "gpusim/workloads/graph"

// tpuNets stand for the six networks of Jouppi et al., ISCA 2017, which tells
// of each the number of layers by type, the weights and the operations per
// weight byte (Table 1), not the shapes. The rule: layers of a type are all
// equal and square, and as wide as the weights make them. Operations per weight
// and sample (column divided by the batch) tell how often a weight is used: once
// in MLPs and LSTMs; 361 times in CNN0, so maps of 19 x 19; 55 times in CNN1,
// which is what 27.5 million weights on maps of 14 x 14 and 72.5 million in
// fully connected layers make.
func tpuNets() []Model {
	return []Model{
		{Name: "tpu-mlp0", Meaning: "five layers of 2000 (TPU paper, 20 million weights)", Aliases: []string{"mlp0"}, def: Spec{Batch: 200}, build: mlp(5, 2000)},
		{Name: "tpu-mlp1", Meaning: "four layers of 1120 (5 million)", Aliases: []string{"mlp1"}, def: Spec{Batch: 168}, build: mlp(4, 1120)},
		{Name: "tpu-lstm0", Meaning: "six LSTM layers of 1040, 24 matrices (52 million)", Aliases: []string{"lstm0"}, Keys: []string{"steps"}, def: Spec{Batch: 64, Steps: 1}, build: lstms(6, 1040, 0)},
		{Name: "tpu-lstm1", Meaning: "nine LSTM layers of 680 and a fully connected one, 37 matrices (34 million)", Aliases: []string{"lstm1"}, Keys: []string{"steps"}, def: Spec{Batch: 96, Steps: 1}, build: lstms(9, 680, 680)},
		{Name: "tpu-cnn0", Meaning: "16 convolutions 3x3 of 236 channels on 19 x 19 (8 million)", Aliases: []string{"cnn0"}, def: Spec{Batch: 8}, build: cnn0},
		{Name: "tpu-cnn1", Meaning: "72 convolutions 3x3 of 206 channels on 14 x 14, 13 poolings, 4 layers of 4880 (100 million)", Aliases: []string{"cnn1"}, def: Spec{Batch: 32}, build: cnn1},
	}
}

func mlp(layers, width int) func(b *graph.Builder, s Spec) *graph.Tensor {
	return func(b *graph.Builder, s Spec) *graph.Tensor {
		x := b.Input("data", s.Batch, width)
		for i := range layers {
			n := name("fc%d", i+1)
			x = b.Unary(n+".relu", "relu", b.Linear(n, x, width, true))
		}
		return x
	}
}

func lstms(layers, width, last int) func(b *graph.Builder, s Spec) *graph.Tensor {
	return func(b *graph.Builder, s Spec) *graph.Tensor {
		x := b.Input("data", s.Steps, s.Batch, width)
		for i := range layers {
			x = b.Recurrent(name("lstm%d", i+1), graph.LSTM, x, width, true)
		}
		if last > 0 {
			x = b.Linear("fc", x, last, true)
		}
		return x
	}
}

func cnn0(b *graph.Builder, s Spec) *graph.Tensor {
	x := b.Input("data", s.Batch, 236, 19, 19)
	for i := range 16 {
		x = convReLU(b, name("conv%d", i+1), x, 236, graph.Square(3, 1, 1))
	}
	return x
}

func cnn1(b *graph.Builder, s Spec) *graph.Tensor {
	x := b.Input("data", s.Batch, 206, 14, 14)
	for i := range 72 {
		x = convReLU(b, name("conv%d", i+1), x, 206, graph.Square(3, 1, 1))
		if (i+1)%6 == 0 {
			x = b.Pool(name("pool%d", (i+1)/6), "max", x, graph.Square(3, 1, 1), false)
		}
	}
	x = b.Flatten("flatten", b.GlobalPool("pool13", "avg", x))
	for i := range 4 {
		n := name("fc%d", i+1)
		x = b.Unary(n+".relu", "relu", b.Linear(n, x, 4880, true))
	}
	return x
}
