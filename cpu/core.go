package cpu

import (
	"fmt"
	"math"

	"gpusim/configs"
)

// Constants of out-of-order x86 cores of this age that the machine file does
// not carry.
const (
	// branchMiss is the penalty in cycles of the mispredicted exit of a
	// micro-kernel's k loop (Skylake about 16; recalled).
	branchMiss = 16
	// outstandingLines is how many lines one core keeps in flight beyond its
	// L2, prefetches included (superqueue of 16 entries on Haswell and Skylake;
	// recalled). With the latency it bounds a core's bandwidth by Little's law.
	outstandingLines = 16
	// loopOverhead is the pointer, counter and branch instructions per k step
	// of a loop unrolled four times: three per four steps.
	loopOverhead = 0.75
	// callInstructions is the integer work around one micro-kernel call:
	// pointers, loop control, prefetches of the next tile of C.
	callInstructions = 20
)

// core is one processor core, as far as a multiply-add loop sees it.
type core struct {
	lanes  int // elements per vector
	words  int // 64-bit words per vector
	elem   int // bytes per element
	regs   int
	units  float64
	fmaLat float64
	loads  float64
	stores float64
	width  float64
	l1Lat  float64
	masks  bool    // partial vectors without detour (AVX-512 mask registers)
	fused  bool    // broadcasts are operands of multiply-adds
	soft   bool    // kernels carry prefetch instructions
	rate   float64 // multiply-adds per cycle: units but for their pauses
}

func newCore(c *configs.CPU, elem int) (core, error) {
	is := &c.Issue
	bits := vectorBits(c, elem)
	k := core{
		lanes: bits / (8 * elem), words: (bits + 63) / 64, elem: elem, regs: is.VectorRegs,
		units: float64(is.VectorUnits), fmaLat: float64(is.FMALatency),
		loads: float64(is.LoadsPerCycle), stores: float64(is.StoresPerCycle),
		width: float64(is.Width), l1Lat: float64(c.Caches[0].Latency),
		masks: bits >= 512,
	}
	k.rate = k.units
	if p := pipeline(c); p != nil {
		k.fused, k.soft = p.FusedOperands, p.SoftPrefetch
		if p.VectorRest > 1 {
			k.rate *= 1 - 1/float64(p.VectorRest)
		}
	}
	if k.lanes < 1 {
		return core{}, fmt.Errorf("cpu: vector_bits %d holds no element of %d bytes", is.VectorBits, elem)
	}
	if k.units < 1 || k.loads < 1 || k.stores < 1 || k.width < 1 || k.fmaLat < 1 || k.regs < 4 {
		return core{}, fmt.Errorf("cpu: issue section incomplete: width, vector_units, fma_latency, loads_per_cycle and stores_per_cycle must be 1 or more, vector_registers 4 or more")
	}
	return k, nil
}

// isaBits is the vector width of the instruction sets that libraries can be held to;
// scalar code has one element.
var isaBits = map[string]int{"sse": 128, "avx2": 256, "avx512": 512}

// vectorBits is the width of the vectors that the code uses.
func vectorBits(c *configs.CPU, elem int) int {
	isa := pipeline(c).ISA
	if isa == "scalar" {
		return 8 * elem
	}
	if b, ok := isaBits[isa]; ok {
		return min(b, c.Issue.VectorBits)
	}
	return c.Issue.VectorBits
}

// clock is that of the code: up to SSE all cores run at the scalar one.
func clock(c *configs.CPU) configs.Freq {
	if isa := pipeline(c).ISA; isa == "scalar" || isa == "sse" {
		return c.Clock.Scalar
	}
	return c.Clock.Vector
}

// cycleParts says what the cycles of arithmetic code go to.
type cycleParts struct {
	useful  float64 // multiply-adds that the problem asks for, at the full FMA rate
	edge    float64 // FMA slots of lanes beyond the edge of C
	latency float64 // waiting for a dependent accumulator
	issue   float64 // front end and retirement width
	l1      float64 // load ports
	update  float64 // tile of C: load, add, store, loop exit
}

func (p *cycleParts) sum() float64 {
	return p.useful + p.edge + p.latency + p.issue + p.l1 + p.update
}

func (p *cycleParts) add(q cycleParts) {
	p.useful += q.useful
	p.edge += q.edge
	p.latency += q.latency
	p.issue += q.issue
	p.l1 += q.l1
	p.update += q.update
}

func (p cycleParts) times(f float64) cycleParts {
	return cycleParts{p.useful * f, p.edge * f, p.latency * f, p.issue * f, p.l1 * f, p.update * f}
}

// insts counts instructions; floats during the search, whole at the end.
type insts struct {
	fma, vecLoad, broadcast, store, shuffle, integer float64
	operand                                          float64 // of the broadcasts, those that are operands of other instructions
}

func (i insts) total() float64 {
	return i.fma + i.vecLoad + i.broadcast - i.operand + i.store + i.shuffle + i.integer
}

func (i *insts) add(j insts, f float64) {
	i.fma += j.fma * f
	i.vecLoad += j.vecLoad * f
	i.broadcast += j.broadcast * f
	i.store += j.store * f
	i.shuffle += j.shuffle * f
	i.integer += j.integer * f
	i.operand += j.operand * f
}

// tile is a register tile: mv vectors by nr columns of accumulators.
type tile struct{ mv, nr int }

func (c *core) rows(t tile) int { return t.mv * c.lanes }

// kernelShape is what a micro-kernel needs to know beyond its tile.
type kernelShape struct {
	k            int
	kBlocks      float64 // times each tile of C is updated
	shuffleP     bool    // P is not packed and not contiguous along its vectors: transpose in registers
	shuffleC     bool    // C is not contiguous along the vectors
	readsFirst   bool    // the first k block reads C (beta is not 0)
	partialRow   bool    // the last vector is not full
	usefulPerMAC float64 // useful multiply-adds over those executed
}

// tileCost is the cost of one register tile over the whole of k.
func (c *core) tileCost(t tile, s kernelShape) (cycleParts, insts) {
	mv, nr, k := float64(t.mv), float64(t.nr), float64(s.k)
	step := insts{fma: mv * nr, vecLoad: mv, broadcast: nr, integer: loopOverhead}
	if c.fused {
		step.operand = nr
	}
	if c.soft { // a line of P each time, and those of Q
		step.integer += mv + nr*float64(c.elem)/64
	}
	if s.shuffleP {
		// lanes vectors are transposed with log2(lanes) shuffles each.
		step.shuffle = mv * math.Log2(float64(c.lanes))
	}
	// Shuffles share a port with the vector units.
	fma := (step.fma + step.shuffle) / c.rate
	load := (step.vecLoad + step.broadcast) / c.loads
	issue := step.total() / c.width
	// Every accumulator is updated once a step, so a step takes at least the
	// FMA's latency: a tile with too few accumulators stalls.
	latency := c.fmaLat

	var p cycleParts
	pure := mv * nr / c.units * k
	p.useful = pure * s.usefulPerMAC
	p.edge = pure - p.useful
	longest := max(fma, load, issue, latency)
	excess := longest*k - pure
	switch longest {
	case load:
		p.l1 = excess
	case latency:
		p.latency = excess
	default:
		p.issue = excess
	}

	var in insts
	in.add(step, k)
	reads := s.kBlocks
	if !s.readsFirst {
		reads--
	}
	detour := 1.0
	if s.partialRow && !c.masks {
		detour = 2 // through a buffer on the stack
	}
	up := insts{
		fma: mv * nr * s.kBlocks, vecLoad: mv * nr * reads * detour, store: mv * nr * s.kBlocks * detour,
		integer: callInstructions * s.kBlocks,
	}
	if s.shuffleC {
		up.shuffle = mv * nr * math.Log2(float64(c.lanes)) * (reads + s.kBlocks)
	}
	busy := max(up.vecLoad/c.loads, up.store/c.stores, (up.fma+up.shuffle)/c.units, up.total()/c.width)
	p.update = busy + s.kBlocks*(c.fmaLat+c.l1Lat+branchMiss)
	in.add(up, 1)
	return p, in
}

// kernelCost is the cost of all tiles of an m x n piece of C.
func (c *core) kernelCost(t tile, m, n int, s kernelShape) (cycleParts, insts) {
	var p cycleParts
	var in insts
	mr := c.rows(t)
	add := func(t tile, rows, cols, count int) {
		if count == 0 {
			return
		}
		s.partialRow = rows%c.lanes != 0
		s.usefulPerMAC = float64(rows*cols) / float64(t.mv*c.lanes*t.nr)
		tp, ti := c.tileCost(t, s)
		p.add(tp.times(float64(count)))
		in.add(ti, float64(count))
	}
	mFull, mRest := m/mr, m%mr
	nFull, nRest := n/t.nr, n%t.nr
	add(t, mr, t.nr, mFull*nFull)
	edge := tile{(mRest + c.lanes - 1) / c.lanes, t.nr}
	if mRest > 0 {
		add(edge, mRest, t.nr, nFull)
	}
	if nRest > 0 {
		add(tile{t.mv, nRest}, mr, nRest, mFull)
		if mRest > 0 {
			add(tile{edge.mv, nRest}, mRest, nRest, 1)
		}
	}
	return p, in
}

// packCost is the cost of copying elements into a packed panel whose vectors
// run along the panel's own dimension.
func (c *core) packCost(elements float64, transpose bool) (float64, insts) {
	v := elements / float64(c.lanes)
	in := insts{vecLoad: v, store: v, integer: 0.5 * v}
	if transpose {
		in.shuffle = v * math.Log2(float64(c.lanes))
	}
	cycles := max(in.vecLoad/c.loads, in.store/c.stores, in.shuffle/c.units, in.total()/c.width)
	return cycles, in
}

// tiles lists the register tiles that fit: accumulators, the vectors of P and
// two broadcasts in flight.
func (c *core) tiles() []tile {
	var out []tile
	for mv := 1; mv+mv+2 <= c.regs || mv == 1; mv++ {
		for nr := 1; mv*nr+mv+2 <= c.regs || (mv == 1 && nr == 1); nr++ {
			out = append(out, tile{mv, nr})
		}
	}
	return out
}
