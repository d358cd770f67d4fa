package nvdla

import "gpusim/configs"

// Sizes that the convolution and pooling units take at most.
var (
	mostConv = map[string]int{
		"r": 32, "s": 32, "stride_h": 8, "stride_w": 8, "dilation_h": 32, "dilation_w": 32, "c": 8192, "k": 8192, "h": 8192, "w": 8192, "pad_h": 31, "pad_w": 31,
	}
	mostPool = map[string]int{"r": 8, "s": 8, "stride": 16, "pad": 7, "h": 8192, "w": 8192, "c": 8192}
)

// Abilities is what an NVDLA executes, by the units that a configuration has.
// Limits are those of the registers, as NVIDIA lists them for its drivers (TensorRT
// Developer Guide, "DLA Supported Layers and Restrictions": filters up to 32,
// strides up to 8, dilation up to 32, 8192 channels; pooling windows up to 8,
// strides up to 16, padding up to 7; local response normalisation over up to nine
// channels). Concatenations are no operation of any unit: a compiler lets each part
// be written where it belongs (fused=true) or leaves the copy to the host.
func Abilities(n *configs.NVDLA) []configs.Ability {
	steps := []string{"bias", "relu"}
	// The single-point processor: scale, bias and comparison with a threshold.
	point := []string{"relu", "relu6", "leakyrelu", "bias", "addu", "subu", "mulu", "maxu", "minu", "neg", "cast"}
	if n.Features.Elementwise {
		steps = append(steps, "add")
		point = append(point, "add", "sub", "mul", "max", "min")
	}
	if n.Features.LUT {
		point = append(point, "sigmoid", "tanh")
	}
	if n.Features.BDMA {
		point = append(point, "copy")
	}
	out := []configs.Ability{
		{Kinds: []string{"conv"}, Steps: steps, Most: mostConv},
		{Kinds: []string{"gemm"}, Steps: steps},
		{Kinds: []string{"elementwise"}, Ops: point, Chain: 3},
		{Kinds: []string{"pool"}, Ops: []string{"max", "avg"}, Most: mostPool},
		{Kinds: []string{"batchnorm"}},
	}
	if n.CDPRate > 0 && n.Features.LUT { // it takes the power from the table
		out = append(out, configs.Ability{Kinds: []string{"lrn"}, Most: map[string]int{"size": 9}})
	}
	if n.Features.RUBIK {
		out = append(out, configs.Ability{Kinds: []string{"layout"}})
	}
	return out
}
