package models

import "gpusim/workloads/graph"

// imageNets are classifiers without residual connections.
func imageNets() []Model {
	return []Model{
		{
			Name: "alexnet", Meaning: "AlexNet as published: two groups, images of 227 (Krizhevsky et al. 2012)",
			Aliases: []string{"bvlcalexnet", "alexnetoriginal"}, def: Spec{Batch: 1}, build: alexnet,
		},
		{
			Name: "alexnet-one", Meaning: "AlexNet in one tower, images of 224 (Krizhevsky 2014; torchvision)",
			Aliases: []string{"alexnettorch", "alexnetonetower"}, def: Spec{Batch: 1}, build: alexnetOne,
		},
		{
			Name: "vgg16", Meaning: "VGG-16, images of 224 (Simonyan and Zisserman 2015)",
			def: Spec{Batch: 1}, build: vgg16,
		},
		{
			Name: "googlenet", Meaning: "GoogLeNet without its auxiliary heads, images of 224 (Szegedy et al. 2015)",
			Aliases: []string{"inceptionv1"}, def: Spec{Batch: 1},
			build: func(b *graph.Builder, s Spec) *graph.Tensor { return googlenet(b, s, 5) },
		},
		{
			Name: "googlenet-3x3", Meaning: "GoogLeNet with 3x3 filters in place of 5x5, as torchvision's but with biases",
			Aliases: []string{"googlenettorch"}, def: Spec{Batch: 1},
			build: func(b *graph.Builder, s Spec) *graph.Tensor { return googlenet(b, s, 3) },
		},
	}
}

func convReLU(b *graph.Builder, n string, x *graph.Tensor, k int, a graph.Attr) *graph.Tensor {
	return b.Unary(n+".relu", "relu", b.Conv(n, x, k, a, true))
}

// classifier is a stack of fully connected layers with ReLU and dropout between.
func classifier(b *graph.Builder, x *graph.Tensor, dropFirst bool, names []string, sizes ...int) *graph.Tensor {
	x = b.Flatten("flatten", x)
	for i, n := range sizes {
		if dropFirst && i < len(sizes)-1 {
			x = b.Dropout("drop"+names[i], x)
		}
		x = b.Linear(names[i], x, n, true)
		if i < len(sizes)-1 {
			x = b.Unary(names[i]+".relu", "relu", x)
			if !dropFirst {
				x = b.Dropout("drop"+names[i], x)
			}
		}
	}
	return x
}

var fc678 = []string{"fc6", "fc7", "fc8"}

func alexnet(b *graph.Builder, s Spec) *graph.Tensor {
	x := b.Input("data", s.Batch, 3, 227, 227)
	two := func(a graph.Attr) graph.Attr { a.Groups = 2; return a }
	x = convReLU(b, "conv1", x, 96, graph.Square(11, 4, 0))
	x = b.Pool("pool1", "max", b.LRN("norm1", x, 5), graph.Square(3, 2, 0), false)
	x = convReLU(b, "conv2", x, 256, two(graph.Square(5, 1, 2)))
	x = b.Pool("pool2", "max", b.LRN("norm2", x, 5), graph.Square(3, 2, 0), false)
	x = convReLU(b, "conv3", x, 384, graph.Square(3, 1, 1))
	x = convReLU(b, "conv4", x, 384, two(graph.Square(3, 1, 1)))
	x = convReLU(b, "conv5", x, 256, two(graph.Square(3, 1, 1)))
	x = b.Pool("pool5", "max", x, graph.Square(3, 2, 0), false)
	return classifier(b, x, false, fc678, 4096, 4096, 1000)
}

func alexnetOne(b *graph.Builder, s Spec) *graph.Tensor {
	x := b.Input("data", s.Batch, 3, 224, 224)
	x = b.Pool("pool1", "max", convReLU(b, "conv1", x, 64, graph.Square(11, 4, 2)), graph.Square(3, 2, 0), false)
	x = b.Pool("pool2", "max", convReLU(b, "conv2", x, 192, graph.Square(5, 1, 2)), graph.Square(3, 2, 0), false)
	x = convReLU(b, "conv3", x, 384, graph.Square(3, 1, 1))
	x = convReLU(b, "conv4", x, 256, graph.Square(3, 1, 1))
	x = b.Pool("pool5", "max", convReLU(b, "conv5", x, 256, graph.Square(3, 1, 1)), graph.Square(3, 2, 0), false)
	return classifier(b, x, true, fc678, 4096, 4096, 1000)
}

func vgg16(b *graph.Builder, s Spec) *graph.Tensor {
	x := b.Input("data", s.Batch, 3, 224, 224)
	for i, st := range []struct{ convs, k int }{{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}} {
		for j := range st.convs {
			x = convReLU(b, name("conv%d_%d", i+1, j+1), x, st.k, graph.Square(3, 1, 1))
		}
		x = b.Pool(name("pool%d", i+1), "max", x, graph.Square(2, 2, 0), false)
	}
	return classifier(b, x, false, fc678, 4096, 4096, 1000)
}

// googlenet takes the size of the large filters of its inception modules.
func googlenet(b *graph.Builder, s Spec, large int) *graph.Tensor {
	x := b.Input("data", s.Batch, 3, 224, 224)
	pool := func(n string, x *graph.Tensor) *graph.Tensor { return b.Pool(n, "max", x, graph.Square(3, 2, 0), true) }
	x = pool("pool1", convReLU(b, "conv1", x, 64, graph.Square(7, 2, 3)))
	x = b.LRN("norm1", x, 5)
	x = convReLU(b, "conv2_reduce", x, 64, graph.Square(1, 1, 0))
	x = convReLU(b, "conv2", x, 192, graph.Square(3, 1, 1))
	x = pool("pool2", b.LRN("norm2", x, 5))
	for _, m := range []struct {
		name                     string
		k1, r3, k3, r5, k5, proj int
		pooled                   bool
	}{
		{"3a", 64, 96, 128, 16, 32, 32, false}, {"3b", 128, 128, 192, 32, 96, 64, true},
		{"4a", 192, 96, 208, 16, 48, 64, false}, {"4b", 160, 112, 224, 24, 64, 64, false}, {"4c", 128, 128, 256, 24, 64, 64, false},
		{"4d", 112, 144, 288, 32, 64, 64, false}, {"4e", 256, 160, 320, 32, 128, 128, true},
		{"5a", 256, 160, 320, 32, 128, 128, false}, {"5b", 384, 192, 384, 48, 128, 128, false},
	} {
		one := graph.Square(1, 1, 0)
		a := convReLU(b, m.name+".1x1", x, m.k1, one)
		c := convReLU(b, m.name+".3x3_reduce", x, m.r3, one)
		c = convReLU(b, m.name+".3x3", c, m.k3, graph.Square(3, 1, 1))
		d := convReLU(b, m.name+".5x5_reduce", x, m.r5, one)
		d = convReLU(b, m.name+".5x5", d, m.k5, graph.Square(large, 1, large/2))
		e := convReLU(b, m.name+".pool_proj", b.Pool(m.name+".pool", "max", x, graph.Square(3, 1, 1), false), m.proj, one)
		x = b.Concat(m.name+".concat", 1, a, c, d, e)
		if m.pooled {
			x = pool("pool"+m.name[:1], x)
		}
	}
	x = b.Dropout("drop", b.Flatten("flatten", b.GlobalPool("pool5", "avg", x)))
	return b.Linear("fc", x, 1000, true)
}
