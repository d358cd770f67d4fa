package models

import "gpusim/workloads/graph"

// residualNets are built of bottleneck blocks.
func residualNets() []Model {
	return []Model{
		{
			Name: "resnet50", Meaning: "ResNet-50 v1.5: stride in the 3x3 convolutions, images of 224 (He et al. 2016; torchvision)",
			Aliases: []string{"resnet50v15", "resnet", "rn50"}, def: Spec{Batch: 1}, build: bottlenecks{blocks: [4]int{3, 4, 6, 3}, groups: 1, width: 64}.build,
		},
		{
			Name: "resnet50-v1", Meaning: "ResNet-50 as published: stride in the first 1x1 convolutions",
			def: Spec{Batch: 1}, build: bottlenecks{blocks: [4]int{3, 4, 6, 3}, groups: 1, width: 64, strideFirst: true}.build,
		},
		{
			Name: "resnext101-32x4d", Meaning: "ResNeXt-101, 32 groups of 4 channels (Xie et al. 2017)",
			Aliases: []string{"resnext101", "resnext"}, def: Spec{Batch: 1}, build: bottlenecks{blocks: [4]int{3, 4, 23, 3}, groups: 32, width: 4}.build,
		},
		{
			Name: "se-resnext101-32x4d", Meaning: "the same with squeeze-and-excitation, ratio 16 (Hu et al. 2018)",
			Aliases: []string{"seresnext101", "seresnext"}, def: Spec{Batch: 1}, build: bottlenecks{blocks: [4]int{3, 4, 23, 3}, groups: 32, width: 4, squeeze: 16}.build,
		},
	}
}

// bottlenecks are the choices among networks of bottleneck blocks.
type bottlenecks struct {
	blocks      [4]int // of each stage
	groups      int
	width       int  // channels of a group in the first stage
	strideFirst bool // stages shrink in the 1x1 rather than the 3x3 convolution
	squeeze     int  // ratio of squeeze-and-excitation; 0: none
}

func (m bottlenecks) build(b *graph.Builder, s Spec) *graph.Tensor {
	x := b.Input("data", s.Batch, 3, 224, 224)
	norm := func(n string, x *graph.Tensor, k int, a graph.Attr) *graph.Tensor {
		return b.BatchNorm(n+".bn", b.Conv(n, x, k, a, false))
	}
	relu := func(n string, x *graph.Tensor) *graph.Tensor { return b.Unary(n+".relu", "relu", x) }
	x = relu("conv1", norm("conv1", x, 64, graph.Square(7, 2, 3)))
	x = b.Pool("pool1", "max", x, graph.Square(3, 2, 1), false)
	for i, blocks := range m.blocks {
		out := 256 << i
		inner := m.groups * m.width << i
		for j := range blocks {
			n := name("layer%d.%d", i+1, j)
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			s1, s3 := 1, stride
			if m.strideFirst {
				s1, s3 = stride, 1
			}
			y := relu(n+".conv1", norm(n+".conv1", x, inner, graph.Square(1, s1, 0)))
			grouped := graph.Square(3, s3, 1)
			grouped.Groups = m.groups
			y = relu(n+".conv2", norm(n+".conv2", y, inner, grouped))
			y = norm(n+".conv3", y, out, graph.Square(1, 1, 0))
			if m.squeeze > 0 {
				y = m.excite(b, n+".se", y, out)
			}
			if j == 0 {
				x = norm(n+".downsample", x, out, graph.Square(1, stride, 0))
			}
			x = relu(n, b.Binary(n+".add", "add", y, x))
		}
	}
	x = b.Flatten("flatten", b.GlobalPool("avgpool", "avg", x))
	return b.Linear("fc", x, 1000, true)
}

// excite scales channels by what two small layers make of their means.
func (m bottlenecks) excite(b *graph.Builder, n string, x *graph.Tensor, c int) *graph.Tensor {
	if x == nil {
		return nil
	}
	images := x.Shape[0]
	y := b.Flatten(n+".flatten", b.GlobalPool(n+".pool", "avg", x))
	y = b.Unary(n+".relu", "relu", b.Linear(n+".fc1", y, c/m.squeeze, true))
	y = b.Unary(n+".sigmoid", "sigmoid", b.Linear(n+".fc2", y, c, true))
	return b.Binary(n+".scale", "mul", x, b.Reshape(n+".reshape", y, images, c, 1, 1))
}
