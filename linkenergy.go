package gpusim

import (
	"math"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/nvlink"
)

// linkLedger prices the bytes on a step's links, headers and answers included.
func linkLedger(m *configs.Machine, took *nvlink.StepResult, scope string) energy.Ledger {
	return energy.OfLinks(linkCounts(m, took.Links, 1), scope)
}

// linkCounts adds bytes up by type of link, for so many nodes.
func linkCounts(m *configs.Machine, links []nvlink.LinkUse, nodes int) (out []energy.LinkCount) {
	for i := range m.System.Types {
		t := &m.System.Types[i]
		bytes := 0.0
		for _, l := range links {
			if l.Type == t.Name {
				bytes += l.Wire * l.Stands
			}
		}
		if bytes > 0 {
			lo, hi := t.EnergyRange()
			out = append(out, energy.LinkCount{Type: t.Name, Bytes: uint64(math.Round(bytes * float64(nodes))), PJPerBit: t.Energy, Lo: lo, Hi: hi})
		}
	}
	return out
}
