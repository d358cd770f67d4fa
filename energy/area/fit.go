package area

import (
	"maps"
	"math"
	"slices"

	"gpusim/configs"
)

// Die is a die of published size beside what the figures say of it.
type Die struct {
	Machine, Generation string
	PublishedMM2        float64
	ModelledMM2         float64 // with the figures as they are
	LowMM2, HighMM2     float64
	LeftOutMM2          float64 // with figures fitted to all other generations
}

// fitted are the figures that are fitted to published dies, with the value towards
// which each is pulled and how far, as a factor's logarithm, it may go lightly: from
// what gpu.yaml cites for each.
var fitted = []struct {
	unit          string
	prior, spread float64
}{
	{"alu_share", 0.6, 0.4}, {"subcore_control_mtr", 12, 0.5}, {"memory_unit_mtr", 20, 0.5},
	{"l2_cells", 3, 0.3}, {"crossbar_share", 0.7, 0.4}, {"hub_mtr", 400, 0.5}, {"edge_mm2", 15, 0.5},
}

// pull is the weight of the priors against squared relative errors of areas.
const pull = 0.002

// published are the machines that stand for the dies of published size, one for
// each die.
var published = []struct{ machine, generation string }{
	{"kepler", "Kepler"}, {"k80", "Kepler"}, {"maxwell", "Maxwell"},
	{"pascal", "Pascal"}, {"titanx-pascal", "Pascal"}, {"p4", "Pascal"}, {"volta", "Volta"},
	{"turing", "Turing"}, {"titan-rtx", "Turing"}, {"rtx2070", "Turing"},
	{"ampere", "Ampere"}, {"rtxa6000", "Ampere"}, {"rtx3070", "Ampere"}, {"rtx3060", "Ampere"},
	{"ada", "Ada"}, {"hopper", "Hopper"},
}

// sizes of a Turing SM in die photos: half a TPC of TU106, and of TU116, which has
// neither Tensor Cores nor RT cores.
const (
	turingSMMM2      = 10.89 / 2
	turingSMPlainMM2 = 8.94 / 2
)

// point is one published area as a sum over the fitted figures.
type point struct {
	generation string
	mm2        float64
	rest       float64   // of what is not fitted
	per        []float64 // mm2 per unit of each fitted figure
	weight     float64
}

func (p *point) at(x []float64) float64 {
	sum := p.rest
	for i := range x {
		sum += p.per[i] * x[i]
	}
	return sum
}

// Dies compares the figures with every published die of a GPU that there is a
// machine for, and fits them again without each generation in turn.
func Dies() ([]Die, error) {
	points, dies, err := observations()
	if err != nil {
		return nil, err
	}
	for g := range slices.Values(generations()) {
		x := fit(slices.DeleteFunc(slices.Clone(points), func(p point) bool { return p.generation == g }))
		for i := range dies {
			if dies[i].Generation == g {
				dies[i].LeftOutMM2 = points[i].at(x)
			}
		}
	}
	return dies, nil
}

func generations() []string {
	var out []string
	for _, p := range published {
		if !slices.Contains(out, p.generation) {
			out = append(out, p.generation)
		}
	}
	return out
}

// observations are the points of the fit: the dies in the order of published, then
// the two SMs.
func observations() ([]point, []Die, error) {
	var points []point
	var dies []Die
	for _, d := range published {
		m, err := configs.Load(d.machine, nil)
		if err != nil {
			return nil, nil, err
		}
		l, err := Of(m)
		if err != nil {
			return nil, nil, err
		}
		dies = append(dies, Die{Machine: d.machine, Generation: d.generation, PublishedMM2: m.DieMM2, ModelledMM2: l.Modelled(), LowMM2: l.LowMM2, HighMM2: l.HighMM2})
		p, err := observe(m, d.generation, m.DieMM2, func(l *Ledger) float64 { return l.Modelled() })
		if err != nil {
			return nil, nil, err
		}
		of := 0.0
		for _, other := range published {
			if other.generation == d.generation {
				of++
			}
		}
		p.weight = 1 / math.Sqrt(of) // dies of a generation resemble each other
		points = append(points, p)
	}
	tu106, err := configs.Load("rtx2070", nil)
	if err != nil {
		return nil, nil, err
	}
	n := float64(tu106.GPU.SM.Count)
	for _, sm := range []struct {
		mm2  float64
		size func(*Ledger) float64
	}{
		{turingSMMM2, func(l *Ledger) float64 { return l.Group(SM) / n }},
		{turingSMPlainMM2, func(l *Ledger) float64 {
			return (l.Group(SM) - l.Component("sm_tensor").MM2 - l.Component("sm_rt").MM2) / n
		}},
	} {
		p, err := observe(tu106, "Turing", sm.mm2, sm.size)
		if err != nil {
			return nil, nil, err
		}
		p.weight = 0.5
		points = append(points, p)
	}
	return points, dies, nil
}

// observe takes an area apart into what each fitted figure adds: the ledger is a sum
// of such terms, so switching a figure off and on shows its own.
func observe(m *configs.Machine, generation string, mm2 float64, size func(*Ledger) float64) (point, error) {
	p := point{generation: generation, mm2: mm2}
	with := func(unit string, value float64) (float64, error) {
		c := *m
		c.Area.Units = maps.Clone(m.Area.Units)
		for _, f := range fitted {
			c.Area.Units[f.unit] = configs.AreaUnit{}
		}
		if unit != "" {
			c.Area.Units[unit] = configs.AreaUnit{Value: value}
		}
		l, err := Of(&c)
		return size(&l), err
	}
	var err error
	if p.rest, err = with("", 0); err != nil {
		return p, err
	}
	for _, f := range fitted {
		one, err := with(f.unit, 1)
		if err != nil {
			return p, err
		}
		p.per = append(p.per, one-p.rest)
	}
	return p, nil
}

// fit minimises the squared logarithms of modelled over published area, and the pull
// of the priors, by descent along the coordinates: there are few, and it is exact
// enough.
func fit(points []point) []float64 {
	x := make([]float64, len(fitted))
	for i, f := range fitted {
		x[i] = f.prior
	}
	cost := func() float64 {
		sum := 0.0
		for i := range points {
			e := math.Log(points[i].at(x) / points[i].mm2)
			sum += points[i].weight * e * e
		}
		for i, f := range fitted {
			e := math.Log(x[i]/f.prior) / f.spread
			sum += pull * e * e
		}
		return sum
	}
	best := cost()
	for step := 0.3; step > 1e-5; {
		better := false
		for i := range x {
			for _, factor := range []float64{math.Exp(step), math.Exp(-step)} {
				old := x[i]
				x[i] *= factor
				if c := cost(); c < best-1e-14 {
					best, better = c, true
				} else {
					x[i] = old
				}
			}
		}
		if !better {
			step /= 2
		}
	}
	return x
}
