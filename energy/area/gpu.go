package area

import (
	"fmt"
	"strings"

	"gpusim/configs"
)

// gpu adds the rows of a GPU. SMs, L2 and memory interfaces that are on the die but
// off count with the others.
func (b *builder) gpu(m *configs.Machine) {
	b.sms(m.GPU)
	b.uncore(m.GPU)
	b.interfaces(m.GPU)
	b.links()
}

func (b *builder) sms(g *configs.GPU) {
	s, d := &g.SM, &b.area.Die
	n := float64(s.Count + d.SpareSMs)
	sub := float64(s.SubCores)
	lanes := func(p configs.Pipe) float64 {
		if p.Shared {
			return n * p.Lanes
		}
		return n * p.Lanes * sub
	}
	b.logic(SM, "sm_control", n*sub, "subcore_control_mtr", "")
	b.logic(SM, "sm_fp32", n*s.FP32Lanes(), "fp32_lane_mtr", "alu_share")
	integer := lanes(s.Pipes.INT)
	if s.IntOnFP32 { // the lanes do both, with logic for both
		integer = n * s.FP32Lanes()
	}
	b.logic(SM, "sm_int", integer, "int_lane_mtr", "alu_share")
	double := lanes(s.Pipes.FP64)
	if d.FP64Lanes > 0 {
		double = n * float64(d.FP64Lanes)
	}
	b.logic(SM, "sm_fp64", double, "fp64_lane_mtr", "alu_share")
	b.logic(SM, "sm_sfu", lanes(s.Pipes.SFU), "sfu_lane_mtr", "alu_share")
	b.logic(SM, "sm_tensor", n*sub*TensorFMAs(&g.Tensor), "tensor_fma_mtr", "")
	b.sram(SM, "sm_registers", n, 32*float64(s.Registers), "register_cells")
	data := g.L1.Size
	if !g.L1.Unified {
		data += s.SharedMemory
	}
	b.sram(SM, "sm_l1_shared", n, 8*float64(data), "l1_cells")
	b.sram(SM, "sm_icache", n, 8*(float64(s.ICache.L1)+sub*float64(s.ICache.L0)), "icache_cells")
	b.logic(SM, "sm_memory_unit", n, "memory_unit_mtr", "")
	b.logic(SM, "sm_texture", n*float64(d.TextureUnits), "texture_unit_mtr", "")
	b.logic(SM, "sm_rt", n*float64(d.RTCores), "rt_core_mtr", "")
}

// TensorFMAs is the number of fp16 multiply-adds that the Tensor Cores of a sub-core
// have. Boards of which the rate with fp32 sums is halved have as many as others.
func TensorFMAs(t *configs.TensorCore) float64 {
	if t.Shape == "none" {
		return 0
	}
	return max(float64(t.FMAPerClk), t.Rate("fp16"))
}

func (b *builder) uncore(g *configs.GPU) {
	d := &b.area.Die
	whole := float64(g.L2.Size + d.SpareL2)
	slices := float64(g.L2.Slices) * whole / float64(g.L2.Size)
	b.sram(Cache, "l2", 1, 8*whole, "l2_cells")
	b.logic(Network, "crossbar_sm", float64(g.SM.Count+d.SpareSMs), "crossbar_sm_mtr", "crossbar_share")
	b.logic(Network, "crossbar_l2", slices*float64(g.L2.BytesPerSlice), "crossbar_l2_byte_mtr", "crossbar_share")
	if d.PCIeLanes == 0 { // a GPU within a larger chip: that chip has these
		return
	}
	b.logic(Rest, "gpc", float64(g.SM.GPCs), "gpc_mtr", "")
	b.logic(Rest, "rop", float64(d.ROPs), "rop_mtr", "")
	b.logic(Rest, "hub", 1, "hub_mtr", "")
	b.fixed(Rest, "edge", 1, "edge_mm2")
}

// interfaces adds what DRAM is attached to. It does not depend on the clock of the
// memory: boards of one die differ in that.
func (b *builder) interfaces(g *configs.GPU) {
	kind := b.area.Die.Memory
	if kind == "" {
		kind = memoryKind(g.DRAM.Standard)
	}
	b.memory(kind, float64(g.DRAM.Channels*g.DRAM.ChannelBits+b.area.Die.SpareMemory))
}

// memoryKind is the kind of interface that a standard of DRAM has.
func memoryKind(standard string) string {
	for _, kind := range []string{"hbm", "gddr", "lpddr"} {
		if strings.HasPrefix(strings.ToLower(standard), kind) {
			return kind
		}
	}
	return "ddr"
}

func (b *builder) memory(kind string, bits float64) {
	if bits == 0 || kind == "" || kind == "none" {
		return
	}
	width := 32.0
	if kind == "hbm" {
		width = 1024
	}
	b.fixed(Memory, "memory_phy", bits/width, kind+"_phy_mm2")
	b.logic(Memory, "memory_controller", bits/width, kind+"_controller_mtr", "")
}

// links adds NVLink and PCIe.
func (b *builder) links() {
	d := &b.area.Die
	if d.NVLinks > 0 {
		b.fixed(Links, "nvlink_phy", float64(d.NVLinks), fmt.Sprintf("nvlink%d_phy_mm2", d.NVLink))
		b.logic(Links, "nvlink_controller", float64(d.NVLinks), "nvlink_controller_mtr", "")
	}
	if d.PCIeLanes > 0 {
		b.fixed(Links, "pcie_phy", float64(d.PCIeLanes), fmt.Sprintf("pcie%d_lane_mm2", d.PCIe))
		b.logic(Links, "pcie_controller", float64(d.PCIeLanes), "pcie_controller_mtr", "")
	}
}
