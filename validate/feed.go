package validate

import (
	"strconv"
	"strings"

	"gpusim/configs"
)

// NVIDIA's TensorFlow benchmarks of ConvNets take made-up images of fp32 out of the
// host's pinned memory and copy them anew for each batch; at inference nothing stages
// them, so that a pass begins with the copy (TensorFlow/Classification/ConvNets of
// DeepLearningExamples: utils/data_utils.py, model/resnet.py). PyTorch's and MXNet's
// are taken for images that are on the device already.
const copiedImages = 4 // bytes of an element

// pcie3 is what a copy from pinned memory reaches on 16 lanes of PCIe 3, in bytes
// per microsecond (RRZE gpu-benches, V100).
const pcie3 = 12.34e3

// hostRate is the same of the link that a board of some generation sits on: each
// successor of PCIe 3 has twice its rate.
func hostRate(g *configs.GPU) float64 {
	major, _, _ := strings.Cut(g.ComputeCapability, ".")
	switch v, _ := strconv.Atoi(major); {
	case v >= 9:
		return 4 * pcie3
	case v >= 8:
		return 2 * pcie3
	}
	return pcie3
}

// feedUS is the time in microseconds until a batch of so many elements is on the
// device.
func (m Method) feedUS(elements int64, on *configs.Machine) float64 {
	if m.InputBytes == 0 || on.GPU == nil {
		return 0
	}
	return float64(elements) * float64(m.InputBytes) / hostRate(on.GPU)
}
