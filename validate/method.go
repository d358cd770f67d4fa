package validate

import (
	"fmt"
	"math"
	"strings"

	"gpusim/workloads"
)

// Method says how somebody turned kernel executions into one figure. Its
// numbers describe the measuring program and its host, not the GPU.
type Method struct {
	Name           string
	HostIssueUS    float64 // host time per kernel launch (back to back), or from the first time stamp to the launch (bracketed, host_sync)
	GapUS          float64 // device idle between kernels of a stream, on top of what the device model has
	FloorUS        float64 // the host's way from one time stamp to the next when it alone decides
	SecondKernelUS float64 // what each further kernel of a call adds to that way
	Spread         float64 // standard deviation of the times that equal GPUs take for the same, relative: a step of several ends with the slowest
	InputBytes     int     // of each element of a batch that is copied to the device before a pass; 0: it is there
	Truncate       bool    // the source printed whole microseconds, rounded down
}

// Names of methods as measured tables write them.
const (
	WarmBackToBack = "warm_back_to_back" // many calls in a row, device kept busy, mean
	WarmGraph      = "warm_graph"        // device time of the kernels alone: captured graphs, profilers
	Bracketed      = "bracketed"         // device time stamps around one call of an idle device
	HostSync       = "host_sync"         // host clock around one call and a device synchronisation
	Cold           = "cold"              // caches flushed before each call
	Eager          = "eager"             // a network, kernel by kernel out of a framework, many passes in a row
)

// methods are the defaults by name.
//
// Fitted: HostIssueUS and GapUS of back-to-back calls to DeepBench's V100 rows
// of 8 to 20 us. A bare asynchronous launch costs a V100's host 1.8 us (CSCS
// ReFrame reference values); a cuBLAS call adds its heuristics.
var methods = map[string]Method{
	WarmBackToBack: {HostIssueUS: 5, GapUS: 1.7},
	WarmGraph:      {GapUS: 0.6}, // launch-free successor node: 0.58 us per no-op node of a graph replay (ocannl issue 488)
	Bracketed:      {HostIssueUS: 32, FloorUS: 40, SecondKernelUS: 5, GapUS: 1},
	HostSync:       {HostIssueUS: 22, SecondKernelUS: 5, GapUS: 1}, // fitted: LLMCompass' shortest A100 rows
	Cold:           {},
	// Of whole networks, see networkMethod.
	Eager: {HostIssueUS: 10, GapUS: 1},
}

// source is what is known of one origin of measured rows.
type source struct {
	match  []string // all of them stand in the row's source, lower case
	device string   // stands in the row's device, lower case; empty fits all
	method Method
}

// sources are tried from the top.
//
// Fitted on the V100 rows of NeuSight, four numbers per operator: floors are
// the medians of rows with less than a microsecond of work (linear 65.7 us,
// bmm in two clusters at 40 and 48.6 us), a second kernel lifts the linear
// floor to 71 us, and the way to the launch follows from rows of 100 to
// 300 us. Rows of bmm are one kernel always.
var sources = []source{
	// The caller is on the machine: there is nothing but a function call.
	{[]string{"deepbench"}, "xeon phi", Method{Name: WarmBackToBack, HostIssueUS: 0.05}},
	// T4's host is slower, in training more than in inference. [fit] Convolutions for
	// inference take 18 us at least, of three kernels; those of halves 17 for two, 36 and
	// 44 for gradients of filters of four and five, and what is between kernels shows
	// where it is not hidden. Products, to which nothing of it is fitted, come out less short
	// with the training sheet's (fp16, 29 rows: 12.7 to 11.9 %).
	{[]string{"deepbench", "inference", "conv"}, "t4", Method{Name: WarmBackToBack, HostIssueUS: 6, GapUS: 1.7, Truncate: true}},
	{[]string{"deepbench", "train"}, "t4", Method{Name: WarmBackToBack, HostIssueUS: 8.8, GapUS: 4, Truncate: true}},
	// [fit] Their shortest products, three of 6, 7 and 9 us each, leave nothing between
	// kernels beyond what the device model has.
	{[]string{"deepbench"}, "titan xp", Method{Name: WarmBackToBack, HostIssueUS: 5, Truncate: true}},
	{[]string{"deepbench"}, "1080 ti", Method{Name: WarmBackToBack, HostIssueUS: 5, Truncate: true}},
	{[]string{"deepbench"}, "", Method{Name: WarmBackToBack, HostIssueUS: 5, GapUS: 1.7, Truncate: true}},
	{[]string{"neusight", "linear"}, "v100", Method{Name: Bracketed, HostIssueUS: 40, FloorUS: 65.5, SecondKernelUS: 5.5, GapUS: 1}},
	{[]string{"neusight", "bmm"}, "v100", Method{Name: Bracketed, HostIssueUS: 36, FloorUS: 46, SecondKernelUS: 5.5, GapUS: 1}},
	neusight("linear", "p100", 64, 96), neusight("bmm", "p100", 40, 52.8),
	neusight("linear", "p4", 34, 54.3), neusight("bmm", "p4", 24, 32.4),
	neusight("linear", "t4", 34, 55.2), neusight("bmm", "t4", 27, 36),
	neusight("linear", "a100", 34, 55.1), neusight("bmm", "a100", 25, 32.8),
	neusight("linear", "h100", 28, 45), neusight("bmm", "h100", 17, 24),
	neusight("linear", "l4", 34, 55), neusight("bmm", "l4", 27, 36),
	// Element-wise layers: floors are the medians of rows of up to 150,000 elements, in
	// two clusters by how PyTorch is called: operators of two tensors and tanh; modules
	// and operators with a number. A100 80 GB and L4 have no such rows: the first's are
	// V100's times 0.59, as fits its long rows, and so are L4's with 0.70.
	layerFloor("op-call", "v100", 32.5, flatWay), layerFloor("op-module", "v100", 37.9, flatWay),
	layerFloor("op-softmax", "v100", 41.4, rowWay), layerFloor("op-layernorm", "v100", 58.5, rowWay),
	layerFloor("op-call", "a100-pcie", 26.5, flatWay), layerFloor("op-module", "a100-pcie", 31.3, flatWay),
	layerFloor("op-softmax", "a100-pcie", 33.5, rowWay), layerFloor("op-layernorm", "a100-pcie", 46.7, rowWay),
	layerFloor("op-call", "a100", 19.2, flatWay), layerFloor("op-module", "a100", 22.4, flatWay),
	layerFloor("op-softmax", "a100", 24.5, rowWay), layerFloor("op-layernorm", "a100", 34.5, rowWay),
	layerFloor("op-call", "t4", 26.2, flatWay), layerFloor("op-module", "t4", 31.9, flatWay),
	layerFloor("op-softmax", "t4", 33.2, rowWay), layerFloor("op-layernorm", "t4", 49.6, rowWay),
	layerFloor("op-call", "p100", 45.1, flatWay), layerFloor("op-module", "p100", 53, flatWay),
	layerFloor("op-softmax", "p100", 60.8, rowWay), layerFloor("op-layernorm", "p100", 49.3, rowWay),
	layerFloor("op-call", "p4", 26.3, flatWay), layerFloor("op-module", "p4", 32, flatWay),
	layerFloor("op-softmax", "p4", 33.9, rowWay), layerFloor("op-layernorm", "p4", 47.6, rowWay),
	layerFloor("op-call", "l4", 22.8, flatWay), layerFloor("op-module", "l4", 26.5, flatWay),
	layerFloor("op-softmax", "l4", 29, rowWay), layerFloor("op-layernorm", "l4", 41, rowWay),
	{[]string{"neusight"}, "", Method{Name: Bracketed}},
	{[]string{"llmcompass"}, "", Method{Name: HostSync}},
	{[]string{"deepgemm"}, "", Method{Name: WarmGraph}},
	{[]string{"rtx 5000", "study"}, "", Method{Name: WarmGraph}},
}

// neusight is an operator of NeuSight's on a device. Floors are the medians of
// rows with next to no work, where the public half has such; H100 and L4 have
// none, and take what their shortest rows leave. The way to the launch is the
// same part of the floor as on V100.
func neusight(operator, device string, issue, floor float64) source {
	return source{[]string{"neusight", operator}, device, Method{Name: Bracketed, HostIssueUS: issue, FloorUS: floor, SecondKernelUS: 5.5, GapUS: 1}}
}

// The host's way to the launch, as part of the floor [fit]: every other V100 row of
// element-wise layers (17 of 32.5 us, 19.5 of 37.9) and of softmax and layer norm
// (30 of 41.4, 41 of 58.5), where work above the floor shows it.
const flatWay, rowWay = 0.52, 0.71

// layerFloor is a kind of NeuSight's layers on a device.
func layerFloor(operator, device string, floor, way float64) source {
	return source{[]string{"neusight", operator}, device, Method{Name: Bracketed, HostIssueUS: way * floor, FloorUS: floor, SecondKernelUS: 5.5, GapUS: 1}}
}

// MethodFor gives the method of a row: the named one, or what its source is
// known to have done, or plain kernel time. An unknown name is an error.
func MethodFor(name, src, device string) (Method, error) {
	name, src, device = strings.ToLower(name), strings.ToLower(src), strings.ToLower(device)
	if _, ok := methods[name]; name != "" && !ok {
		return Method{}, fmt.Errorf("unknown method %q (allowed: %s, %s, %s, %s, %s, %s)", name, WarmBackToBack, WarmGraph, Bracketed, HostSync, Cold, Eager)
	}
	for _, s := range sources {
		if !s.fits(src, device) || name != "" && name != s.method.Name {
			continue
		}
		if s.method == (Method{Name: s.method.Name}) {
			return named(s.method.Name), nil
		}
		return s.method, nil
	}
	if name == "" {
		name = WarmGraph
	}
	return named(name), nil
}

func named(name string) Method {
	m := methods[name]
	m.Name = name
	return m
}

func (s *source) fits(src, device string) bool {
	for _, word := range s.match {
		if !strings.Contains(src, word) {
			return false
		}
	}
	return strings.Contains(device, s.device)
}

// Apply gives the figure that the method reports, in microseconds, for a call
// whose kernels take the given times on the device, one after another.
func (m Method) Apply(kernelTimesUS []float64) float64 {
	sum := 0.0
	for _, t := range kernelTimesUS {
		sum += t
	}
	return m.Total(sum, len(kernelTimesUS))
}

// Total is what Apply gives for a number of kernels that take sum microseconds
// together.
func (m Method) Total(sum float64, kernels int) float64 {
	n := float64(kernels)
	var us float64
	switch m.Name {
	case WarmBackToBack, Eager:
		// Whoever is slower sets the pace: the host issuing or the device
		// executing.
		us = math.Max(m.HostIssueUS*n, sum+m.GapUS*n)
	case Bracketed:
		// The first time stamp is taken at once, the device idles until the
		// launch arrives. A short call is over before the host has recorded
		// the second time stamp.
		us = math.Max(m.FloorUS+m.SecondKernelUS*(n-1), m.HostIssueUS+sum+m.GapUS*(n-1))
	case HostSync:
		us = m.HostIssueUS + math.Max(sum+m.GapUS*(n-1), m.SecondKernelUS*(n-1))
	default:
		us = sum + m.GapUS*(n-1)
	}
	if m.Truncate {
		us = math.Floor(us)
	}
	return us
}

// Period is the time from one call to the next, in microseconds, where the
// source repeats a call whose kernels take the given times on the device.
func (m Method) Period(kernelTimesUS []float64) float64 {
	m.Truncate = false
	return m.Apply(kernelTimesUS)
}

// paddedDims gives what the sizes that really ran are multiples of. DeepBench
// pads all sizes of Tensor Core kernels to 8, and what is a leading dimension
// of int8 ones to 4 (none of its products for int8 has n as one), but lists them
// unpadded.
func paddedDims(src, dtype string, tensorCore bool) (m, n, k int) {
	if !workloads.OfDeepBench(src) {
		return 1, 1, 1
	}
	switch {
	case dtype == "fp16" && tensorCore:
		return 8, 8, 8
	case dtype == "int8":
		return 4, 1, 4
	}
	return 1, 1, 1
}
