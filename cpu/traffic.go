package cpu

import "math"

// The traffic model counts cache lines by the classic footprint argument for
// least-recently-used caches: where the data that one iteration of a loop
// touches fits, everything the loop touches is fetched once; where it does
// not, each iteration fetches anew what its parts miss.

// ref is one array as the nest uses it.
type ref int

const (
	refPSrc ref = iota // P in the caller's layout
	refPBuf            // packed block of P
	refQSrc
	refQBuf
	refC
	numRefs
)

// Loops of the nest, outermost first, with the BLIS names.
const (
	loopJC = iota // n by nc
	loopPC        // k by kc; packs Q
	loopIC        // m by mc; packs P
	loopJR        // nc by nr
	loopIR        // mc by mr; loads and stores the tile of C
	loopK         // kc by 1
	numLoops
)

// nest is the loop nest of one thread on its slab of C.
type nest struct {
	m, n, k      float64 // slab
	mc, nc, kc   float64
	mr, nr       float64
	elem         float64
	line         float64
	pPack, qPack bool
	pK, qK       bool // source contiguous along k
	cRow         bool // C contiguous along m (P's dimension)
	ldP, ldQ     float64
	ldC          float64
	sets         float64          // sets of the cache if its index is plain address bits; 0 if hashed
	qShare       float64          // threads that pack one panel of Q together
	share        [numRefs]float64 // threads that share the array in a shared cache; 1 in a private one
}

// extents of one iteration of the loop (level -1: the whole nest).
func (s *nest) extents(level int) (m, n, k float64) {
	m, n, k = s.m, s.n, s.k
	if level >= loopJC {
		n = s.nc
	}
	if level >= loopPC {
		k = s.kc
	}
	if level >= loopIC {
		m = s.mc
	}
	if level >= loopJR {
		n = s.nr
	}
	if level >= loopIR {
		m = s.mr
	}
	if level >= loopK {
		k = 1
	}
	return m, n, k
}

func (s *nest) trips(level int) float64 {
	switch level {
	case loopJC:
		return s.n / s.nc
	case loopPC:
		return s.k / s.kc
	case loopIC:
		return s.m / s.mc
	case loopJR:
		return s.nc / s.nr
	case loopIR:
		return s.mc / s.mr
	}
	return s.kc
}

// block counts the lines of cols runs of rows contiguous elements, ld apart.
func (s *nest) block(rows, cols, ld float64) float64 {
	if rows >= ld {
		return max(1, rows*cols*s.elem/s.line)
	}
	bytes := rows * s.elem
	if math.Mod(ld*s.elem, s.line) == 0 && math.Mod(bytes, s.line) == 0 {
		return cols * bytes / s.line
	}
	// A run that begins anywhere touches (line-elem)/line more lines on average.
	n := bytes/s.line + (s.line-s.elem)/s.line
	return cols * max(1, min(n, ld*s.elem/s.line+1))
}

// footprint counts the lines of r that one iteration at level touches,
// divided among the threads that share them.
func (s *nest) footprint(level int, r ref) float64 {
	m, n, k := s.extents(level)
	var lines float64
	switch r {
	case refPSrc:
		if s.pPack && level >= loopJR {
			return 0
		}
		lines = s.matrix(m, k, s.pK, s.ldP)
	case refPBuf:
		if !s.pPack {
			return 0
		}
		lines = max(1, min(m, s.mc)*min(k, s.kc)*s.elem/s.line)
	case refQSrc:
		if s.qPack {
			if level >= loopIC {
				return 0
			}
			n /= s.qShare
		}
		lines = s.matrix(n, k, s.qK, s.ldQ)
	case refQBuf:
		if !s.qPack {
			return 0
		}
		lines = max(1, min(n, s.nc)*min(k, s.kc)*s.elem/s.line)
	default:
		if level >= loopK {
			return 0 // in registers
		}
		if s.cRow {
			lines = s.block(m, n, s.ldC)
		} else {
			lines = s.block(n, m, s.ldC)
		}
	}
	return lines / s.share[r]
}

func (s *nest) matrix(own, k float64, kContig bool, ld float64) float64 {
	if kContig {
		return s.block(k, own, ld)
	}
	return s.block(own, k, ld)
}

func (s *nest) all(level int) float64 {
	var sum float64
	for r := ref(0); r < numRefs; r++ {
		sum += s.footprint(level, r)
	}
	return sum
}

// lines is traffic of one cache towards the next level: fills and write-backs
// of dirty lines, apart for packing and for the micro-kernels.
type lines struct {
	packFill, packBack     float64
	kernelFill, kernelBack float64
}

func (l lines) pack() float64   { return l.packFill + l.packBack }
func (l lines) kernel() float64 { return l.kernelFill + l.kernelBack }

// misses counts the lines that a cache of the given capacity (in lines)
// exchanges with the level below while the nest runs once. items is the number
// of different problems that run in turn; warm says that they all ran before.
func (s *nest) misses(capacity, items float64, warm bool) lines {
	if warm && s.all(-1)*items <= capacity && s.spread(capacity) {
		return lines{}
	}
	var out lines
	for _, l := range s.missesByRef(capacity) {
		out.packFill += l.packFill
		out.kernelFill += l.kernelFill
		out.packBack += l.packBack
		out.kernelBack += l.kernelBack
	}
	return out
}

// missesByRef tells the arrays apart.
func (s *nest) missesByRef(capacity float64) [numRefs]lines {
	var out [numRefs]lines
	var whole, fits [numLoops]bool
	for l := 0; l < numLoops; l++ {
		whole[l] = s.all(l) <= capacity
	}
	for r := ref(0); r < numRefs; r++ {
		for l := range fits {
			fits[l] = whole[l] && s.footprint(l, r)*s.conflict(l, r) <= capacity
		}
		pack, kernel := s.missesOf(r, loopJC, &fits, capacity)
		out[r].packFill = pack
		out[r].kernelFill = kernel
		switch r {
		case refC:
			// The nest leaves every fetched line of C dirty.
			out[r].kernelBack = pack + kernel
		case refPBuf, refQBuf:
			out[r].packBack = s.packWriteBacks(r, &fits, capacity)
		}
	}
	return out
}

// missesOf walks the nest from level inwards and returns fills that belong to
// packing and to the micro-kernels.
func (s *nest) missesOf(r ref, level int, fits *[numLoops]bool, capacity float64) (pack, kernel float64) {
	if level == numLoops {
		return 0, s.footprint(loopK, r)
	}
	if fits[level] {
		f := s.footprint(level-1, r)
		if s.packsSource(r, level) {
			return f, 0
		}
		if (r == refPBuf && level <= loopIC) || (r == refQBuf && level <= loopPC) {
			return f, 0 // first touched by the packing store
		}
		return 0, f
	}
	t := s.trips(level)
	switch {
	case level == loopIC && r == refPSrc && s.pPack, level == loopPC && r == refQSrc && s.qPack:
		return t * s.footprint(level, r), 0
	case level == loopIC && r == refPBuf && s.pPack, level == loopPC && r == refQBuf && s.qPack:
		stored := s.footprint(level, r)
		if r == refQBuf {
			stored /= s.qShare
		}
		p, k := s.missesOf(r, level+1, fits, capacity)
		// What was just packed is still there if packing and the first
		// iteration of the loop over it fit together.
		if s.packed(level)+s.all(level+1) <= capacity {
			k = max(0, k-stored)
		}
		if s.stays(r, capacity) {
			stored = 0 // the buffer's lines are still there when packing overwrites them
		}
		return t * (stored + p), t * k
	}
	p, k := s.missesOf(r, level+1, fits, capacity)
	if level == loopIR && r == refC {
		return 0, t * s.footprint(loopIR, r)
	}
	return t * p, t * k
}

// packsSource says whether r, taken from level inwards, is only read by packing.
func (s *nest) packsSource(r ref, level int) bool {
	return r == refPSrc && s.pPack && level <= loopIC || r == refQSrc && s.qPack && level <= loopPC
}

// packed is the footprint of the packing statement in the body of a loop.
func (s *nest) packed(level int) float64 {
	if level == loopIC {
		return s.footprint(loopIC, refPSrc) + s.footprint(loopIC, refPBuf)
	}
	return s.footprint(loopPC, refQSrc) + s.footprint(loopPC, refQBuf)
}

// stays says whether a packing buffer survives from its last use to the next
// packing: all of P's block is used in the last iteration of jr, Q's panel over
// the last iteration of ic; then the next source block streams through.
func (s *nest) stays(r ref, capacity float64) bool {
	if r == refPBuf {
		between := s.footprint(loopIC, refPSrc) + s.all(loopJR)
		if s.trips(loopIC) < 2 {
			between += s.footprint(loopPC, refQSrc) + s.footprint(loopPC, refQBuf)
		}
		return between <= capacity
	}
	return s.footprint(loopPC, refQSrc)+s.all(loopIC)-s.footprint(loopIC, refPSrc) <= capacity
}

// packWriteBacks counts dirty lines of a packing buffer that leave the cache
// before the next packing overwrites them.
func (s *nest) packWriteBacks(r ref, fits *[numLoops]bool, capacity float64) float64 {
	level, packed := loopIC, s.pPack
	if r == refQBuf {
		level, packed = loopPC, s.qPack
	}
	if !packed || fits[level] || s.stays(r, capacity) {
		return 0
	}
	n := s.footprint(level, r)
	if r == refQBuf {
		n /= s.qShare
	}
	for l := 0; l <= level; l++ {
		n *= s.trips(l)
	}
	return n
}

// conflict says how much of the cache an array cannot use because its columns
// lie a multiple of few sets apart: sets over the sets that its footprint maps to.
// Packed buffers are contiguous and never suffer.
func (s *nest) conflict(level int, r ref) float64 {
	if s.sets == 0 {
		return 1
	}
	m, n, k := s.extents(level)
	var run, ld float64
	switch {
	case r == refPSrc && s.pK:
		run, ld = k, s.ldP
	case r == refPSrc:
		run, ld = m, s.ldP
	case r == refQSrc && s.qK:
		run, ld = k, s.ldQ
	case r == refQSrc:
		run, ld = n, s.ldQ
	case r == refC && s.cRow:
		run, ld = m, s.ldC
	case r == refC:
		run, ld = n, s.ldC
	default:
		return 1
	}
	if run >= ld {
		return 1
	}
	stride := int64(ld * s.elem)
	span := int64(s.sets * s.line)
	places := float64(span / gcd(stride%span, span))
	perRun := math.Max(1, run*s.elem/s.line)
	return math.Max(1, s.sets/(places*perRun))
}

// spread says whether every array of the whole nest fits in spite of conflicts.
func (s *nest) spread(capacity float64) bool {
	for r := ref(0); r < numRefs; r++ {
		if s.footprint(-1, r)*s.conflict(-1, r) > capacity {
			return false
		}
	}
	return true
}

func gcd(a, b int64) int64 {
	for a != 0 {
		a, b = b%a, a
	}
	return b
}
