package area

import "math"

// Cost is what a good die costs: the price of its share of a wafer, a figure with the
// unit of dollars but without package, test, memory, development and profit. Dies
// that a defect hits are lost, though spare SMs save many: an upper bound on the loss.
type Cost struct {
	DiesPerWafer float64 `json:"dies_per_wafer"`
	YieldPct     float64 `json:"yield_pct"`
	USD          float64 `json:"usd"`
	LowUSD       float64 `json:"usd_lo"`
	HighUSD      float64 `json:"usd_hi"`
}

// waferMM is the diameter of a wafer.
const waferMM = 300

// Cost prices the total of the ledger.
func (l *Ledger) Cost() Cost {
	dies, good := diesPerWafer(l.TotalMM2), yield(l.TotalMM2, l.node.Defects.Value, l.node.Cluster.Value)
	price := func(area float64, wafer, defects, cluster float64) float64 {
		return wafer / diesPerWafer(area) / yield(area, defects, cluster)
	}
	return Cost{
		DiesPerWafer: dies, YieldPct: 100 * good,
		USD:     price(l.TotalMM2, l.node.Wafer.Value, l.node.Defects.Value, l.node.Cluster.Value),
		LowUSD:  price(l.TotalMM2, l.node.Wafer.Low, l.node.Defects.Low, l.node.Cluster.Low),
		HighUSD: price(l.TotalMM2, l.node.Wafer.High, l.node.Defects.High, l.node.Cluster.High),
	}
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
