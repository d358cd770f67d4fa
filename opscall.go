package gpusim

import (
	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/library"
	"gpusim/workloads/ops"
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
