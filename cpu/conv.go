package cpu

import (
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// RunConv simulates a pass of a convolution as the libraries of these processors
// run it: directly, on layouts that are blocked by channels (MKL-DNN, LIBXSMM).
// Callers keep their tensors in these layouts, so that no change of layout counts.
func RunConv(m *configs.Machine, c *workloads.Conv) ([]Result, error) {
	mod, err := newModel(m, c.DType)
	if err != nil {
		return nil, err
	}
	list, err := mod.convKernels(c)
	if err != nil {
		return nil, err
	}
	var out []Result
	for i := range list {
		r := &list[i].result
		if i == 0 {
			r.Ops = float64(c.Ops())
		}
		if err := finish(m, mod, c.DType, r, list[i].counts); err != nil {
			return nil, err
		}
		out = append(out, *r)
	}
	after, err := fusedEpilogue(m, c)
	return append(out, after...), err
}

// kernelRun is a kernel that has run, before its energy is counted.
type kernelRun struct {
	result Result
	counts []energy.Count
}

func (m *model) convKernels(c *workloads.Conv) ([]kernelRun, error) {
	one := func(r Result, counts []energy.Count, err error) ([]kernelRun, error) {
		return []kernelRun{{r, counts}}, err
	}
	if c.C/c.Groups < m.core.lanes && c.Groups > 1 && c.C == c.K && c.C == c.Groups {
		s := m.depthwise(c)
		return one(m.runSweep(&s))
	}
	taps := valid(c.H, c.P(), c.R, c.PadH, c.StrideH, c.DilH) * valid(c.W, c.Q(), c.S, c.PadW, c.StrideW, c.DilW)
	d := direct{name: "direct_conv", images: c.N, groups: c.Groups, out: c.K / c.Groups, red: c.C / c.Groups,
		p: c.P(), q: c.Q(), inH: c.H, inW: c.W, taps: taps, allTaps: c.R * c.S, across: c.S, stride: c.StrideW}
	d.flat = d.allTaps == 1 && c.StrideH*c.StrideW == 1 && c.PadH+c.PadW == 0
	old := m.cpu.Convolutions == oldKernels
	switch c.Pass {
	case workloads.PassWeight:
		if old && odd(c) {
			return one(m.plainLoops(c, c.K, "plain_loops_bwd_weight"))
		}
		return m.weightGradient(c, taps, old)
	case workloads.PassData:
		if old && (c.StrideH*c.StrideW > 1 && (d.allTaps > 1 || c.PadH+c.PadW > 0) || odd(c)) {
			return one(m.plainInputs(c))
		}
		// A convolution of the gradient with the filters turned round: of a stride each
		// input point sees every so many taps, and 1x1 filters leave points out.
		d.name, d.turned = "direct_conv_bwd_data", true
		d.out, d.red = d.red, d.out
		d.p, d.q, d.inH, d.inW, d.stride = c.H, c.W, c.P(), c.Q(), 1
		d.taps = taps * float64(c.P()*c.Q()) / float64(c.H*c.W)
		if d.allTaps == 1 && c.StrideH*c.StrideW > 1 {
			d.p, d.q, d.taps = c.P(), c.Q(), 1
			r, counts, err := m.runDirect(&d)
			if err != nil {
				return nil, err
			}
			zero := sweep{name: "zero_gradient", elems: float64(c.N) * float64(c.C) * float64(c.H*c.W-c.P()*c.Q())}
			zero.streams = []stream{write(float64(m.core.elem), zero.elems*float64(m.core.elem))}
			z, zc, err := m.runSweep(&zero)
			return []kernelRun{{r, counts}, {z, zc}}, err
		}
	default:
		if old && odd(c) && c.C == 1 {
			return one(m.plainLoops(c, c.K, "plain_loops_fwd"))
		}
	}
	return one(m.runDirect(&d))
}

// odd says whether a convolution has what the kernels of 2017 lack: padding of 1x1
// filters, and of images with a single channel.
func odd(c *workloads.Conv) bool {
	return c.PadH+c.PadW > 0 && (c.R*c.S == 1 || c.C == 1)
}

// valid is how many of r taps of a filter fall inside the image, on average over the
// outputs: kernels leave the others out.
func valid(size, outputs, r, pad, stride, dilation int) float64 {
	n := 0
	for p := range outputs {
		for t := range r {
			if at := p*stride - pad + t*dilation; at >= 0 && at < size {
				n++
			}
		}
	}
	return float64(n) / float64(outputs)
}

// depthwise is a loop over outputs with vectors over channels; the points of the
// window come from L1, the filters stay in registers or L1.
func (m *model) depthwise(c *workloads.Conv) sweep {
	e := float64(m.core.elem)
	in := float64(c.N) * float64(c.C) * float64(c.H) * float64(c.W)
	out := float64(c.N) * float64(c.K) * float64(c.P()) * float64(c.Q())
	taps := valid(c.H, c.P(), c.R, c.PadH, c.StrideH, c.DilH) * valid(c.W, c.Q(), c.S, c.PadW, c.StrideW, c.DilW)
	size := (in + out) * e
	s := sweep{name: "depthwise_conv", elems: out, streams: []stream{read(e*in/out, size), write(e, size)}, work: insts{fma: taps, vecLoad: max(0, 2*taps-in/out)}}
	switch c.Pass {
	case workloads.PassData:
		s.name += "_bwd_data"
		s.elems, s.streams, s.work = in, []stream{read(e*out/in, size), write(e, size)}, insts{fma: taps * out / in, vecLoad: 2 * taps * out / in}
	case workloads.PassWeight:
		s.name += "_bwd_weight"
		s.streams = []stream{read(e*in/out, size), read(e, size)}
	}
	return s
}

// fusedEpilogue is what an epilogue adds to a convolution: bias and activation are
// done on the registers before they are stored, a second tensor is read.
func fusedEpilogue(m *configs.Machine, c *workloads.Conv) ([]Result, error) {
	if !workloads.HasStep(c.Epilogue, workloads.EpilogueAdd) && !workloads.HasStep(c.Epilogue, workloads.EpilogueGELU) {
		return nil, nil
	}
	return Epilogue(m, c.Epilogue, c.DType, float64(c.N)*float64(c.K)*float64(c.P()*c.Q()))
}
