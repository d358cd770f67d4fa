// Package report turns results into what people read: CSV tables, JSON, a
// terminal table, and result folders with a manifest.
package report

import (
	"fmt"
	"math"
	"sort"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
)

// Entry is one workload on one machine, beside what it is compared to.
type Entry struct {
	Machine  *configs.Machine
	Workload string // canonical text
	Label    string // how the terminal table calls it; empty means Workload
	Result   gpusim.Result
	Err      error          // why there is no Result; nil if there is one
	Baseline *gpusim.Result // the same workload on the baseline machine; nil if there is none
	Naive    *gpusim.Result // the same network layer by layer; nil if it is not fused, or no network
}

// figures are the numbers of one row of summary.csv or layers.csv. NaN and ""
// stand for what does not apply, such as the operations of what only moves data.
type figures struct {
	machine, workload, dtype, bound, fidelity, err string
	batch, gpus                                    int
	timeUS, loUS, hiUS                             float64
	ops, peakTOPS                                  float64
	ledger                                         energy.Ledger
	clockMHz, areaMM2, dramBytes, l2HitPct         float64
	simulatedPct, warpInsts, imagesPerS            float64
	fallbackUS                                     float64
	result                                         *gpusim.Result // nil: it failed
	base                                           *gpusim.Result
}

func (e *Entry) figures() figures {
	r := &e.Result
	f := figures{machine: e.Machine.Name, workload: e.Workload, areaMM2: areaMM2(e.Machine)}
	if e.Err != nil {
		nan := math.NaN()
		f.err = oneLine(e.Err.Error())
		f.timeUS, f.loUS, f.hiUS, f.ops, f.peakTOPS = nan, nan, nan, nan, nan
		f.clockMHz, f.dramBytes, f.l2HitPct, f.simulatedPct, f.warpInsts = nan, nan, nan, nan, nan
		f.imagesPerS, f.fallbackUS = nan, nan
		return f
	}
	if f.imagesPerS = r.ImagesPerS; f.imagesPerS <= 0 {
		f.imagesPerS = math.NaN()
	}
	f.dtype, f.bound, f.fidelity, f.batch, f.gpus = r.DType, r.Bound, string(r.Fidelity), r.Batch, r.GPUs
	f.timeUS, f.loUS, f.hiUS, f.ops, f.peakTOPS = r.TimeUS, r.TimeLoUS, r.TimeHiUS, orNaN(r.Ops), r.PeakTOPS
	f.ledger, f.clockMHz, f.dramBytes, f.l2HitPct = r.Energy, r.ClockMHz, r.DRAMBytes, r.L2HitPct
	f.simulatedPct, f.warpInsts, f.base = r.SimulatedPct, r.WarpInsts, e.Baseline
	f.result = r
	f.fallbackUS = math.NaN()
	if r.Fallback != nil {
		f.fallbackUS = r.Fallback.TimeUS
	}
	return f
}

// layer gives the figures of one kernel. The baseline is known for the whole
// workload only.
func (e *Entry) layer(l *gpusim.Layer) figures {
	f := e.figures()
	f.timeUS, f.loUS, f.hiUS = l.TimeUS, l.TimeUS-l.SpreadUS, l.TimeUS+l.SpreadUS
	f.ops, f.bound, f.ledger = orNaN(l.Ops), l.Bound, l.Energy
	f.warpInsts, f.dramBytes, f.l2HitPct = l.WarpInsts, l.DRAMBytes, l.L2HitPct
	f.simulatedPct, f.imagesPerS, f.base, f.fallbackUS = l.SimulatedPct, math.NaN(), nil, math.NaN()
	if !(l.WarpInsts > 0) {
		f.simulatedPct = math.NaN()
	}
	return f
}

// tops is operations per second in 1e12.
func (f *figures) tops() float64 { return f.ops / f.timeUS / 1e6 }

func (f *figures) peakPct() float64 { return 100 * f.tops() / f.peakTOPS }

// energyUJ is the total within the power scope; NaN without a ledger.
func (f *figures) energyUJ() float64 {
	if len(f.ledger.Rows) == 0 {
		return math.NaN()
	}
	return f.ledger.TotalUJ
}

// energyLo and energyHi are the interval of the energy: what coefficients may be
// off, and what static power adds or saves if the run takes as long as the ends of
// its own interval. The two have nothing to do with each other: in quadrature.
func (f *figures) energyLo() float64 {
	lo, _ := f.ledger.Interval()
	return f.energyUJ() - math.Hypot(f.energyUJ()-lo, f.stretch(f.loUS))
}

func (f *figures) energyHi() float64 {
	_, hi := f.ledger.Interval()
	return f.energyUJ() + math.Hypot(hi-f.energyUJ(), f.stretch(f.hiUS))
}

// interval is the interval of the energy for a table, in percent of the energy.
func (f *figures) interval() string {
	if e := f.energyUJ(); e > 0 {
		return fmt.Sprintf("%.0f-%.0f", 100*f.energyLo()/e, 100*f.energyHi()/e)
	}
	return "-"
}

// stretch is the static energy of the difference to a run of timeUS.
func (f *figures) stretch(timeUS float64) float64 {
	for _, c := range f.ledger.ByColumn() {
		if c.Column == energy.Static {
			return c.EnergyUJ * (timeUS/f.timeUS - 1)
		}
	}
	return 0
}

func (f *figures) pjPerOp() float64 { return f.energyUJ() * 1e6 / f.ops }

func (f *figures) powerW() float64 { return f.energyUJ() / f.timeUS }

func (f *figures) payloadPct() float64 {
	if len(f.ledger.Rows) == 0 {
		return math.NaN()
	}
	return f.ledger.PayloadPct()
}

func (f *figures) topsPerW() float64 { return f.tops() / f.powerW() }

// speedup is the baseline's time over ours.
func (f *figures) speedup() float64 {
	if f.base == nil {
		return math.NaN()
	}
	return f.base.TimeUS / f.timeUS
}

// energyRatio is the baseline's energy over ours.
func (f *figures) energyRatio() float64 {
	if f.base == nil || len(f.base.Energy.Rows) == 0 {
		return math.NaN()
	}
	return f.base.Energy.TotalUJ / f.energyUJ()
}

// sorted gives the entries in the order of their keys, machine and workload.
func sorted(entries []Entry) []*Entry {
	out := make([]*Entry, len(entries))
	for i := range entries {
		out[i] = &entries[i]
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Machine.Name != b.Machine.Name {
			return a.Machine.Name < b.Machine.Name
		}
		return a.Workload < b.Workload
	})
	return out
}
