// Package area tells how large a machine's die is and why: a ledger with a row for
// each kind of part, counted in the machine's configuration, and what a good die
// costs. Its figures stand in configs/area with their sources and ranges.
package area

import (
	"fmt"
	"math"

	"gpusim/configs"
)

// Groups of rows, in ledger order.
const (
	SM        = "sm"        // streaming multiprocessors of a GPU
	Cache     = "cache"     // L2, and of CPUs all caches
	Network   = "network"   // crossbar, ring or mesh
	Memory    = "memory"    // PHYs and controllers
	Links     = "links"     // NVLink, PCIe, links between sockets
	Core      = "core"      // cores of a CPU
	Array     = "array"     // multipliers and what stands beside them
	Buffer    = "buffer"    // on-chip memories of machines with an array
	Rest      = "rest"      // what there is once
	Remainder = "remainder" // published area less that of all other rows
)

// Row is one kind of part. Low and high follow from the ranges of its figure and of
// the process.
type Row struct {
	Group     string  `json:"group"`
	Component string  `json:"component"`
	Count     float64 `json:"count"` // parts on the die, unused ones included
	UnitMM2   float64 `json:"unit_mm2"`
	MM2       float64 `json:"area_mm2"`
	LowMM2    float64 `json:"area_lo_mm2"`
	HighMM2   float64 `json:"area_hi_mm2"`
}

// Ledger is the area of one die. Its rows sum to TotalMM2. Low and high are the
// range of the total: figures are taken as independent of each other, but what one
// figure does to several rows, and the process to all, adds up.
type Ledger struct {
	Rows     []Row   `json:"rows"`
	TotalMM2 float64 `json:"area_mm2"`
	LowMM2   float64 `json:"area_lo_mm2"`
	HighMM2  float64 `json:"area_hi_mm2"`

	node            configs.Process
	spares          spares
	sensitivityLow  map[string]float64 // what the low end of a figure takes off the total
	sensitivityHigh map[string]float64
}

// Of builds the ledger of a machine. A machine without figures, such as one that is
// no chip, is an error.
func Of(m *configs.Machine) (Ledger, error) {
	b, err := newBuilder(m)
	if err != nil {
		return Ledger{}, err
	}
	switch {
	case m.GPU != nil:
		b.gpu(m)
		b.spare("SM", SM, m.GPU.SM.Count, m.Area.Die.SpareSMs)
	case m.CPU != nil:
		b.cpu(m)
		b.spare("core", Core, m.CPU.Cores, m.Area.Die.SpareCores)
	case m.NVDLA != nil:
		b.nvdla(m.NVDLA)
	case m.Systolic != nil:
		b.systolic(m.Systolic)
	}
	b.blocks()
	if b.err != nil {
		return Ledger{}, b.err
	}
	b.finish()
	return b.l, nil
}

// spare notes the units of a group of which some are off.
func (b *builder) spare(name, group string, on, off int) {
	if n := on + off; n > 0 {
		b.l.spares = spares{name: name, units: n, off: off, mm2: b.l.Group(group) / float64(n)}
	}
}

// Modelled is the total without the remainder: what the figures alone say.
func (l *Ledger) Modelled() float64 { return l.TotalMM2 - l.Group(Remainder) }

// Group sums the rows of a group.
func (l *Ledger) Group(name string) float64 {
	sum := 0.0
	for i := range l.Rows {
		if l.Rows[i].Group == name {
			sum += l.Rows[i].MM2
		}
	}
	return sum
}

// Component gives a row by its name; one with nothing in it if there is none.
func (l *Ledger) Component(name string) Row {
	for _, r := range l.Rows {
		if r.Component == name {
			return r
		}
	}
	return Row{Component: name}
}

// builder collects the rows of one machine.
type builder struct {
	l    Ledger
	name string
	area *configs.Area
	err  error
}

func newBuilder(m *configs.Machine) (*builder, error) {
	if m.System != nil {
		return nil, fmt.Errorf("area: %s is a system of several devices; ask for one of them", m.Name)
	}
	if len(m.Area.Units) == 0 {
		return nil, fmt.Errorf("area: %s names no area_table, so nothing is known of its parts", m.Name)
	}
	n := &m.Area.Node
	if n.Logic.Value <= 0 || n.Cell.Value <= 0 {
		return nil, fmt.Errorf("area: %s: area.process is missing, or has no density of logic and no SRAM cell", m.Name)
	}
	return &builder{
		l:    Ledger{node: *n, sensitivityLow: map[string]float64{}, sensitivityHigh: map[string]float64{}},
		name: m.Name, area: &m.Area,
	}, nil
}

// unit looks a figure up; one that is missing is an error of the whole ledger.
func (b *builder) unit(name string) configs.AreaUnit {
	u, ok := b.area.Units[name]
	if !ok && b.err == nil {
		b.err = fmt.Errorf("area: %s: its area table has no unit %s", b.name, name)
	}
	u.Low, u.High = min(u.Low, u.Value), max(u.High, u.Value)
	return u
}

// Names of the two figures of the process in the ledger's sensitivities.
const (
	densityFigure = "node.logic_mtr_mm2"
	cellFigure    = "node.sram_cell_um2"
)

// logic adds a row of parts of unit millions of transistors each; share, when named,
// is a factor that several units have in common.
func (b *builder) logic(group, component string, count float64, unit, share string) {
	u, s := b.unit(unit), configs.AreaUnit{Value: 1, Low: 1, High: 1}
	if share != "" {
		s = b.unit(share)
	}
	d := b.area.Node.Logic
	one := u.Value * s.Value / d.Value
	b.add(group, component, count, one, []effect{
		{unit, ratio(u.Low, u.Value), ratio(u.High, u.Value)},
		{share, ratio(s.Low, s.Value), ratio(s.High, s.Value)},
		{densityFigure, ratio(d.Value, max(d.High, d.Value)), ratio(d.Value, min(d.Low, d.Value))},
	})
}

// sram adds a row of memories of so many bits each.
func (b *builder) sram(group, component string, count, bits float64, unit string) {
	u, c := b.unit(unit), b.area.Node.Cell
	b.add(group, component, count, bits*u.Value*c.Value*1e-6, []effect{
		{unit, ratio(u.Low, u.Value), ratio(u.High, u.Value)},
		{cellFigure, ratio(min(c.Low, c.Value), c.Value), ratio(max(c.High, c.Value), c.Value)},
	})
}

// fixed adds a row of parts that are as large in any process.
func (b *builder) fixed(group, component string, count float64, unit string) {
	u := b.unit(unit)
	b.add(group, component, count, u.Value, []effect{{unit, ratio(u.Low, u.Value), ratio(u.High, u.Value)}})
}

func (b *builder) blocks() {
	for _, name := range sortedNames(b.area.Blocks) {
		group := Rest
		if name == "unexplained" {
			group = Remainder
		}
		b.add(group, name, 1, b.area.Blocks[name].MM2, nil)
	}
}

// effect is what the ends of a figure's range do to a row: factors of its area.
type effect struct {
	figure    string
	low, high float64
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 1
	}
	return a / b
}

func (b *builder) add(group, component string, count, one float64, effects []effect) {
	if count == 0 || one == 0 {
		return
	}
	r := Row{Group: group, Component: component, Count: count, UnitMM2: one, MM2: count * one}
	var below, above float64
	for _, e := range effects {
		if e.figure == "" {
			continue
		}
		down, up := r.MM2*(1-e.low), r.MM2*(e.high-1)
		below, above = math.Hypot(below, down), math.Hypot(above, up)
		b.l.sensitivityLow[e.figure] += down
		b.l.sensitivityHigh[e.figure] += up
	}
	r.LowMM2, r.HighMM2 = math.Max(math.Min(0, r.MM2), r.MM2-below), r.MM2+above
	b.l.Rows = append(b.l.Rows, r)
}

// finish sums the rows from the top, as a reader would. The range of the total is
// that of what is modelled, so without the remainder it holds the true area or it
// does not.
func (b *builder) finish() {
	for i := range b.l.Rows {
		b.l.TotalMM2 += b.l.Rows[i].MM2
	}
	b.l.LowMM2 = b.l.Modelled() - norm(b.l.sensitivityLow)
	b.l.HighMM2 = b.l.Modelled() + norm(b.l.sensitivityHigh)
}

// norm adds up independent effects, in the order of their names so that the last
// bit is the same each time.
func norm(effects map[string]float64) float64 {
	sum := 0.0
	for _, name := range sortedNames(effects) {
		sum += effects[name] * effects[name]
	}
	return math.Sqrt(sum)
}
