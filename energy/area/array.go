package area

import (
	"slices"

	"gpusim/configs"
)

// nvdla adds the rows of an NVDLA. It has no pads: it is a part of a chip.
func (b *builder) nvdla(n *configs.NVDLA) {
	macs := float64(n.AtomicC * n.AtomicK)
	b.logic(Array, "mac_int8", macs, "mac_int8_mtr", "")
	if slices.Contains(n.Types, "int16") || slices.Contains(n.Types, "fp16") {
		b.logic(Array, "mac_16bit", macs/2, "mac_16bit_mtr", "")
	}
	b.sram(Buffer, "convolution_buffer", 1, 8*float64(n.CBUF.Total()), "buffer_cells")
	b.logic(Rest, "base", 1, "base_mtr", "")
	b.logic(Rest, "sdp", float64(n.SDP.Rate-1+n.SDP.ElementwiseRate), "sdp_lane_mtr", "")
	b.logic(Rest, "pdp", float64(n.PDPRate-1), "pdp_lane_mtr", "")
	b.logic(Rest, "cdp", max(0, float64(n.CDPRate-1)), "cdp_lane_mtr", "")
	f := &n.Features
	options := 0.0
	for _, has := range []bool{f.Winograd, f.Compression, f.LUT, f.BDMA, f.RUBIK} {
		if has {
			options++
		}
	}
	b.logic(Rest, "options", options, "option_mtr", "")
}

// systolic adds the rows of a machine around a systolic array.
func (b *builder) systolic(s *configs.Systolic) {
	cores := 1.0
	if s.TPU != nil {
		cores = float64(s.TPU.Cores)
	}
	cells := cores * float64(s.Rows*s.Cols)
	cols := cores * float64(s.Cols)
	b.logic(Array, "mac", cells, "mac_"+widest(s.Types)+"_mtr", "")
	b.logic(Array, "activation", cols, "activation_lane_mtr", "")
	switch {
	case s.TPU != nil:
		t := s.TPU
		b.sram(Buffer, "unified_buffer", cores, 8*float64(t.UnifiedBuffer), "buffer_cells")
		b.sram(Buffer, "weight_fifo", cores, 8*float64(t.FIFOTiles*s.Rows*s.Cols), "buffer_cells")
		b.sram(Buffer, "accumulators", cols, 32*float64(t.Accumulators), "accumulator_cells")
	case s.Decouple != nil:
		b.sram(Buffer, "scratchpad", 1, 8*float64(s.Decouple.Scratchpad), "buffer_cells")
	case s.RowStat != nil:
		r := s.RowStat
		b.sram(Buffer, "pe_scratchpads", cells, 8*float64(r.WordBytes*(r.FilterWords+r.InputWords+r.SumWords)), "scratchpad_cells")
		b.sram(Buffer, "global_buffer", 1, 8*float64(r.Buffer), "buffer_cells")
	case s.SRAM != nil:
		b.sram(Buffer, "sram", 1, 8*float64(s.SRAM.Input+s.SRAM.Weight+s.SRAM.Output), "buffer_cells")
	}
	b.logic(Rest, "control", cores, "control_mtr", "")
	d := &b.area.Die
	b.memory(d.Memory, float64(d.MemoryBits))
	b.fixed(Links, "pcie_phy", float64(d.PCIeLanes), "pcie_lane_mm2")
	b.logic(Links, "pcie_controller", float64(d.PCIeLanes), "pcie_controller_mtr", "")
}

// widest is the type whose multiplier the cells of an array are. int16 on the TPU
// takes several passes through multipliers of int8.
func widest(types []string) string {
	switch {
	case slices.Contains(types, "fp32"):
		return "fp32"
	case slices.Contains(types, "bf16") || slices.Contains(types, "fp16"):
		return "bf16"
	case slices.Contains(types, "int8"):
		return "int8"
	}
	return "int16"
}
