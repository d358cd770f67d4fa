package gpusim

import "testing"

// The parts of a GPU add up to the whole, and none is so small that what serves
// unevenly would be too few.
func TestPartsAddUp(t *testing.T) {
	divided := 0
	for _, m := range gpus(t) {
		for of := 2; of <= mostParts; of *= 2 {
			g := m.GPU
			p, ok := cut(g, of)
			if !ok {
				continue
			}
			divided++
			for what, n := range map[string][2]int{
				"SMs":            {g.SM.Count, p.SM.Count},
				"slices":         {g.L2.Slices, p.L2.Slices},
				"bytes of L2":    {int(g.L2.Size), int(p.L2.Size)},
				"channels":       {g.DRAM.Channels, p.DRAM.Channels},
				"CTA intervals":  {p.Dispatch.CTAInterval, g.Dispatch.CTAInterval},
				"DRAM bandwidth": {int(g.DRAM.PeakBandwidth()), int(p.DRAM.PeakBandwidth())},
			} {
				if n[0] != of*n[1] {
					t.Errorf("%s: %d times %d %s are not %d", m.Name, of, n[1], what, n[0])
				}
			}
			whole, parts := g.Crossbar.GPCReplyBytes*g.SM.GPCs, of*p.Crossbar.GPCReplyBytes*p.SM.GPCs
			if parts > whole || parts < whole*98/100 {
				t.Errorf("%s: %d parts reply %d bytes a cycle of %d", m.Name, of, parts, whole)
			}
			if p.SM.Count < partSMs || p.DRAM.Channels < partChannels {
				t.Errorf("%s: a part of %d has %d SMs, %d GPCs, %d channels", m.Name, of, p.SM.Count, p.SM.GPCs, p.DRAM.Channels)
			}
		}
	}
	if divided < 4 {
		t.Errorf("%d ways to divide a GPU", divided)
	}
}
