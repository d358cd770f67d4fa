package sweep

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy/area"
)

// derived are values of a machine that are no keys of its file.
var derived = map[string]func(m *configs.Machine) float64{
	"area": func(m *configs.Machine) float64 { mm2, _ := areaOf(m); return mm2 }, // mm2
	"cost": func(m *configs.Machine) float64 { _, usd := areaOf(m); return usd }, // USD of a good die
	"dram_bandwidth": func(m *configs.Machine) float64 { // bytes a second
		switch {
		case m.GPU != nil:
			return m.GPU.DRAM.PeakBandwidth()
		case m.NVDLA != nil:
			return float64(m.NVDLA.Memory.Bandwidth)
		case m.Systolic != nil:
			return float64(m.Systolic.Memory)
		case m.CPU != nil:
			return float64(m.CPU.Memory.Bandwidth)
		}
		return math.NaN()
	},
	"cuda_cores": func(m *configs.Machine) float64 {
		if m.GPU == nil {
			return math.NaN()
		}
		return m.GPU.SM.FP32Lanes() * float64(m.GPU.SM.Count)
	},
	"macs_per_clk": func(m *configs.Machine) float64 { // of the fixed array, or of Tensor Cores in fp16
		switch {
		case m.GPU != nil:
			return m.GPU.Tensor.Rate("fp16") * float64(m.GPU.SM.SubCores*m.GPU.SM.Count)
		case m.NVDLA != nil:
			return float64(m.NVDLA.AtomicC * m.NVDLA.AtomicK)
		case m.Systolic != nil:
			return float64(m.Systolic.Rows * m.Systolic.Cols)
		}
		return math.NaN()
	},
	"peak_tops_fp16": func(m *configs.Machine) float64 { return peak(m, "fp16") },
	"peak_tops_fp32": func(m *configs.Machine) float64 { return peak(m, "fp32") },
}

func peak(m *configs.Machine, dtype string) float64 {
	if m.GPU == nil {
		return math.NaN()
	}
	return gpusim.PeakTOPS(m.GPU, dtype)
}

// areaOf is a machine's die in mm2 and what a good one costs in USD; NaN where that is
// not known.
func areaOf(m *configs.Machine) (mm2, usd float64) {
	l, err := area.Of(m)
	if err != nil {
		return math.NaN(), math.NaN()
	}
	return l.TotalMM2, l.Cost().USD
}

func sortedCopy(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// known says whether a name in an expression means something.
func (sp *Space) known(name string) error {
	if _, ok := derived[name]; ok || slices.Contains(sp.AxisNames(), name) {
		return nil
	}
	if strings.Contains(name, ".") {
		if _, ok := sp.machine.Value(name); ok {
			return nil
		}
		if err := reason(sp.base.IsKey(name)); err != nil {
			return err
		}
		return fmt.Errorf("%s of %s is no number", name, sp.machine.Name)
	}
	names := sp.AxisNames()
	for n := range derived {
		names = append(names, n)
	}
	if _, ok := sp.machine.Value(name); ok { // a key at the top of the file
		return nil
	}
	return fmt.Errorf("unknown name %q%s", name, meant(name, sortedCopy(names)))
}

// env is what names mean on a machine at a point; at is nil on the base.
func (sp *Space) env(m *configs.Machine, at []int, base *env) *env {
	return &env{base: base, value: func(name string) (float64, error) {
		for i := range sp.axes {
			if a := &sp.axes[i]; a.name == name {
				if at != nil {
					return a.numbers[at[i]], nil
				}
				if len(a.keys) == 0 || len(a.values[0]) > len(a.keys) {
					return 0, fmt.Errorf("the base has no %s, which is only an axis", name)
				}
				name = a.keys[0]
			}
		}
		v, ok := 0.0, false
		if of, is := derived[name]; is {
			v, ok = of(m), true
		} else {
			v, ok = m.Value(name)
		}
		if !ok || math.IsNaN(v) {
			return 0, fmt.Errorf("%s has no %s", m.Name, name)
		}
		return v, nil
	}}
}

// unmet is why a point is none: the first constraint that does not hold.
type unmet struct{ constraint int }

func (u *unmet) Error() string { return "a constraint does not hold" }

// load makes the machine of a point. An *unmet error says that the point is outside
// the constraints; any other that there is no such machine.
func (sp *Space) load(at []int) (*configs.Machine, error) {
	sets := sp.sets(at)
	m, err := sp.base.With(sets)
	if err != nil && len(sp.formulas) == 0 {
		return nil, err
	}
	base := sp.env(sp.machine, nil, nil)
	for _, f := range sp.formulas {
		from := m
		if from == nil {
			// Axes alone make no machine: what formulas give has to. They see the base then,
			// and the axes.
			from = sp.machine
		}
		v, err := f.expr.eval(sp.env(from, at, base))
		if err != nil {
			return nil, fmt.Errorf("formula of %s: %w", f.key, err)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("formula of %s: %s is no number here", f.key, f.expr.text)
		}
		sets = append(sets, f.key+"="+sp.base.Format(f.key, v))
		m, err = sp.base.With(sets)
		if err != nil {
			m = nil
		}
	}
	if m == nil {
		if m, err = sp.base.With(sets); err != nil {
			return nil, err
		}
	}
	e := sp.env(m, at, base)
	for i, c := range sp.constraints {
		v, err := c.eval(e)
		if err != nil {
			return nil, err
		}
		if v == 0 || math.IsNaN(v) {
			return nil, &unmet{i}
		}
	}
	return m, nil
}
