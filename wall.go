package gpusim

import (
	"math"

	"gpusim/configs"
)

// WallPower is what a device's share of a system takes at the wall.
type WallPower struct {
	BoardW     float64 // of the device, as the ledger has it
	PartsW     float64 // its share of the other parts
	Efficiency float64 // of the power supply at that load
	PowerW     float64
	LowW       float64 // by the ranges of coefficients, parts and efficiency, in quadrature
	HighW      float64
	EnergyUJ   float64 // of the run
	LowUJ      float64
	HighUJ     float64
}

// AtWall gives a result's power at the wall; false if its machine does not say what
// stands between, or if its ledger is not of the board.
func AtWall(m *configs.Machine, r *Result) (WallPower, bool) {
	if m.Wall == nil || r.Energy.Scope != "board" || !(r.TimeUS > 0) {
		return WallPower{}, false
	}
	lo, hi := r.Energy.Interval()
	n := float64(m.Wall.Devices)
	board := r.Energy.TotalUJ / r.TimeUS
	p := WallPower{BoardW: board}
	down, up := (board-lo/r.TimeUS)*n, (hi/r.TimeUS-board)*n // of the system, squared below
	down, up = down*down, up*up
	for i := range m.Wall.Parts {
		part := &m.Wall.Parts[i]
		w := float64(part.Power)
		p.PartsW += w / n
		l, h := part.Range()
		down += (1 - l) * w * (1 - l) * w
		up += (h - 1) * w * (h - 1) * w
	}
	out := n * (p.BoardW + p.PartsW)
	p.Efficiency = m.Wall.EfficiencyAt(out)
	worse, better := max(0.3, p.Efficiency-m.Wall.Spread), min(1, p.Efficiency+m.Wall.Spread)
	p.PowerW = out / p.Efficiency / n
	p.LowW = p.PowerW - math.Hypot(math.Sqrt(down)/p.Efficiency, out/p.Efficiency-out/better)/n
	p.HighW = p.PowerW + math.Hypot(math.Sqrt(up)/p.Efficiency, out/worse-out/p.Efficiency)/n
	p.EnergyUJ, p.LowUJ, p.HighUJ = p.PowerW*r.TimeUS, p.LowW*r.TimeUS, p.HighW*r.TimeUS
	return p, true
}
