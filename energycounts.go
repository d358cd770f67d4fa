package gpusim

import (
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// Events are the energy events of a kernel that a device has run.
func Events(g *configs.GPU, r *gpu.Report) []energy.Count {
	work := gpu.Account(r.Launch.Kernel, uint8(g.Tensor.StepsFP32))
	mem := extrapolate(r, &work)
	return counts(smCycles(g, r), r, &work, &mem)
}

// prices are the coefficients of a machine at a clock, for operands of such values and
// type of which padding fills up a share.
func prices(m *configs.Machine, clock configs.Freq, values energy.Values, dtype string, padding float64) *configs.Energy {
	return energy.AtValues(energy.AtVoltage(&m.Energy, m.GPU.Clock.VoltageAt(clock)), values, dtype, padding)
}

// smCycles is how long a kernel keeps the clocks of all SMs running.
func smCycles(g *configs.GPU, r *gpu.Report) uint64 {
	return uint64(r.Launch.Cycles()) * uint64(g.SM.Count)
}

// counts are the energy events of a kernel that takes so many cycles of all SMs.
func counts(cycles uint64, r *gpu.Report, w *gpu.Work, mem *memCounts) []energy.Count {
	lane := func(ops ...tile.Op) (n uint64) {
		for _, o := range ops {
			n += 32 * w.Ops[o]
		}
		return n
	}
	scale := mem.loopScale
	words, lanes := behindLoops(r, mem)
	fp32 := lane(tile.OpFFMA, tile.OpFADD, tile.OpFMUL)
	c := []energy.Count{
		{Component: energy.FMAFP32, Events: fp32},
		{Component: energy.FP32Lane, Events: fp32},
		{Component: energy.FMAFP64, Events: lane(tile.OpDFMA, tile.OpDADD, tile.OpDMUL) + w.FMAs["fp64/fp64"]},
		{Component: energy.FMAFP16, Events: 2 * lane(tile.OpHFMA2)},
		{Component: energy.MACINT8, Events: 4 * lane(tile.OpDP4A)},
		{Component: energy.MMAFP32, Events: 1024*w.HMMAFP32 + w.FMAs["fp16/fp32"]},
		{Component: energy.MMAFP16, Events: 1024*w.HMMAFP16 + w.FMAs["fp16/fp16"]},
		{Component: energy.MMABF16, Events: w.FMAs["bf16/fp32"]},
		{Component: energy.MMATF32, Events: w.FMAs["tf32/fp32"]},
		{Component: energy.MMAFP8, Events: w.FMAs["fp8/fp32"] + w.FMAs["fp8/fp16"]},
		{Component: energy.MMAInt8, Events: w.FMAs["int8/int32"] + w.FMAs["int4/int32"]/2 + w.FMAs["int1/int32"]/8},
		{Component: energy.SFUOp, Events: lane(tile.OpMUFU, tile.OpI2F, tile.OpF2I)},
		{Component: energy.WarpInstruction, Events: w.Slots},
		{Component: energy.IntOp, Events: lane(tile.OpIADD, tile.OpIMAD, tile.OpLOP, tile.OpISETP, tile.OpMOV, tile.OpPRMT, tile.OpPACK, tile.OpUNPACK, tile.OpI2I, tile.OpSEL,
			tile.OpFMNMX, tile.OpFSETP, tile.OpFSEL, tile.OpSHFL, tile.OpSHF, tile.OpIMULH, tile.OpI2FP, tile.OpF2IP)},
		{Component: energy.SMCycle, Events: cycles},
		{Component: energy.LaneSlot, Events: 32 * (w.Slots - w.HMMASteps - w.Ops[tile.OpMMA] - w.Ops[tile.OpWGMMA])},
		{Component: energy.MMASlot, Events: mmaSlots(w)},
		{Component: energy.RFRead, Events: w.RegReads},
		{Component: energy.RFWrite, Events: w.RegWrites},
		{Component: energy.SharedWord, Events: words.scaled(r.SM.SharedWords, mem)},
		{Component: energy.SharedLane, Events: lanes.scaled(r.SM.SharedLanes, mem)},
		{Component: energy.L1Sector, Events: scaled(r.SM.L1Hits+r.SM.L1Misses, scale)},
		{Component: energy.L2SectorRead, Events: mem.L2ReadSectors},
		{Component: energy.L2SectorWrite, Events: mem.L2WriteSectors},
		{Component: energy.XbarSector, Events: mem.L2ReadSectors + mem.L2WriteSectors},
		{Component: energy.XbarRequest, Events: mem.Requests},
		{Component: energy.DRAMSectorRead, Events: mem.DRAMReadSectors},
		{Component: energy.DRAMSectorWrite, Events: mem.DRAMWriteSectors},
		{Component: energy.DRAMActivate, Events: mem.Activates},
	}
	out := c[:0]
	for _, n := range c {
		if n.Events > 0 {
			out = append(out, n)
		}
	}
	return out
}

// slots16 are the fp16 multiply-adds in whose place a Tensor Core does a
// multiply-add of each type, by the bits of a factor; in sixteenths.
var slots16 = map[string]uint64{
	"fp64/fp64": 64, "tf32/fp32": 32, "fp16/fp32": 16, "fp16/fp16": 16, "bf16/fp32": 16, "fp8/fp32": 8, "fp8/fp16": 8, "int8/int32": 8, "int4/int32": 4, "int1/int32": 1,
}

func mmaSlots(w *gpu.Work) uint64 {
	n := 16 * 1024 * (w.HMMAFP32 + w.HMMAFP16)
	for kind, fmas := range w.FMAs {
		n += slots16[kind] * fmas
	}
	return n / 16
}

// once is how much of what was simulated lies behind main loops: there is as much
// however long they are.
type once uint64

func (o once) scaled(n uint64, mem *memCounts) uint64 {
	behind := min(uint64(o), n)
	return scaled(n-behind, mem.loopScale) + scaled(behind, mem.ctaScale)
}

// behindLoops counts the words of shared memory that CTAs ask for behind their main
// loops, and those that lanes give or take.
func behindLoops(r *gpu.Report, mem *memCounts) (words, lanes once) {
	if r.Launch == nil || r.Launch.Kernel.Tiles > 0 { // a closed form, or loops one after another
		return 0, 0
	}
	k := r.Launch.Kernel
	for warp, role := range k.Role {
		segs, from := k.Programs[role].Segments, 0
		for i := range segs {
			if segs[i].Loop {
				from = i + 1
			}
		}
		if from == 0 {
			continue
		}
		for _, seg := range segs[from:] {
			for i := range seg.Code {
				if in := &seg.Code[i]; (in.Op == tile.OpLDS || in.Op == tile.OpSTS) && in.Access >= 0 {
					a := &k.Accesses[in.Access]
					words += once(a.Words[warp])
					lanes += once(a.LaneWords())
				}
			}
		}
	}
	ran := once(mem.ctaScale.den)
	return words * ran, lanes * ran
}
