package sm

import (
	"math"

	"gpusim/configs"
	"gpusim/tensorcore"
	"gpusim/workloads/tile"
)

// class says what issuing an instruction sets in motion.
type class uint8

const (
	clALU class = iota
	clHMMA
	clBRA
	clShared // like clALU, on a pipe of the whole SM
	clPaired // like clALU, on lanes that two sub-cores share where it is the second of a pair
	clLDS
	clSTS
	clLDG
	clSTG
	clRED
	clCopy
	clCommit
	clDepBar
	clBAR
	clMEMBAR
	clWAITSEM
	clSIGSEM
	clEXIT
	clMBTX
	clMBARRIVE
	clMBWAIT
	clTMALD
	clTMAST
	clTMAWAIT
	clWGMMA
	clWGWAIT
	clBARG
	clLDC
)

// lastLocal ends the classes that concern a sub-core alone, see Core.Run.
const lastLocal = clBRA

// pipe is an issue port of a sub-core: one for each unit.
type pipe = tile.Unit

const (
	pipeNone   = tile.UnitNone
	pipeFP32   = tile.UnitFP32
	pipeINT    = tile.UnitINT
	pipeFP64   = tile.UnitFP64
	pipeFP16   = tile.UnitFP16
	pipeSFU    = tile.UnitSFU
	pipeTensor = tile.UnitTensor
	pipeMIO    = tile.UnitMIO
	numPipes   = tile.NumUnits // a power of two, so that an index is masked rather than checked
)

// uop is a decoded instruction: what the issue loop needs.
type uop struct {
	access int16
	into   int16  // of clCopy: the access to shared memory
	line   uint16 // code line, for the instruction caches
	class  class
	pipe   pipe
	busy   uint8 // cycles that it holds its pipe's input
	stall  uint8
	wait   uint8
	wr, rd uint8 // barrier number, 0 = none
	guard  tile.Guard
	steps  uint8 // of clHMMA
	imm    uint8
	slots  uint8 // issue slots taken
	inLoop uint8 // 1 for a memory instruction of a main loop, see Plan
	fetch  bool  // first instruction of a code line
	konst  uint8 // line of its constant operand, plus one; 0: it has none that a cache is asked for
	read   uint8 // cycles from its start until its source registers may be written again
	run    uint8 // plain instructions of its pipe from here on, see Core.streak
}

// segment is a run of decoded instructions; Loop ones end in a branch.
type segment struct {
	start, end int32
	loop       bool
}

// code is where a decoded program's segments lie; the instructions of a
// kernel's programs follow each other.
type code struct {
	segs             []segment
	tileFirst, tiled int // segments [tileFirst, tiled) are gone through for each tile
}

func classOf(op tile.Op) class {
	switch op {
	case tile.OpHMMA:
		return clHMMA
	case tile.OpLDS, tile.OpLDSM, tile.OpS2R, tile.OpSHFL:
		return clLDS
	case tile.OpSTS, tile.OpSTSM, tile.OpMBINIT:
		return clSTS
	case tile.OpLDG:
		return clLDG
	case tile.OpSTG:
		return clSTG
	case tile.OpRED:
		return clRED
	case tile.OpLDGSTS:
		return clCopy
	case tile.OpLDC:
		return clLDC
	case tile.OpCOMMIT:
		return clCommit
	case tile.OpDEPBAR:
		return clDepBar
	case tile.OpBAR:
		return clBAR
	case tile.OpMEMBAR:
		return clMEMBAR
	case tile.OpWAITSEM:
		return clWAITSEM
	case tile.OpSIGSEM:
		return clSIGSEM
	case tile.OpBRA:
		return clBRA
	case tile.OpEXIT:
		return clEXIT
	}
	if c, ok := asyncClasses[op]; ok {
		return c
	}
	return clALU
}

// asyncClasses are those of the asynchronous units.
var asyncClasses = map[tile.Op]class{
	tile.OpMBTX: clMBTX, tile.OpMBARRIVE: clMBARRIVE, tile.OpMBWAIT: clMBWAIT,
	tile.OpTMALD: clTMALD, tile.OpTMAST: clTMAST, tile.OpTMAWAIT: clTMAWAIT,
	tile.OpWGMMA: clWGMMA, tile.OpWGWAIT: clWGWAIT, tile.OpBARG: clBARG,
}

// busyCycles is how long a warp instruction holds a pipe of so many lanes.
func busyCycles(p configs.Pipe) uint8 {
	if p.Lanes <= 0 {
		return 32
	}
	return uint8(min(255, max(1, math.Ceil(32/p.Lanes))))
}

// decode turns a program of a kernel into uops and appends them to ops. line is the code
// line at which the program begins; the next free line is returned.
func decode(ops []uop, k *tile.Kernel, p *tile.Program, s *configs.SM, t *tensorcore.Spec, line int) (*code, []uop, int) {
	busy := [numPipes]uint8{
		pipeFP32: busyCycles(s.Pipes.FP32),
		pipeINT:  busyCycles(s.Pipes.INT),
		pipeFP64: busyCycles(s.Pipes.FP64),
		pipeFP16: busyCycles(s.Pipes.FP16),
		pipeSFU:  busyCycles(s.Pipes.SFU),
		pipeMIO:  uint8(s.MIO.IssueInterval),
		pipeNone: 1,
	}
	c := &code{}
	shared := [numPipes]bool{pipeFP32: s.Pipes.FP32.Shared, pipeINT: s.Pipes.INT.Shared, pipeFP64: s.Pipes.FP64.Shared, pipeFP16: s.Pipes.FP16.Shared, pipeSFU: s.Pipes.SFU.Shared}
	perLine := s.ICache.LineBytes / s.ICache.InstructionBytes
	at := 0 // machine instructions so far
	lastLine := -1
	for i, seg := range p.Segments {
		if seg.PerTile {
			if c.tiled == 0 {
				c.tileFirst = i
			}
			c.tiled = i + 1
		}
		start := int32(len(ops))
		for i := range seg.Code {
			in := &seg.Code[i]
			u := uop{
				access: in.Access, into: in.Into, class: classOf(in.Op), pipe: tile.UnitOf(in.Op),
				stall: in.Stall, wait: in.Wait, wr: in.WrBar, rd: in.RdBar, guard: in.Guard,
				steps: in.Steps, imm: in.Imm, slots: 1,
			}
			if u.pipe == pipeINT && s.IntOnFP32 {
				u.pipe = pipeFP32
			}
			u.busy = busy[u.pipe] + in.Bank
			if in.Op == tile.OpMMA {
				u.busy = uint8(min(255, k.MMAs[in.Access].Cycles))
			}
			if in.Op == tile.OpDP4A {
				u.busy = busyCycles(s.Pipes.DP4A) + in.Bank
			}
			if u.class == clALU && shared[u.pipe] {
				u.class = clShared
			}
			if n := len(ops) - 1; u.class == clALU && u.pipe == pipeFP32 && i > 0 && ops[n].stall == 0 && ops[n].pipe == pipeFP32 {
				u.class = clPaired
			}
			if seg.Loop && u.pipe == pipeMIO && (u.class <= clCopy || u.class == clTMALD) {
				u.inLoop = 1
			}
			if in.Op == tile.OpS2R || in.Op == tile.OpSHFL || in.Op == tile.OpMBINIT {
				u.access = -1 // goes through the same queue, but reads no shared memory
			}
			u.read = sourceCycles(k, in, &s.MIO)
			if u.konst = constantLine(in, &s.Constants); u.konst != 0 && u.class == clLDC && in.SrcB != tile.RZ {
				u.steps = 1 // by register
			}
			here := line + at/perLine
			u.line = uint16(here)
			u.fetch = here != lastLine || i == 0
			lastLine = here
			at++
			if in.Op == tile.OpHMMA {
				// The warp's next instruction follows the last step.
				span := uint8(uint64(in.Steps-1)*t.Interval(in.Steps)) + 1
				u.stall = max(u.stall, span)
				u.slots = in.Steps
				at += int(in.Steps) - 1
			}
			ops = append(ops, u)
		}
		findRuns(ops[start:], t)
		c.segs = append(c.segs, segment{start: start, end: int32(len(ops)), loop: seg.Loop})
	}
	return c, ops, line + (at+perLine-1)/perLine
}

// findRuns counts the runs of plain instructions in a segment. Its last
// instruction is in none, so that no run leaves the segment.
func findRuns(ops []uop, t *tensorcore.Spec) {
	for i := len(ops) - 2; i >= 0; i-- {
		u, next := &ops[i], &ops[i+1]
		switch {
		case !u.plain(t):
		case next.pipe == u.pipe && next.run < math.MaxUint8:
			u.run = next.run + 1
		default:
			u.run = 1
		}
	}
}

// plain says whether an instruction waits for no result, sets no barrier and
// lets its warp go on before its pipe is free again.
func (u *uop) plain(t *tensorcore.Spec) bool {
	free := uint64(u.busy)
	if u.class == clHMMA {
		free = uint64(u.steps) * t.Interval(u.steps)
	}
	return u.class <= clHMMA && u.konst == 0 && u.wait == 0 && u.wr == 0 && u.stall > 0 && uint64(u.stall) < free
}
