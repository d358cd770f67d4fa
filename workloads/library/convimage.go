package library

import (
	"fmt"
	"strings"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/conv"
)

// AlgoImage are kernels for the first layer of a network, whose images have three
// or four channels. Who asks for another algorithm, as DeepBench does, has slabs of
// 32 channels.
const AlgoImage = "first_layer"

// imageCatalogue lists them by family. They exist on Tensor Cores of Volta and
// later: first_layer_fwd_kernel with 128 threads in a public profile of cuDNN 7 on
// V100, image_first_layer_f16f16_f32_f16_nhwckrsc_nhwc_hmma_k48c4r3 and
// ampere_first_layer_filter3x3_imma_fwd in profiles of cuDNN 8 and TensorRT;
// cuDNN's table of kernels has the one for int8 before Ampere too. Tiles are not in
// the names: that of all filters and of as many points as 128 threads have
// accumulators for is taken.
var imageCatalogue = map[string][]Entry{
	"volta_first_layer": imageEntries("hmma", "fp16/fp32", "first_layer_fwd_kernel", 32, 0),
	"turing_first_layer": append(imageEntries("mma", "fp16/fp32", "first_layer_fwd_kernel", 32, 2),
		imageEntries("mma", "int8", "turing_first_layer_filter%[1]dx%[2]d_imma_fwd", 64, 2)...),
	"ampere_first_layer": append(imageEntries("mma", "fp16/fp32", "sm80_xmma_fprop_image_first_layer_f16f16_f32_f16_nhwckrsc_nhwc_hmma_k%[3]dc4r%[1]ds%[2]d", 32, 4),
		imageEntries("mma", "int8", "ampere_first_layer_filter%[1]dx%[2]d_imma_fwd", 64, 3)...),
}

func imageEntries(family, typ, name string, tileK, stages int) []Entry {
	return []Entry{{
		Name: name, Family: family, Type: typ, TileM: 64, TileN: 256, TileK: tileK, WarpM: 64, WarpN: 64, WarpK: 1,
		Stages: stages, Threads: 128, PerSM: 2, Gain: 0.7,
	}}
}

// imageName completes a kernel's name by what it says of filters, if it does.
func imageName(name string, c *workloads.Conv) string {
	if strings.Contains(name, "%") {
		return fmt.Sprintf(name, c.R, c.S, c.K)
	}
	return name
}

// imageFilters are the filters for which there is such a kernel: frameworks fill
// images of three channels up to four for 32 and 64 filters, because of it (XLA,
// cudnn_pad_for_convolutions.cc).
func imageFilters(k int) bool { return k == 32 || k == 64 }

// imageTaps is the largest filter, by lines and columns, of the first layers of
// published networks.
const imageTaps = 7

// takesImage says whether there is one for a convolution: its images have three
// channels, which callers store as four (DALI's pad_output, TensorRT's formats
// chw4 and hwc4), or four.
func takesImage(c *workloads.Conv) bool {
	return c.Pass == workloads.PassForward && c.Groups == 1 && c.Layout != workloads.LayoutNCHW &&
		(c.C == conv.ImageChannels-1 || c.C == conv.ImageChannels) && imageFilters(c.K) && max(c.R, c.S) <= imageTaps
}

// imageCalls are its calls.
func imageCalls(g *configs.GPU, c *workloads.Conv) ([]ConvCall, error) {
	if !takesImage(c) {
		return nil, nil
	}
	var out []ConvCall
	for _, f := range g.Library.Convolutions {
		for _, e := range imageCatalogue[f] {
			if e.Type != typeOf(c) {
				continue
			}
			p, err := conv.LowerImage(conv.Pad(c, conv.ImageChannels))
			if err != nil {
				return nil, err
			}
			e.Name = imageName(e.Name, c)
			call := implicit(g, c, p, e, 1)
			call.Algo = AlgoImage
			out = append(out, call)
		}
	}
	return out, nil
}
