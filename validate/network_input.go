package validate

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// networkColumns make a table one of whole networks.
var networkColumns = []string{"device", "model", "batch", "precision", "phase", "latency_ms", "throughput", "source"}

// Metrics of networks.
const (
	metricLatency    = "latency_ms"
	metricThroughput = "throughput" // samples per second
)

// networkRow is what a row says about a network before the machine is known.
type networkRow struct {
	net  workloads.Network // of batch 0 where none is listed: the largest that fits
	feed float64           // microseconds until a batch is on the device
}

// largestBatch is where the search for the largest batch that fits begins where
// none is listed.
const largestBatch = 256

// addNetworks reads a table of whole networks.
func (t *Tables) addNetworks(tab *workloads.Table) error {
	for i, rec := range tab.Rows {
		r, err := readNetworkRow(func(column string) string { return tab.Field(rec, column) })
		var skip skipped
		switch {
		case errors.As(err, &skip):
			t.skipped = append(t.skipped, Skip{tab.File, tab.Line(i), string(skip)})
		case err != nil:
			return &workloads.Error{File: tab.File, Line: tab.Line(i), Reason: err.Error()}
		default:
			r.file, r.line = tab.File, tab.Line(i)
			t.rows = append(t.rows, *r)
		}
	}
	return nil
}

// skipped says why a well-formed row cannot be simulated.
type skipped string

func (s skipped) Error() string { return string(s) }

func skipf(format string, a ...any) error { return skipped(fmt.Sprintf(format, a...)) }

// readNetworkRow reads a row; a skipped error says that it is well formed.
func readNetworkRow(get func(column string) string) (*row, error) {
	device, gpus := deviceOf(get("device"))
	if device == "" {
		return nil, errors.New("device: empty")
	}
	r := &row{network: &networkRow{}, values: networkValues(get("source"))}
	if err := r.figure(get); err != nil {
		return nil, err
	}
	n := &r.network.net
	n.Phase = strings.ToLower(get("phase"))
	if n.Phase != workloads.PhaseInfer && n.Phase != workloads.PhaseTrain {
		return nil, fmt.Errorf("phase: %q (allowed: infer, train)", get("phase"))
	}
	var err, badBatch, badType error
	n.Batch, badBatch = batchOf(get("batch"))
	n.DType, badType = precisionOf(get("precision"))
	if r.method, err = describe(n, get("model"), strings.ToLower(get("source"))); err != nil {
		return nil, err
	}
	if name := get("method"); name != "" {
		if r.method, err = MethodFor(name, get("source"), get("device")); err != nil {
			return nil, fmt.Errorf("method: %w", err)
		}
	}
	switch {
	case badType != nil:
		return nil, badType
	case badBatch != nil:
		return nil, badBatch
	case n.DType == "":
		return nil, skipf("no precision is listed")
	}
	if n.Parallel.GPUs > 0 {
		gpus = n.Parallel.GPUs
	}
	if err := r.place(device, get("device"), gpus); err != nil {
		return nil, err
	}
	if gpus > 1 && n.Phase == workloads.PhaseTrain && n.Parallel.Grads == "" && strings.Contains(strings.ToLower(get("model")), "pytorch") {
		n.Parallel.Grads = "fp32" // its automatic mixed precision keeps parameters and gradients so; MXNet's are of the network's type
	}
	if gpus == 1 && n.Parallel != (workloads.Parallel{GPUs: n.Parallel.GPUs}) {
		return nil, skipf("one GPU, but %s", get("model"))
	}
	r.class = n.Phase + "/" + n.DType
	return r, nil
}

// precisionOf reads a type; empty is none.
func precisionOf(s string) (string, error) {
	switch {
	case s == "", strings.EqualFold(s, "unstated"):
		return "", nil
	case strings.Contains(s, ","):
		return "", skipf("a mixture of precisions: %s", s)
	}
	dtype, err := workloads.DType(s)
	if err != nil {
		err = fmt.Errorf("precision: %w", err)
	}
	return dtype, err
}

// batchOf reads a batch; 0 is none.
func batchOf(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	v, err := strconv.Atoi(s)
	switch {
	case err != nil && strings.ContainsAny(s, "+x"):
		return 0, skipf("batch %s: shared with other devices", s)
	case err != nil || v < 1:
		return 0, fmt.Errorf("batch: %q is not a whole number of 1 or more", s)
	}
	return v, nil
}

// place finds what a row ran on: a GPU, or several of a system. One GPU may be known as
// a system's alone.
func (r *row) place(device, text string, gpus int) error {
	p := &r.network.net.Parallel
	r.device, p.GPUs = device, 0
	if _, known := configs.ForDevice(device); known && gpus == 1 {
		return nil
	}
	system := systemText(text)
	if name, ok := configs.ForSystem(device, system); ok {
		r.device, p.GPUs = name, gpus
	} else if gpus > 1 {
		return skipf("%d GPUs: no system file answers to %q in %q", gpus, device, system)
	}
	return nil
}

// figure takes what was measured: the latency, or, where the throughput is
// another figure than the batch over it, the throughput.
func (r *row) figure(get func(column string) string) error {
	read := func(column string) (float64, error) {
		s := get(column)
		if s == "" {
			return 0, nil
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !(v > 0) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("%s: %q is not a number above 0", column, s)
		}
		return v, nil
	}
	latency, err := read(metricLatency)
	if err != nil {
		return err
	}
	throughput, err := read(metricThroughput)
	if err != nil {
		return err
	}
	batch, _ := strconv.ParseFloat(get("batch"), 64)
	switch {
	case latency == 0 && throughput == 0:
		return skipf("neither a latency nor a throughput is listed")
	case throughput == 0, latency > 0 && math.Abs(batch/latency*1e3/throughput-1) < 0.01:
		r.metric, r.measured = metricLatency, latency
	default:
		r.metric, r.measured = metricThroughput, throughput
	}
	return nil
}

// network settles a row's network when its machine is known: the batch, where
// none is listed, is the largest power of two that fits the memory. A reason says
// why the row is skipped.
func (p *planner) network(r *row) (reason string, err error) {
	m, err := p.o.Machine(r.device)
	if err != nil || m == nil {
		return "", err // add says so
	}
	n := r.network.net
	if n.Batch > 0 {
		r.work, err = workloads.OfNetwork(n)
	} else {
		for n.Batch = largestBatch; ; n.Batch /= 2 {
			r.work, err = workloads.OfNetwork(n)
			if n.Batch == 1 || err == nil && gpusim.Fits(m, r.work.Net) {
				break
			}
		}
	}
	if err != nil {
		return err.Error(), nil
	}
	r.network.feed = r.method.feedUS(r.work.Net.Inputs, m)
	return "", nil
}

// compareNetwork turns a simulated network into the row's figure.
func (r *row) compareNetwork(res *gpusim.Result) Row {
	kernels, main := 0, 0
	for i := range res.Layers {
		kernels += res.Layers[i].Kernels
		if res.Layers[i].TimeUS > res.Layers[main].TimeUS {
			main = i
		}
	}
	p := &r.work.Net.Parallel
	us := r.network.feed + r.method.Total(res.TimeUS, kernels/max(1, p.Pipeline))*r.method.slowestOf(p.GPUs)
	out := Row{
		File: r.file, Line: r.line, Class: r.class, Metric: r.metric, Workload: r.work.Short(),
		Measured: r.measured, Simulated: us / 1e3,
	}
	if r.metric == metricThroughput {
		out.Simulated = float64(res.Batch*max(1, p.Data)) / us * 1e6
	}
	if len(res.Layers) > 0 {
		out.Kernel = res.Layers[main].Kernel
	}
	out.ErrorPct = ErrorPct(out.Measured, out.Simulated)
	return out
}
