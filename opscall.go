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
	out.kernels, err = ops.Build(l, ops.Device{
		SMs: m.GPU.SM.Count, MaxThreads: 32 * m.GPU.SM.MaxWarps, Shared: int(m.GPU.SM.SharedMemory), Latencies: library.Latencies(m.GPU),
	})
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
