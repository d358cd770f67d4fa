package gpusim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/nvdla"
	"gpusim/workloads"
)

// runAlone runs a workload that is no network on a machine with a fixed array: by
// itself, or on its host if it is not the arithmetic type or a training pass that is
// missing, which no host can make up for.
func runAlone(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	o.alone = true
	why := lacks(m, w, o.as)
	if why == "" {
		r, err := Run(ctx, m, w, o)
		r.Fallback = &Fallback{}
		var lack *lackError
		if !errors.As(err, &lack) || forced(w) {
			return r, err
		}
		why = lack.why
	} else if product := w.GEMM != nil || w.Conv != nil; product && (!takes(m, w) || w.Conv != nil && w.Conv.Pass != workloads.PassForward) {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s: %s", w.Short(), m.Name, why)}
	}
	return runFallen(ctx, m, w, o, why)
}

// forced says whether the user asks for a way that the machine must take.
func forced(w workloads.Workload) bool { return w.Conv != nil && w.Conv.Algo != "" }

// reasonOf is what a machine lacks for a layer, without the layer's and the
// machine's name.
func reasonOf(err error) string {
	var lack *lackError
	if errors.As(err, &lack) {
		return lack.why
	}
	var in *InputError
	if errors.As(err, &in) {
		if u := errors.Unwrap(in.Err); u != nil {
			return u.Error()
		}
	}
	return err.Error()
}

// nvdlaLayer runs a layer on one of NVDLA's units beside the convolution pipeline,
// image by image.
func nvdlaLayer(m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	n, l := m.NVDLA, w.Layer
	dtype := firstOf(o.as, l.DType)
	e := int(typeBytes(dtype))
	atom := max(1, n.MemoryAtom/e)
	images, points, tensors := 1, float64(workloads.Outputs(w)), 2.0
	var cycles uint64
	var err error
	kernel, in := "sdp", points
	switch l.Kind {
	case workloads.KindElementwise:
		s := nvdla.SinglePoint{C: atom, H: 1, W: ceilDiv(l.Size, atom), ElemBytes: e}
		chain, _ := l.Chain() // checked when the layer was made
		for _, op := range chain {
			s.Operand, s.Elementwise = s.Operand || op.Tensor, s.Elementwise || op.Tensor
			s.LUT = s.LUT || op.Name == "sigmoid" || op.Name == "tanh"
		}
		if s.Operand {
			tensors = 3
		}
		if l.Op == "copy" {
			kernel = "bdma"
			cycles, err = nvdla.RunCopy(n, l.Size*e)
		} else {
			cycles, err = nvdla.RunSinglePoint(n, s)
		}
	case workloads.KindBatchNorm:
		images = l.N
		cycles, err = nvdla.RunSinglePoint(n, nvdla.SinglePoint{C: l.C, H: l.H, W: l.W, ElemBytes: e})
	case workloads.KindPool:
		kernel, images, in = "pdp", l.N, float64(workloads.Inputs(w))
		cycles = nvdla.RunPooling(n, nvdla.Pooling{C: l.C, H: l.H, W: l.W, P: l.P(), Q: l.Q(), ElemBytes: e})
	case workloads.KindLRN:
		kernel, images = "cdp", l.N
		cycles, err = nvdla.RunNormalisation(n, l.C, l.H, l.W, e)
	case workloads.KindLayout:
		kernel, images = "rubik", l.N
		cycles, err = nvdla.RunReshape(n, l.C, l.H, l.W, e)
	default:
		err = fmt.Errorf("it has no unit for %s", l.Kind)
	}
	if err != nil {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s: %w", w.Short(), m.Name, &lackError{err.Error()})}
	}
	bytes := (in + (tensors-1)*points) * float64(e)
	run := arrayRun{kernel: kernel, cycles: float64(images) * float64(cycles), bound: boundDRAM, dramBytes: bytes, written: points * float64(e)}
	if moved := bytes / float64(n.Memory.Bandwidth) * float64(n.Clock); moved < 0.5*run.cycles {
		run.bound = boundCompute
	}
	run.counts = []energy.Count{
		{Component: energy.SinglePoint, Events: events(max(in, points))}, {Component: energy.DRAMByte, Events: events(bytes)},
		{Component: energy.LayerCommand, Events: uint64(images)},
	}
	r, err := run.result(m, w, o, float64(n.Clock), math.NaN())
	r.DType = dtype
	return r, err
}

// tpuLayer runs a layer on the path from the accumulators to the unified buffer,
// with its activation and pooling units: a row of the array's width a cycle, of each
// tensor that is read or written, and the wait of a layer for the one before.
func tpuLayer(m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	s, l := m.Systolic, w.Layer
	if s.TPU == nil {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s: %w", w.Short(), m.Name, &lackError{"it has no unit for " + l.Kind})}
	}
	dtype := firstOf(o.as, l.DType)
	in, out := float64(workloads.Inputs(w)), float64(workloads.Outputs(w))
	bytes := typeBytes(dtype) * (in + out)
	run := arrayRun{kernel: "activate", bound: boundCompute}
	if strings.HasSuffix(l.Kind, "cell") {
		run.kernel = "vector"
	}
	run.cycles = bytes/float64(s.Cols*s.TPU.Cores) + float64(s.TPU.SyncCycles)
	run.counts = []energy.Count{
		{Component: energy.SinglePoint, Events: events(float64(l.Ops()))}, {Component: energy.BufferByte, Events: events(bytes)},
		{Component: energy.LayerCommand, Events: 1},
	}
	if room := float64(s.TPU.UnifiedBuffer) * float64(s.TPU.Cores); bytes > room { // what does not fit comes and goes
		at := s.TPU.Host
		component := energy.HostByte
		if s.TPU.Spill == "memory" {
			at, component, run.dramBytes = s.Memory, energy.DRAMByte, bytes
		}
		run.counts = append(run.counts, energy.Count{Component: component, Events: events(bytes)})
		if c := bytes / float64(at) * float64(s.Clock); c > run.cycles {
			run.cycles, run.bound = c, boundHost
		}
	}
	r, err := run.result(m, w, o, float64(s.Clock), math.NaN())
	r.DType = dtype
	return r, err
}
