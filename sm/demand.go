package sm

import (
	"gpusim/configs"
	"gpusim/tensorcore"
	"gpusim/workloads/tile"
)

// Demand is what a kernel asks of the units of the SMs: sums over its whole grid
// that follow from its programs, for closed forms. Cycles are those that a unit's
// input is held; what waits for what is not in it, but for the two chains.
type Demand struct {
	Slots      uint64 // issue slots
	SubCore    uint64 // cycles of the busiest pipe that each sub-core has
	Shared     uint64 // of the busiest pipe that an SM has once
	MemOps     uint64 // memory instructions through the load/store unit
	Passes     uint64 // data passes of shared memory
	Words      uint64 // 32-bit words that its banks are asked for
	Lanes      uint64 // 32-bit words that lanes give it or take from it
	ReadSecs   uint64 // sectors of 32 B that loads from global memory ask for
	WriteSecs  uint64 // that stores send
	OnceChain  uint64 // cycles that the slowest warp of a CTA needs between its issues, as compiled, outside loops
	TripChain  uint64 // the same in one main-loop iteration
	LoopLoads  bool   // iterations load from global memory
	LoopStages int    // tiles of the main loop's ring: loads run this many less one ahead
}

// Demand adds up a kernel's demand, of a grid with this many main-loop
// iterations and tiles, all CTAs together.
func (p *Prepared) Demand(s *configs.SM, t *configs.TensorCore, trips, tiles uint64) Demand {
	k := p.Kernel
	ts := tensorcore.NewSpec(t)
	d := Demand{LoopStages: 2}
	var each, once [numPipes]uint64
	single := [numPipes]bool{pipeFP32: s.Pipes.FP32.Shared, pipeINT: s.Pipes.INT.Shared, pipeFP64: s.Pipes.FP64.Shared,
		pipeFP16: s.Pipes.FP16.Shared, pipeSFU: s.Pipes.SFU.Shared}
	for w, role := range k.Role {
		c, prog := p.codes[role], k.Programs[role]
		var chain [2]uint64
		for i, seg := range c.segs {
			times, loop := uint64(k.CTAs()), 0
			switch {
			case seg.loop:
				times, loop = trips, 1
			case prog.Segments[i].PerTile:
				times = tiles
			}
			for n, u := range p.ops[seg.start:seg.end] {
				in := &prog.Segments[i].Code[n]
				d.Slots += times * uint64(u.slots)
				chain[loop] += uint64(max(1, u.stall))
				busy := uint64(u.busy)
				switch u.class {
				case clHMMA:
					busy = uint64(u.steps) * ts.Interval(u.steps)
				case clWGMMA:
					busy = uint64(p.matrix[u.access].hold)
				}
				if single[u.pipe] {
					once[u.pipe] += times * busy
				} else {
					each[u.pipe] += times * busy
				}
				d.memory(k, in, w, times, loop == 1)
			}
		}
		d.OnceChain, d.TripChain = max(d.OnceChain, chain[0]), max(d.TripChain, chain[1])
	}
	for i := range each {
		d.SubCore, d.Shared = max(d.SubCore, each[i]), max(d.Shared, once[i])
	}
	return d
}

// memory adds an instruction's memory accesses.
func (d *Demand) memory(k *tile.Kernel, in *tile.Inst, warp int, times uint64, loop bool) {
	passes := func(access int16) {
		if a := &k.Accesses[access]; len(a.Passes) > warp {
			d.Passes += times * uint64(a.Passes[warp])
			d.Words += times * uint64(a.Words[warp])
			d.Lanes += times * a.LaneWords()
			if loop {
				d.LoopStages = max(d.LoopStages, int(a.Buffers))
			}
		}
	}
	sectors := func(access int16) uint64 { return times * uint64(max(1, k.Accesses[access].Bytes)) } // 32 lanes of so many bytes
	box := func(access int16) uint64 {
		n, bytes := k.Boxes[access].Lines(k)
		return times * uint64(n*((bytes+31)/32))
	}
	switch in.Op {
	case tile.OpLDS, tile.OpSTS, tile.OpLDSM:
		d.MemOps += times
		passes(in.Access)
	case tile.OpLDG:
		d.MemOps += times
		d.ReadSecs += sectors(in.Access)
		d.LoopLoads = d.LoopLoads || loop
	case tile.OpLDGSTS:
		d.MemOps += times
		d.ReadSecs += sectors(in.Access)
		passes(in.Into)
		d.LoopLoads = d.LoopLoads || loop
	case tile.OpSTG, tile.OpRED:
		d.MemOps += times
		d.WriteSecs += sectors(in.Access)
	case tile.OpTMALD:
		d.ReadSecs += box(in.Access)
		d.LoopLoads = d.LoopLoads || loop
		for _, b := range k.Barriers {
			d.LoopStages = max(d.LoopStages, b.Stages)
		}
	case tile.OpTMAST:
		d.WriteSecs += box(in.Access)
	}
}
