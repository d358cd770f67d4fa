package cpu

import (
	"fmt"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// RunLayer simulates a layer: the loops, or products and loops, that compute it
// one after another.
func RunLayer(m *configs.Machine, l *workloads.Layer) ([]Result, error) {
	if l.Kind == workloads.KindAttention {
		return runAttention(m, l)
	}
	if l.Kind == workloads.KindConvPool {
		conv, pool, err := l.Apart()
		if err != nil {
			return nil, err
		}
		first, err := RunConv(m, conv.Conv)
		if err != nil {
			return nil, err
		}
		then, err := RunLayer(m, pool.Layer)
		return append(first, then...), err
	}
	mod, err := newModel(m, l.DType)
	if err != nil {
		return nil, err
	}
	list, err := sweepsOf(l, float64(mod.core.elem))
	if err != nil {
		return nil, err
	}
	return mod.runSweeps(m, l.DType, list)
}

// RunCustom simulates a kernel that a file describes: a pass over the rows for
// each sum or maximum, and one for the result.
func RunCustom(m *configs.Machine, c *workloads.Custom) ([]Result, error) {
	mod, err := newModel(m, c.DType)
	if err != nil {
		return nil, err
	}
	e := float64(mod.core.elem)
	n := float64(c.Rows) * float64(c.Cols)
	s := sweep{name: c.Name, elems: n, pieces: float64(c.Rows), work: insts{fma: float64(c.Ops()) / n}}
	for _, in := range c.Inputs {
		switch in.Shape {
		case "row":
			s.work.vecLoad++
		case "col":
		default:
			s.streams = append(s.streams, read(e, c.Bytes()))
		}
	}
	s.streams = append(s.streams, write(e, c.Bytes()))
	return mod.runSweeps(m, c.DType, []sweep{s})
}

// runAttention is two batched products with a softmax between; of causal
// attention half of the pairs are left out.
func runAttention(m *configs.Machine, l *workloads.Layer) ([]Result, error) {
	batch := max(1, l.Batch) * l.Heads
	scores, err := Run(m, Problem{M: l.Keys(), N: l.Seq, K: l.Dim, Batch: batch, DType: l.DType, TransA: true})
	if err != nil {
		return nil, err
	}
	mod, err := newModel(m, l.DType)
	if err != nil {
		return nil, err
	}
	soft, err := mod.runSweeps(m, l.DType, softmax(float64(batch)*float64(l.Seq), float64(l.Keys()), float64(mod.core.elem), false))
	if err != nil {
		return nil, err
	}
	sums, err := Run(m, Problem{M: l.Dim, N: l.Seq, K: l.Keys(), Batch: batch, DType: l.DType})
	if err != nil {
		return nil, err
	}
	return append(append([]Result{scores}, soft...), sums), nil
}

// Epilogue simulates steps behind a product or a convolution of size outputs, in a
// pass of its own.
func Epilogue(m *configs.Machine, steps, dtype string, size float64) ([]Result, error) {
	if steps == "" {
		return nil, nil
	}
	mod, err := newModel(m, dtype)
	if err != nil {
		return nil, err
	}
	in := 1.0
	var work insts
	div := 0.0
	for _, name := range []string{workloads.EpilogueBias, workloads.EpilogueAdd, workloads.EpilogueReLU, workloads.EpilogueGELU} {
		if !workloads.HasStep(steps, name) {
			continue
		}
		f := functions[name]
		work.fma += f.arith
		div += f.div
		if name == workloads.EpilogueAdd {
			in++
		}
	}
	return mod.runSweeps(m, dtype, []sweep{flat("epilogue_"+steps, size, float64(mod.core.elem), in, 1, work, div)})
}

func (m *model) runSweeps(machine *configs.Machine, dtype string, list []sweep) ([]Result, error) {
	var out []Result
	for i := range list {
		r, counts, err := m.runSweep(&list[i])
		if err != nil {
			return nil, err
		}
		if err := finish(machine, m, dtype, &r, counts); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// newModel is a model of the machine computing in the type nearest to dtype.
func newModel(m *configs.Machine, dtype string) (*model, error) {
	if m == nil || m.CPU == nil {
		return nil, fmt.Errorf("cpu: the machine has no cpu section")
	}
	baseline, err := BaselineType(dtype)
	if err != nil {
		return nil, err
	}
	if err := checkCPU(m.CPU); err != nil {
		return nil, fmt.Errorf("%w (machine %s)", err, m.Name)
	}
	c, err := newCore(m.CPU, elemBytes(baseline))
	if err != nil {
		return nil, err
	}
	return &model{cpu: m.CPU, core: c, w: &Problem{}, batch: 1,
		line: float64(m.CPU.Caches[0].LineBytes), hz: float64(clock(m.CPU))}, nil
}

// finish adds what the machine's table and power limit make of a result.
func finish(machine *configs.Machine, m *model, dtype string, r *Result, counts []energy.Count) error {
	r.Machine, r.DType = machine.Name, dtype
	r.ComputeDType, _ = BaselineType(dtype)
	table := perMachine(&machine.Energy, m.cpu.Sockets)
	if err := capPower(r, table, counts, float64(machine.TDP)*float64(m.cpu.Sockets)); err != nil {
		return err
	}
	var err error
	r.Energy, err = energy.Build(table, counts, r.Seconds)
	return err
}
