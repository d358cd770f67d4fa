package gpusim

import (
	"context"
	"errors"
	"fmt"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/nvdla"
	"gpusim/workloads"
)

// runNVDLA simulates a workload on NVDLA: convolutions, and products as fully
// connected layers, a column of B being an image. The algorithm of a convolution
// (algo=) is a mode: direct, image, winograd, batch.
func runNVDLA(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	fail := func(err error) (Result, error) {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s: %w", w.Short(), m.Name, err)}
	}
	n := m.NVDLA
	if w.Layer != nil {
		return nvdlaLayer(m, w, o)
	}
	a, err := workOf(w)
	if err != nil {
		return fail(err)
	}
	c := nvdlaConv(&a)
	var r nvdla.Result
	switch {
	case o.Fidelity == Analytic && n.ClosedForm != "plan":
		return nvdlaSheet(m, w, o, &a, &c, arrayPeak(m, a.dtype))
	case o.Fidelity == Analytic:
		r, err = nvdla.Closed(n, c)
	default:
		r, err = nvdla.Run(ctx, n, c)
	}
	var lack *nvdla.LackError
	if errors.As(err, &lack) {
		return fail(&lackError{err.Error()})
	}
	if err != nil {
		return Result{}, fmt.Errorf("%s on %s: %w", w.Short(), m.Name, err)
	}
	count := float64(a.products())
	run := arrayRun{kernel: "conv_" + string(r.Mode), cycles: count * float64(r.Cycles), bound: r.Bound,
		dramBytes: count * float64(r.Read+r.Written), written: count * float64(r.Written)}
	macs := c.MACs()
	if r.Mode == nvdla.Winograd {
		macs /= 2.25
	}
	run.counts = nvdlaCounts(&a, count*macs, count*float64(r.CBUFBytes), run.dramBytes, count*float64(r.SDPPoints)*float64(n.AtomicK), count*float64(r.Busy)*float64(n.AtomicK), count*float64(r.Ops))
	return run.result(m, w, o, float64(n.Clock), arrayPeak(m, a.dtype))
}

// products is how many convolutions a workload is: one, or one for each matrix of
// a batch.
func (a *arrayWork) products() int {
	if a.conv != nil {
		return 1
	}
	return a.count
}

// nvdlaConv is a workload as a convolution.
func nvdlaConv(a *arrayWork) nvdla.Conv {
	e := int(typeBytes(a.dtype))
	if w := a.conv; w != nil {
		return nvdla.Conv{
			N: w.N, C: w.C, H: w.H, W: w.W, K: w.K, R: w.R, S: w.S, P: w.P(), Q: w.Q(), StrideH: w.StrideH, StrideW: w.StrideW,
			DilH: w.DilH, DilW: w.DilW, Groups: w.Groups, ElemBytes: e, Mode: nvdla.Mode(w.Algo), Add: workloads.HasStep(w.Epilogue, workloads.EpilogueAdd),
		}
	}
	return nvdla.Conv{N: a.rows, C: a.k, H: 1, W: 1, K: a.n, R: 1, S: 1, P: 1, Q: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, ElemBytes: e}
}

// cmacStages are the stages of the MAC array, each of which latches a cell's sum
// (unit description: 7 cycles).
const cmacStages = 7

// nvdlaCounts are the energy events: for each product the input is latched in its
// cell, while weights stay; the sum of a cell's products passes the stages of the
// MAC array and, once for each atom and kernel, the accumulators.
func nvdlaCounts(a *arrayWork, macs, buffer, dram, points, sums, commands float64) []energy.Count {
	return []energy.Count{
		{Component: payload(a.dtype), Events: events(macs)}, {Component: energy.ArrayByte, Events: events(macs*typeBytes(a.dtype) + 4*cmacStages*sums)},
		{Component: energy.AccWord, Events: events(sums)}, {Component: energy.BufferByte, Events: events(buffer)},
		{Component: energy.DRAMByte, Events: events(dram)}, {Component: energy.SinglePoint, Events: events(points)},
		{Component: energy.LayerCommand, Events: events(commands)},
	}
}

// nvdlaSheet is the published performance sheet, with the rules of its ResNet-50:
// images one after another, but those of a fully connected layer together.
func nvdlaSheet(m *configs.Machine, w workloads.Workload, o Options, a *arrayWork, c *nvdla.Conv, peak float64) (Result, error) {
	n := m.NVDLA
	fc := c.P*c.Q == 1 && c.R == c.H && c.S == c.W
	l := nvdla.SheetLayer{
		C: c.C / c.Groups, H: c.H, W: c.W, K: c.K / c.Groups, R: c.R, S: c.S, StrideH: c.StrideH, StrideW: c.StrideW, OutH: c.P, OutW: c.Q,
		SamePad: c.P == ceilDiv(c.H, c.StrideH) && c.Q == ceilDiv(c.W, c.StrideW), FC: fc,
	}
	s := nvdla.SheetConfig{
		MACs: int(peak / 2 / float64(n.Clock)), CBUFKiB: float64(n.CBUF.Total()) / 1024, GBps: float64(n.Memory.Bandwidth) / 1e9,
		MHz: float64(n.Clock) / 1e6, FCBatch: 1, ElemByte: float64(c.ElemBytes),
	}
	row := nvdla.Sheet(l, s, nvdla.SheetResNet50)
	times := float64(c.N*c.Groups) * float64(a.products())
	run := arrayRun{kernel: "sheet", cycles: times * row.Cycles, bound: boundCompute, dramBytes: times * row.TrafficKiB * 1024}
	if row.DRAMCycles > row.MACCycles {
		run.bound = boundDRAM
	}
	sums := times * row.MACCycles * float64(n.AtomicK)
	run.counts = nvdlaCounts(a, c.MACs()*float64(a.products()), run.dramBytes, run.dramBytes, a.outBytes, sums, times)
	return run.result(m, w, o, float64(n.Clock), peak)
}
