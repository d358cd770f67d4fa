package cpu

import (
	"math"

	"gpusim/cpu/pipe"
)

// direct is a direct convolution on blocked layouts (nChw16c of MKL-DNN, here with
// as many channels in a block as a vector has lanes): vectors run over output
// channels, elements of the input are broadcast, and a register tile holds a few
// columns of a row of the output for a few blocks of channels.
type direct struct {
	name     string
	images   int
	out      int     // output channels
	red      int     // channels that are summed over
	groups   int     // equal convolutions side by side
	p, q     int     // output rows and columns
	inH, inW int     // input plane
	taps     float64 // of the filter that fall inside the image, on average
	allTaps  int
	across   int  // taps of a row of the filter
	stride   int  // columns of the input from one output column to the next
	turned   bool // sums run over the outer dimension of the filters: the gradient of the input
	flat     bool // no rows: 1x1 filters without stride see the plane as one row
}

// directCall is a call of the kernel: nb blocks of output channels by ur columns
// over some taps and channels of the input.
type directCall struct {
	nb, ur       int
	lanes, elem  int
	taps, red    int // steps are taps x red
	reads        bool
	fused        bool
	stride       int
	wide         int   // columns of a tile that lie in one row; 0: all
	rowStep      int64 // bytes from one of its rows to the next in the input
	pixel        int64 // bytes from one column of the input to the next
	channel      int64 // and from one channel of a block
	next         int64 // bytes from one tap to the next in the input
	across       int   // taps of a row of the filter; 0: all
	down         int64 // bytes from one row of taps to the next
	filters      int64 // bytes from the weights of one tap, or of one block of channels, to the next; 0: they are neighbours
	block        int64 // bytes from one block of weights to the next, and of outputs
	outBlock     int64
	in, w, o     uint64
	ahead        uint64 // input of the call after this one, which is fetched meanwhile; 0: none
	homeAhead    [3]float64
	homeW, homeI [3]float64
	homeO        [3]float64
}

// program appends the call.
func (u *directCall) program(p *pipe.Program) {
	base := uint8(len(p.Streams))
	streamed := !u.reads && u.homeO[2] == 0
	p.Streams = append(p.Streams, pipe.Stream{Base: u.w, Home: u.homeW}, pipe.Stream{Base: u.in, Home: u.homeI},
		pipe.Stream{Base: u.o, Home: u.homeO, Dirty: true, Streamed: streamed},
		pipe.Stream{Base: u.ahead, Home: u.homeAhead})
	const sw, si, so, sa = 0, 1, 2, 3
	mem := func(s int) uint8 { return base + uint8(s) + 1 }
	vector := int32(u.lanes * u.elem)
	acc := func(i, j int) pipe.Reg { return regAcc + pipe.Reg(j*u.nb+i) }
	outAt := func(i, j int) int32 { return int32(int64(i)*u.outBlock) + int32(j)*vector }
	var head []pipe.Uop
	for range callInstructions {
		head = append(head, pipe.Uop{Op: pipe.Int, Dst: regIndex + 1})
	}
	for j := range u.ur {
		for i := range u.nb {
			if u.reads {
				head = append(head, pipe.Uop{Op: pipe.Load, Dst: acc(i, j), Mem: mem(so), Disp: outAt(i, j), Fn: pipe.Move, Lanes: uint8(u.lanes)})
			} else {
				head = append(head, pipe.Uop{Op: pipe.Vec, Dst: acc(i, j), Fn: pipe.Zero})
				if i == 0 && !streamed { // the line is asked for before it is written
					head = append(head, pipe.Uop{Op: pipe.Prefetch, Mem: mem(so), Disp: outAt(i, j)})
				}
			}
		}
	}
	p.Blocks = append(p.Blocks, pipe.Block{Body: head, Trips: 1})
	// Lines of the next call's columns that are fetched in each iteration: all of a block
	// of channels while this call is at the same block (LIBXSMM's kernels do so).
	perBody := (u.ur*unroll + u.red - 1) / u.red
	body := func(n int) []pipe.Uop {
		var b []pipe.Uop
		for s := range n {
			if u.ahead != 0 {
				for l := s * perBody / n; l < (s+1)*perBody/n; l++ {
					b = append(b, pipe.Uop{Op: pipe.Prefetch, Mem: mem(sa), Disp: int32(u.column(l)), ToL2: true})
				}
			}
			for i := range u.nb {
				b = append(b, pipe.Uop{Op: pipe.Load, Dst: regP + pipe.Reg(s%2*u.nb+i), Mem: mem(sw), Disp: int32(int64(i)*u.block) + int32(s)*vector, Fn: pipe.Move, Lanes: uint8(u.lanes)})
			}
			for j := range u.ur {
				at := int32(u.column(j) + int64(s)*u.channel)
				q := regQ + pipe.Reg(j%4)
				if !u.fused {
					b = append(b, pipe.Uop{Op: pipe.Load, Dst: q, Mem: mem(si), Disp: at, Fn: pipe.Broadcast})
				}
				for i := range u.nb {
					f := pipe.Uop{Op: pipe.FMA, Dst: acc(i, j), Src: [3]pipe.Reg{regP + pipe.Reg(s%2*u.nb+i), q, acc(i, j)}, Fn: pipe.MulAdd}
					if u.fused {
						f.Src[1], f.Mem, f.Disp = 0, mem(si), at
					}
					b = append(b, f)
				}
			}
		}
		return append(b, pipe.Uop{Op: pipe.Int, Dst: regIndex, Src: [3]pipe.Reg{regIndex}}, pipe.Uop{Op: pipe.Branch, Src: [3]pipe.Reg{regIndex}})
	}
	for t := range u.taps {
		n := min(unroll, u.red)
		steps := u.red / n * n
		moves := func(n int) []int64 {
			m := make([]int64, len(p.Streams))
			m[base+sw], m[base+si], m[base+sa] = int64(n*u.lanes*u.elem), int64(n)*u.channel, int64(perBody*u.stride)*u.pixel
			return m
		}
		after := make([]int64, len(p.Streams))
		if u.red > steps {
			p.Blocks = append(p.Blocks, pipe.Block{Body: body(n), Trips: u.red / n, Step: moves(n)}, pipe.Block{Body: body(1), Trips: u.red - steps, Step: moves(1), After: after})
		} else {
			p.Blocks = append(p.Blocks, pipe.Block{Body: body(n), Trips: u.red / n, Step: moves(n), After: after})
		}
		after[base+si] = u.next - int64(u.red)*u.channel
		if u.filters != 0 {
			after[base+sw] = u.filters - int64(u.red*u.lanes*u.elem)
		}
		after[base+sa] = u.next - int64(u.red/n*perBody*u.stride)*u.pixel
		if u.across > 0 && (t+1)%u.across == 0 {
			after[base+si] += u.down - int64(u.across)*u.next
		}
	}
	var tail []pipe.Uop
	for j := range u.ur {
		for i := range u.nb {
			tail = append(tail, pipe.Uop{Op: pipe.Store, Src: [3]pipe.Reg{acc(i, j)}, Mem: mem(so), Disp: outAt(i, j), Fn: pipe.Move, Lanes: uint8(u.lanes)})
		}
	}
	p.Blocks = append(p.Blocks, pipe.Block{Body: tail, Trips: 1})
}

// column is where a column of the tile begins in the input.
func (u *directCall) column(j int) int64 {
	if u.wide > 0 {
		return int64(j/u.wide)*u.rowStep + int64(j%u.wide*u.stride)*u.pixel
	}
	return int64(j*u.stride) * u.pixel
}

// use is the lines of an array that one iteration of each loop of a nest touches,
// the whole nest first, one call of the kernel last.
type use []float64

// found gives the share of a call's lines that are in a cache of some lines, for
// each array: an array stays from one iteration of a loop to the next where all that
// one iteration touches fits. trips are the loops' counts, outermost first.
func found(trips []float64, arrays []use, capacity float64, warm bool) []float64 {
	fits := func(level int) bool {
		sum := 0.0
		for _, a := range arrays {
			sum += a[level]
		}
		return sum <= capacity
	}
	out := make([]float64, len(arrays))
	if warm && fits(0) {
		for i := range out {
			out[i] = 1
		}
		return out
	}
	level := 0
	for level < len(trips) && !fits(level) {
		level++
	}
	if level == len(trips) && !fits(level) {
		return out
	}
	// Loops outside the one before the level that fits fetch anew.
	outer := max(0, level-1)
	times, calls := 1.0, 1.0
	for i, n := range trips {
		if i < outer {
			times *= n
		}
		calls *= n
	}
	for i, a := range arrays {
		last := a[len(a)-1]
		if last > 0 {
			out[i] = min(1, max(0, 1-times*a[outer]/(calls*last)))
		}
	}
	return out
}

// scaled multiplies the lines of each array.
func scaled(arrays []use, by [3]float64) []use {
	out := make([]use, len(arrays))
	for i, a := range arrays {
		out[i] = make(use, len(a))
		for j, v := range a {
			out[i][j] = v * by[i]
		}
	}
	return out
}

// directPlan is how a thread works on a direct convolution.
type directPlan struct {
	nb, ur  int
	high    int // rows of output that a tile covers: more than one where rows are short
	threads int
	rows    float64 // rows (or groups of them) of output, for a chunk of nb blocks, of the slowest thread
	redStep int     // channels that a call sums over at each tap
	redRows int     // and blocks of them
	redRuns int     // calls one after another on the same tile
}

// oldKernels is the machine file's name for the kernels of 2017.
const oldKernels = "blocked_2017"

// planDirect chooses the register tile: the one that needs least slots of the front
// end, the multiply-adds and the load ports.
func (m *model) planDirect(d *direct) directPlan {
	c := &m.core
	blocks := (d.out + c.lanes - 1) / c.lanes
	cols := d.q
	rows := d.images * d.p * d.groups
	if d.flat {
		cols, rows = d.p*d.q, d.images*d.groups
	}
	most := 4
	if m.cpu.Convolutions == oldKernels { // LIBXSMM's kernels do one block at a time
		most = 1
	}
	best, cost := directPlan{}, math.Inf(1)
	try := func(nb, ur, high int) {
		p := directPlan{nb: nb, ur: ur * high, high: high, threads: m.threads()}
		chunks := float64((blocks + nb - 1) / nb)
		tiles := math.Ceil(float64(cols) / float64(ur))
		accs := nb * p.ur
		loads := float64(nb + p.ur)
		issue := float64(accs+nb) + 0.5
		if !m.fusedConv() {
			issue += float64(p.ur)
		} else {
			loads = float64(nb + accs)
		}
		step := max(float64(accs)/c.rate, loads/c.loads, issue/c.width, c.fmaLat)
		work := float64(rows) / float64(d.p) * math.Ceil(float64(d.p)/float64(high)) * chunks
		filled := float64(d.p) / (float64(high) * math.Ceil(float64(d.p)/float64(high))) // the last tile may have fewer rows
		if d.flat {                                                                      // a row is dealt out tile by tile
			work = float64(rows) * chunks * tiles
			p.rows = math.Ceil(work/float64(p.threads)) / tiles
			filled = 1
		} else {
			p.rows = math.Ceil(work / float64(p.threads))
		}
		steps := float64(d.red) * max(1, d.taps)
		e := float64(c.elem)
		image := float64(d.red*d.inH*d.inW) * e
		passes := chunks // over the input, unless the caches keep an image
		if image <= float64(m.aBlock().Size) || m.sharedCache() != nil && image <= float64(m.sharedCache().Size)/float64(m.perSocket(p.threads)) || m.tilesOutermost(d) {
			passes = 1
		}
		bytes := float64(d.images*d.groups) * (image*passes + float64(d.out*d.p*d.q)*e)
		compute := step * p.rows * tiles * steps * filled
		t := max(compute, bytes*m.hz/(float64(m.cpu.Memory.Bandwidth)*m.cpu.Memory.Efficiency)) + compute/10
		if t < cost*0.999 {
			best, cost = p, t
		}
	}
	if m.cpu.Convolutions == oldKernels { // generated for one width, whatever the threads
		if d.flat {
			try(1, evenTile(cols, c.regs-4), 1)
		} else {
			try(1, min(cols, c.regs-4), 1)
		}
		most = 0
	}
	for nb := 1; nb <= min(most, blocks); nb++ {
		room := (c.regs - 2*nb) / nb
		for ur := 1; ur <= min(cols, room) || ur == 1; ur++ {
			try(nb, ur, 1)
		}
		for high := 2; !d.flat && high*cols <= room && high <= d.p; high++ {
			try(nb, cols, high)
		}
	}
	work := math.Ceil(float64(rows)/float64(best.high)) * float64((blocks+best.nb-1)/best.nb)
	if !d.flat && work < float64(best.threads) {
		best.threads = int(work)
	}
	best.redStep, best.redRows = min(d.red, c.lanes), 1
	if d.allTaps == 1 { // 1x1: sums stay in registers over many channels
		best.redRows = max(1, min(d.red, reduceSteps)/best.redStep)
	}
	best.redRuns = (d.red + best.redStep*best.redRows - 1) / (best.redStep * best.redRows)
	return best
}

// leastTile is how few columns a generated kernel takes, unless the plane is smaller.
const leastTile = 9

// evenTile is the width in which MKL-DNN's kernels of one tap cut a plane: the widest
// that leaves nothing over, or else the one that leaves the fullest last tile.
func evenTile(points, most int) int {
	if points <= most {
		return points
	}
	best, left := most, points%most
	for w := most; w >= leastTile; w-- {
		switch rest := points % w; {
		case rest == 0:
			return w
		case rest > left && w-rest < best-left:
			best, left = w, rest
		}
	}
	return best
}

// reduceSteps is how many channels a call of a 1x1 kernel sums over.
const reduceSteps = 512

// fusedConv says whether kernels of convolutions broadcast by memory operands:
// AVX-512 code does.
func (m *model) fusedConv() bool { return m.core.fused || m.core.masks }
