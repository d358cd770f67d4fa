package sm

import (
	"gpusim/configs"
	"gpusim/workloads/tile"
)

// Bytes of a warp's addresses in registers.
const sharedAddress, globalAddress = 32 * 4, 32 * 8

// sourceCycles is how many cycles after the start of a memory instruction the registers
// that it reads may be written again. Huerta et al. (MICRO 2025, table 2) measured it for
// an RTX A6000; that registers leave at a rate, addresses like data, is read off their
// figures.
func sourceCycles(k *tile.Kernel, in *tile.Inst, m *configs.MIO) uint8 {
	rate := m.Operands.BytesClk
	if rate == 0 || tile.UnitOf(in.Op) != tile.UnitMIO {
		return uint8(m.StoreReadLatency)
	}
	address, data, load := 0, 0, true
	switch in.Op {
	case tile.OpLDG, tile.OpLDGSTS, tile.OpSTG, tile.OpRED:
		address = globalAddress
	case tile.OpLDS, tile.OpLDSM, tile.OpSTS, tile.OpSTSM:
		address = sharedAddress
	default:
		return uint8(m.StoreReadLatency)
	}
	a := &k.Accesses[in.Access]
	if a.Uniform {
		address = 0
	}
	switch in.Op {
	case tile.OpLDGSTS:
		address += sharedAddress
	case tile.OpSTG, tile.OpSTS, tile.OpRED:
		data, load = 32*max(4, a.Bytes), false
	case tile.OpSTSM:
		data, load = 32*4*int(in.Imm), false
	}
	if load {
		return uint8(max(m.Operands.LoadLeast, m.Operands.LoadLatency+address/rate))
	}
	return uint8(m.Operands.StoreLatency + (address+data)/rate)
}
