package gpusim

import (
	"strings"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/library"
	"gpusim/workloads/ops"
	"gpusim/workloads/tile"
)

// layerCall is the call of a layer other than a product or a convolution: a
// framework's own kernels. They have no closed form.
func layerCall(m *configs.Machine, l *workloads.Layer, o Options) (call, error) {
	out := call{name: l.Kind}
	if l.Op != "" {
		out.name += "_" + l.Op
	}
	if o.Fidelity == Analytic {
		return out, nil
	}
	var err error
	out.kernels, err = ops.Build(l, deviceOf(m.GPU))
	return out, err
}

// epilogueKernels does an epilogue in a pass of its own, behind kernels that
// have none.
func epilogueKernels(m *configs.Machine, epilogue, dtype string, size, channels, inner int) ([]*tile.Kernel, error) {
	l := workloads.Layer{Kind: workloads.KindElementwise, Op: strings.ReplaceAll(epilogue, "gelu", "gelu_tanh"), Size: size, DType: dtype}
	if dtype == "tf32" {
		l.DType = "fp32"
	}
	if workloads.HasStep(epilogue, workloads.EpilogueBias) {
		l.Channels, l.Inner = channels, inner
	}
	w, err := workloads.OfLayer(l)
	if err != nil {
		return nil, err
	}
	c, err := layerCall(m, w.Layer, Options{})
	return c.kernels, err
}

// customCall is the call of a kernel that a file describes.
func customCall(m *configs.Machine, c *workloads.Custom, o Options) (call, error) {
	out := call{name: c.Name}
	if o.Fidelity == Analytic {
		return out, nil
	}
	k, err := ops.Custom(c, deviceOf(m.GPU))
	out.kernels = []*tile.Kernel{k}
	return out, err
}

// deviceOf is what generators of layers ask of a GPU.
func deviceOf(g *configs.GPU) ops.Device {
	return ops.Device{SMs: g.SM.Count, Latencies: library.Latencies(g)}
}
