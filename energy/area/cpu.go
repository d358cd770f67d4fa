package area

import (
	"strings"

	"gpusim/configs"
)

// cpu adds the rows of one socket.
func (b *builder) cpu(m *configs.Machine) {
	c, d := m.CPU, &b.area.Die
	cores := float64(c.Cores + d.SpareCores)
	b.logic(Core, "core", cores, "core_mtr", "")
	b.logic(Core, "core_vector", cores*float64(c.Issue.VectorUnits*c.Issue.VectorBits)/64, "vector_lane_mtr", "")
	for _, level := range c.Caches {
		n := cores
		if level.Shared {
			n = 1
		}
		unit := "l3_cells"
		switch name := strings.ToLower(level.Name); {
		case strings.HasPrefix(name, "l1"):
			unit = "l1_cells"
			n *= 2 // instructions have one of the same size
		case strings.HasPrefix(name, "l2"):
			unit = "l2_cells"
		}
		b.sram(Cache, strings.ToLower(level.Name), n, 8*float64(level.Size), unit)
	}
	b.logic(Network, "tile", cores, "tile_mtr", "")
	b.memory("ddr", float64(d.MemoryBits))
	b.fixed(Links, "pcie_phy", float64(d.PCIeLanes), "pcie_lane_mm2")
	b.logic(Links, "pcie_controller", float64(d.PCIeLanes), "pcie_controller_mtr", "")
	b.fixed(Links, "socket_link", float64(d.SocketLinks), "socket_link_mm2")
	b.fixed(Rest, "hub", 1, "hub_mm2")
}
