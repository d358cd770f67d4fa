package area

import "math"

// Cost is what a good die costs: the price of its share of a wafer, a figure with the
// unit of dollars but without package, test, memory, development and profit. Dies
// with defects in no more SMs (of CPUs: cores) than are spare are good; spare L2 and
// memory interfaces, and redundant rows of SRAM, save none here.
type Cost struct {
	DiesPerWafer float64 `json:"dies_per_wafer"`
	YieldPct     float64 `json:"yield_pct"`         // good ones
	PerfectPct   float64 `json:"yield_perfect_pct"` // without any defect
	USD          float64 `json:"usd"`
	LowUSD       float64 `json:"usd_lo"`
	HighUSD      float64 `json:"usd_hi"`

	// Of a die with spare units; else zero.
	Unit      string  `json:"spare_unit,omitempty"`
	Units     int     `json:"units,omitempty"` // on the die
	Spare     int     `json:"spare_units,omitempty"`
	SpareMM2  float64 `json:"spare_area_mm2,omitempty"`
	BareUSD   float64 `json:"usd_without_spares,omitempty"` // a die with as many units as are on, all of which must be good
	BarePct   float64 `json:"yield_without_spares_pct,omitempty"`
	BareTotal float64 `json:"area_without_spares_mm2,omitempty"`
}

// waferMM is the diameter of a wafer.
const waferMM = 300

// Cost prices the total of the ledger.
func (l *Ledger) Cost() Cost {
	n := &l.node
	price := func(wafer, defects, cluster float64) float64 {
		return wafer / diesPerWafer(l.TotalMM2) / salvaged(l.TotalMM2, defects, cluster, l.spares)
	}
	c := Cost{
		DiesPerWafer: diesPerWafer(l.TotalMM2),
		YieldPct:     100 * salvaged(l.TotalMM2, n.Defects.Value, n.Cluster.Value, l.spares),
		PerfectPct:   100 * yield(l.TotalMM2, n.Defects.Value, n.Cluster.Value),
		USD:          price(n.Wafer.Value, n.Defects.Value, n.Cluster.Value),
		LowUSD:       price(n.Wafer.Low, n.Defects.Low, n.Cluster.Low),
		HighUSD:      price(n.Wafer.High, n.Defects.High, n.Cluster.High),
	}
	if s := l.spares; s.off > 0 {
		c.Unit, c.Units, c.Spare, c.SpareMM2 = s.name, s.units, s.off, float64(s.off)*s.mm2
		c.BareTotal = l.TotalMM2 - c.SpareMM2
		bare := yield(c.BareTotal, n.Defects.Value, n.Cluster.Value)
		c.BarePct, c.BareUSD = 100*bare, n.Wafer.Value/diesPerWafer(c.BareTotal)/bare
	}
	return c
}

// diesPerWafer is the usual first-order count: area over area, less the ring at the
// edge where dies do not fit.
func diesPerWafer(mm2 float64) float64 {
	return math.Pi*waferMM*waferMM/4/mm2 - math.Pi*waferMM/math.Sqrt(2*mm2)
}

// yield is the negative binomial share of dies without a defect.
func yield(mm2, defectsPerCM2, cluster float64) float64 {
	return math.Pow(1+mm2/100*defectsPerCM2/cluster, -cluster)
}
