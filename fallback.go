package gpusim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// Fallback says what of a workload a machine left to its host, and what that cost.
type Fallback struct {
	Host     string
	Layers   []Fallen
	ToHost   float64 // bytes that crossed, either way
	ToDevice float64
	HandOver int     // changes between machine and host
	TimeUS   float64 // all of it: the parts below
	HostUS   float64 // the host's own work
	LinkUS   float64 // tensors on their way, and the changes
	CastUS   float64 // the host turns types and layouts
}

// Fallen is a layer that the host did.
type Fallen struct {
	Layer  string
	Kind   string
	Why    string // what the machine lacks
	TimeUS float64
}

// lackError says that a machine cannot execute a workload by itself but that a
// host could.
type lackError struct{ why string }

func (e *lackError) Error() string { return e.why }

// placedLayer is a layer of a network with what it came to.
type placedLayer struct {
	Name  string
	Key   string // of what was simulated
	Count int
	Leaf  *Result
}

// hostOf gives the machine that executes what another one cannot.
func hostOf(m *configs.Machine) (*configs.Machine, error) {
	if m.Host == nil {
		return nil, fmt.Errorf("it names no host to do so")
	}
	h, err := shipped(m.Host.Machine)
	if err != nil {
		return nil, fmt.Errorf("its host: %w", err)
	}
	if h.GPU == nil && h.CPU == nil {
		return nil, fmt.Errorf("its host %s cannot be programmed", h.Name)
	}
	return h, nil
}

// shipped loads a machine that another one names, once.
func shipped(name string) (*configs.Machine, error) {
	if m, ok := named.Load(name); ok {
		return m.(*configs.Machine), nil
	}
	m, err := configs.Load(name, nil)
	if err != nil {
		return nil, err
	}
	got, _ := named.LoadOrStore(name, m)
	return got.(*configs.Machine), nil
}

// named are machines that others name, by name.
var named sync.Map

// fixed says whether a machine executes a list of operators and no programs.
func fixed(m *configs.Machine) bool { return m.NVDLA != nil || m.Systolic != nil }

// crossing is what passes between a machine and its host before a layer.
type crossing struct {
	toHost   bool
	elements []float64 // of each tensor
	times    int
}

// offload prices what goes to a host and comes back.
type offload struct {
	ctx   context.Context
	m     *configs.Machine
	host  *configs.Machine
	dtype string // of elements on the machine
	o     Options
	cache *OneMachine // of the host
	fb    Fallback
}

func newOffload(ctx context.Context, m *configs.Machine, dtype string, o Options) (*offload, error) {
	h := o.host
	if h == nil {
		var err error
		if h, err = hostOf(m); err != nil {
			return nil, err
		}
	}
	f := &offload{ctx: ctx, m: m, host: h, dtype: dtype, o: Options{Fidelity: o.Fidelity, MaxCycles: o.MaxCycles, Budget: o.Budget, Values: o.Values}}
	if f.o.Fidelity == Analytic { // which not every kind of layer has
		f.o.Fidelity = Sampled
	}
	f.cache = o.cacheOn(h)
	f.fb.Host = h.Name
	return f, nil
}

// execute is a layer on the host, in the type nearest to its own that the host has.
func (f *offload) execute(l workloads.NetLayer, why string) ([]placedLayer, error) {
	works, err := hostWork(f.host, l.Work)
	if err != nil {
		return nil, err
	}
	var out []placedLayer
	all := 0.0
	for _, w := range works {
		r, err := f.cache.Run(f.ctx, w, f.o)
		if err != nil {
			return nil, fmt.Errorf("layer %q (%s) on %s, the host of %s, which lacks it (%s): %w", l.Name, w.Short(), f.host.Name, f.m.Name, why, err)
		}
		all += float64(l.Count) * r.TimeUS
		leaf, err := f.idling(r)
		if err != nil {
			return nil, err
		}
		out = append(out, placedLayer{l.Name, "host " + w.Text, l.Count, leaf})
	}
	f.fb.HostUS += all
	f.fb.Layers = append(f.fb.Layers, Fallen{l.Name, l.Work.Kind, why, all})
	return out, nil
}

// hostWork is what a host runs for a layer: the layer itself, or where the host has
// no single kernel for attention its two products and the softmax between, for a
// convolution and the pooling behind it both.
func hostWork(host *configs.Machine, w workloads.Workload) ([]workloads.Workload, error) {
	near := Nearest(host, w)
	a := w.Layer
	if a == nil || partNames[a.Kind] == nil || Lacks(host, near, "") == "" {
		return []workloads.Workload{near}, nil
	}
	if a.Kind == workloads.KindConvPool {
		conv, pool, err := a.Apart()
		if err != nil {
			return nil, err
		}
		return []workloads.Workload{Nearest(host, conv), Nearest(host, pool)}, nil
	}
	heads := a.Batch * a.Heads
	var out []workloads.Workload
	for _, s := range []string{
		fmt.Sprintf("gemm:m=%d,n=%d,k=%d,dtype=%s,tb=t,batch=%d,order=row", a.Seq, a.Keys(), a.Dim, a.DType, heads),
		fmt.Sprintf("softmax:rows=%d,cols=%d,dtype=%s", heads*a.Seq, a.Keys(), a.DType),
		fmt.Sprintf("gemm:m=%d,n=%d,k=%d,dtype=%s,batch=%d,order=row", a.Seq, a.Dim, a.Keys(), a.DType, heads),
	} {
		part, err := workloads.Parse(s)
		if err != nil {
			return nil, err
		}
		out = append(out, Nearest(host, part))
	}
	return out, nil
}

// idling adds the static energy of the machine that waits for its host.
func (f *offload) idling(r *Result) (*Result, error) {
	wait, err := energy.Build(&f.m.Energy, nil, r.TimeUS*1e-6)
	if err != nil {
		return nil, err
	}
	c := *r
	wait.Scope = c.Energy.Scope
	if c.Energy, err = energy.Sum(c.Energy, wait); err != nil {
		return nil, err
	}
	c.Layers = append([]Layer(nil), r.Layers...)
	if len(c.Layers) > 0 {
		main := &c.Layers[0]
		main.Energy, err = energy.Sum(main.Energy, wait)
	}
	return &c, err
}

// cross is the way of tensors to the other side: the hand-over, the link, and the
// host's pass over each that turns its type and layout.
func (f *offload) cross(name string, c crossing) ([]placedLayer, error) {
	h := f.m.Host
	var out []placedLayer
	bytes := 0.0
	for _, n := range c.elements {
		bytes += n * typeBytes(f.dtype)
	}
	seconds := float64(h.HandOver)*1e-12 + bytes/h.Rate()
	if h.LinkType() != nil {
		seconds += float64(len(c.elements)) * h.Latency()
	}
	all := bytes * float64(c.times)
	way := "to_host"
	if c.toHost {
		f.fb.ToHost += all
	} else {
		way = "to_device"
		f.fb.ToDevice += all
	}
	f.fb.HandOver += c.times
	f.fb.LinkUS += float64(c.times) * seconds * 1e6
	leaf, err := f.link(way, bytes, seconds)
	if err != nil {
		return nil, err
	}
	out = append(out, placedLayer{name + "/" + way, fmt.Sprintf("link %s %.0f", way, bytes), c.times, leaf})
	for _, n := range c.elements {
		w, err := f.cast(n, c.toHost)
		if err != nil {
			return nil, err
		}
		r, err := f.cache.Run(f.ctx, w, f.o)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %s on %s: %w", name, w.Short(), f.host.Name, err)
		}
		f.fb.CastUS += float64(c.times) * r.TimeUS
		leaf, err := f.idling(r)
		if err != nil {
			return nil, err
		}
		out = append(out, placedLayer{name + "/convert", "host " + w.Text, c.times, leaf})
	}
	return out, nil
}

// cast is the host's pass over a tensor: from the machine's type and layout to its
// own, or back. Bytes count as two here, the least that element-wise layers know.
func (f *offload) cast(elements float64, toHost bool) (workloads.Workload, error) {
	from, to := "fp16", "fp16"
	if f.host.CPU != nil {
		from, to = "fp16", "fp32"
		if !toHost {
			from, to = to, from
		}
	}
	op := "cast,to=" + to
	if from == to {
		op = "copy"
	}
	return workloads.Parse(fmt.Sprintf("elementwise:op=%s,size=%.0f,dtype=%s", op, elements, from))
}

// link is one passage as a result: bytes over the link, or twice through the memory
// that both share.
func (f *offload) link(way string, bytes, seconds float64) (*Result, error) {
	count := energy.Count{Component: energy.HostByte, Events: events(bytes)}
	dram := math.NaN()
	if f.m.Host.LinkType() == nil {
		count = energy.Count{Component: energy.DRAMByte, Events: events(2 * bytes)}
		dram = 2 * bytes
	}
	l, err := energy.Build(energy.AtValues(&f.m.Energy, f.o.Values, f.dtype, 0), []energy.Count{count}, seconds)
	if err != nil {
		return nil, err
	}
	us := seconds * 1e6
	r := &Result{Machine: f.m.Name, TimeUS: us, TimeLoUS: us, TimeHiUS: us, Bound: boundHost, Energy: l, SimulatedPct: 100,
		PeakTOPS: math.NaN(), L2HitPct: math.NaN(), DRAMBytes: 0, WarpInsts: 0, ClockMHz: math.NaN()}
	if !math.IsNaN(dram) {
		r.DRAMBytes = dram
	}
	kernel := "shared_memory"
	if t := f.m.Host.LinkType(); t != nil {
		kernel = t.Name
	}
	r.Layers = []Layer{{Name: way, Kernel: kernel, TimeUS: us, Bound: boundHost, Energy: l, DRAMBytes: r.DRAMBytes,
		Waves: math.NaN(), Occupancy: math.NaN(), WarpInsts: math.NaN(), L2HitPct: math.NaN()}}
	return r, nil
}

// done sums the costs up.
func (f *offload) done() *Fallback {
	f.fb.TimeUS = f.fb.HostUS + f.fb.LinkUS + f.fb.CastUS
	return &f.fb
}

// runFallen is a single layer that a machine lacks: its inputs cross to the host,
// and the results come back to where the machine needs them.
func runFallen(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options, why string) (Result, error) {
	fail := func(err error) (Result, error) {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s: %s, and %w", w.Short(), m.Name, why, err)}
	}
	f, err := newOffload(ctx, m, firstOf(o.as, multiplies(m)[0]), o)
	if err != nil {
		return fail(err)
	}
	l := workloads.NetLayer{Name: w.Kind, Work: w, Count: 1}
	out, err := f.cross(l.Name, crossing{toHost: true, elements: []float64{float64(workloads.Inputs(w))}, times: 1})
	if err != nil {
		return Result{}, err
	}
	p, err := f.execute(l, why)
	if IsInput(err) {
		return fail(err)
	}
	if err != nil {
		return Result{}, err
	}
	back, err := f.cross(l.Name, crossing{elements: []float64{float64(workloads.Outputs(w))}, times: 1})
	if err != nil {
		return Result{}, err
	}
	r, err := sumPlaced(m, w, o.Fidelity, append(append(out, p...), back...))
	leaf := p[0].Leaf
	r.DType = leaf.DType
	r.ImagesPerS = 0
	r.PeakTOPS, r.ClockMHz = leaf.PeakTOPS, leaf.ClockMHz
	for i := range r.Layers { // kernels of one layer
		r.Layers[i].Count, r.Layers[i].Kernels = 0, 0
	}
	r.Fallback = f.done()
	return r, err
}

// Summary is one line about a fall-back.
func (f *Fallback) Summary() string {
	if f == nil || len(f.Layers) == 0 {
		return "nothing fell back to a host"
	}
	type group struct {
		kind, why string
		n         int
	}
	var groups []group
next:
	for _, l := range f.Layers {
		for i := range groups {
			if groups[i].kind == l.Kind && groups[i].why == l.Why {
				groups[i].n++
				continue next
			}
		}
		groups = append(groups, group{l.Kind, l.Why, 1})
	}
	var parts []string
	for _, g := range groups {
		parts = append(parts, fmt.Sprintf("%d %s (%s)", g.n, g.kind, g.why))
	}
	return fmt.Sprintf("to %s: %s", f.Host, strings.Join(parts, "; "))
}

// errTraining marks what no host is asked for.
var errTraining = errors.New("it runs no training passes")
