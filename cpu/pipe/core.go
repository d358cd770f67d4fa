package pipe

// Reason says what a cycle in which fewer instructions than possible retired was
// spent on: what the oldest instruction waited for.
type Reason uint8

// Reasons.
const (
	Busy      Reason = iota // instructions retired at full width
	FrontEnd                // fetch and decode
	Recovery                // a mispredicted branch
	Execution               // ports were busy
	Depend                  // latency of arithmetic and of L1
	WaitL2                  // a line from L2
	WaitL3
	WaitMemory
	NumReasons
)

var reasonNames = [NumReasons]string{"retiring", "front_end", "branch_miss", "ports", "dependence", "l2", "l3", "memory"}

// String names the reason.
func (r Reason) String() string { return reasonNames[r] }

// core is the state of a run.
type core struct {
	s      *Spec
	mem    *memory
	ports  *slots
	doing  [NumOps]uint32  // ports of each operation
	order  [NumOps][]uint8 // and the order in which they are tried
	ready  [256]int64      // of registers
	why    [256]Reason
	alloc  int64 // cycle of the last allocation, and how many it had
	inCyc  int
	decode bool // the body is decoded each time
	rob    *queue
	sched  [3]*pool
	lq, sq *queue
	iregs  *queue
	vregs  *queue
	divs   *pool
	recent *queue // cycles of the last vector instructions, where their rate is held
	lastM  int64  // issue of the last memory instruction
	commit int64  // cycle in which the last store went to L1
	fresh  int64  // no allocation before: after a mispredicted branch
	retire int64
	inRet  int
	hints  []hint
	n      Counts
}

// hint is what the stride prefetcher knows of an instruction.
type hint struct {
	last   uint64
	stride int64
	sure   int
}

// Run runs a program on a core with empty caches (but for what Home says) and
// gives what it did. marks are the cycles at the end of each block.
func Run(s *Spec, p *Program) (Counts, []int64, error) {
	if err := s.check(); err != nil {
		return Counts{}, nil, err
	}
	c := newCore(s, p)
	marks := make([]int64, len(p.Blocks))
	pos := make([]uint64, len(p.Streams))
	for i := range p.Streams {
		pos[i] = p.Streams[i].Base
	}
	for b := range p.Blocks {
		c.block(p, b, pos)
		marks[b] = c.retire
	}
	c.n.Cycles = c.retire
	return c.n, marks, nil
}

func newCore(s *Spec, p *Program) *core {
	c := &core{s: s, ports: newSlots(), rob: newQueue(s.Window), lq: newQueue(s.LoadQueue), sq: newQueue(s.StoreQueue),
		iregs: newQueue(s.IntRegs), vregs: newQueue(s.VectorRegs), divs: newPool(1)}
	for i := range c.sched {
		if i > 0 && s.Unified {
			c.sched[i] = c.sched[0]
			continue
		}
		c.sched[i] = newPool(s.Schedulers[i])
	}
	// A port that does few things is tried first, so that others stay free.
	for op := Op(0); op < NumOps; op++ {
		from := op
		if op == Prefetch || op == ILoad {
			from = Load
		}
		for does := 1; does <= int(NumOps); does++ {
			for i, port := range s.Ports {
				if len(port) != does {
					continue
				}
				for _, o := range port {
					if o == from {
						c.doing[op] |= 1 << i
						c.order[op] = append(c.order[op], uint8(i))
					}
				}
			}
		}
	}
	if s.Rest > 1 {
		c.recent = newQueue((s.Rest - 1) * len(c.order[FMA]))
		for i := range c.recent.until {
			c.recent.until[i] = -int64(s.Rest)
		}
	}
	c.mem = newMemory(s, len(p.Streams), c.ports, c.doing[Load], &c.n)
	return c
}

// block runs a loop.
func (c *core) block(p *Program, at int, pos []uint64) {
	b := &p.Blocks[at]
	c.decode = len(b.Body) > c.s.UopCache
	c.hints = make([]hint, len(b.Body))
	for trip := 0; trip < b.Trips; trip++ {
		for i := range b.Body {
			u := &b.Body[i]
			var addr uint64
			var st *Stream
			if u.Mem > 0 {
				st = &p.Streams[u.Mem-1]
				addr = pos[u.Mem-1]
				if st.Mask != 0 {
					addr = st.Base + chase(addr-st.Base, st.Mask)<<c.mem.shift
				} else {
					addr += uint64(int64(u.Disp))
				}
			}
			c.step(u, addr, st, &c.hints[i])
		}
		for i, d := range b.Step {
			pos[i] += uint64(d)
		}
	}
	if b.Trips > c.s.Predicted && b.Trips > 1 {
		c.fresh = c.retire + int64(c.s.BranchMiss)
	}
	for i, d := range b.After {
		pos[i] += uint64(d)
	}
}

// chase is the line that the n-th pointer leads to: steps of an odd number of lines
// that is large against a page, so that every line comes once a round and no
// prefetcher sees a stream.
func chase(n, mask uint64) uint64 { return n * 0x9E3779B1 & mask }

func isVector(op Op) bool {
	return op == FMA || op == Vec || op == Shuffle || op == Div || op == Load
}

// step takes an instruction through the core.
func (c *core) step(u *Uop, addr uint64, st *Stream, h *hint) {
	s := c.s
	c.n.Uops[u.Op]++
	load := u.Mem > 0 && u.Op != Store
	arith := u.Op != Load && u.Op != Store && u.Op != Prefetch && u.Op != ILoad
	memory := u.Mem > 0
	if memory && arith {
		c.n.Operand++
	}

	// Allocation, in order: the front end's rate, then a place in every queue.
	width := s.Width
	if c.decode {
		width = s.DecodeWidth
	}
	t := c.alloc
	if c.inCyc >= width {
		t++
	}
	front := t
	why := Depend
	if c.fresh > t {
		t, why = c.fresh, Recovery
	}
	t = c.rob.enter(t)
	kind := 0
	switch {
	case memory && !arith:
		kind = 2
	case isVector(u.Op):
		kind = 1
	}
	t = c.sched[kind].enter(t)
	if load {
		t = c.lq.enter(t)
	}
	if u.Op == Store {
		t = c.sq.enter(t)
	}
	if u.Dst != 0 {
		if isVector(u.Op) {
			t = c.vregs.enter(t)
		} else {
			t = c.iregs.enter(t)
		}
	}
	if t > c.alloc {
		c.alloc, c.inCyc = t, 0
	}
	c.inCyc++
	if why == Depend && t == front {
		why = FrontEnd
	}

	// The memory operand.
	operand := t + 1
	freed := t + 1 // leaves its scheduler
	var loaded int64
	if memory && u.Op != Store {
		at := t + 1
		// Addresses come from the registers that only a load itself has.
		if !arith {
			at = c.operands(u, at, &why)
		}
		if s.MemoryInOrder {
			at = max(at, c.lastM)
		}
		cycle, _ := c.ports.claim(at, c.doing[Load], c.order[Load])
		if cycle > at {
			why = Execution
		}
		c.lastM = cycle
		freed = cycle
		var ready int64
		var level int
		if u.ToL2 {
			c.mem.toL2(cycle, addr>>c.mem.shift, st, int(u.Mem-1))
		} else {
			ready, level = c.mem.access(cycle, addr, st, int(u.Mem-1))
		}
		if s.StridePrefetch && !u.ToL2 {
			c.stride(cycle, addr, st, int(u.Mem-1), h)
		}
		switch level {
		case inL2:
			why = WaitL2
		case inL3:
			why = WaitL3
		case inMemory:
			why = WaitMemory
		}
		if u.Op == Load || arith { // the way from L1 to the vector registers is longer
			ready += int64(s.Latency[Load] - s.L1.Latency)
		}
		loaded = ready
		operand = ready
	}

	// Execution.
	done := operand
	switch {
	case u.Op == Prefetch:
		done = freed + 1
	case u.Op == Load || u.Op == ILoad:
		done = loaded
	case u.Op == Store:
		at := c.operands(u, t+1, &why)
		if s.MemoryInOrder { // of its address: the store buffer gets the data when they are there
			c.lastM = max(c.lastM, t+1)
			at = max(at, c.lastM)
		}
		cycle, _ := c.ports.claim(at, c.doing[Store], c.order[Store])
		freed, done = cycle, cycle+1
	default:
		at := c.operands(u, operand, &why)
		if u.Op == Div {
			at = c.divs.enter(at)
		}
		if c.recent != nil && isVector(u.Op) { // not more than so many in a number of cycles
			at = max(at, c.recent.enter(0)+int64(s.Rest))
		}
		cycle, _ := c.ports.claim(at, c.doing[u.Op], c.order[u.Op])
		if c.recent != nil && isVector(u.Op) {
			c.recent.hold(cycle)
		}
		if cycle > at {
			why = Execution
		}
		if u.Op == Div {
			c.divs.hold(cycle + int64(s.DivCycles))
		}
		freed = max(freed, cycle)
		done = cycle + int64(s.Latency[u.Op])
	}
	c.sched[kind].hold(freed)
	if u.Dst != 0 {
		c.ready[u.Dst], c.why[u.Dst] = done, why
	}

	// Retirement, in order.
	r := c.retire
	if c.inRet >= s.Width {
		r++
	}
	if done > r {
		r = done
	}
	if r > c.retire {
		if gap := r - c.retire; c.inRet > 0 || gap > 1 {
			c.n.Stalls[Busy]++
			if gap > 1 {
				c.n.Stalls[why] += gap - 1
			}
		} else {
			c.n.Stalls[Busy] += gap
		}
		c.retire, c.inRet = r, 0
	}
	c.inRet++
	c.rob.hold(r)
	if load {
		c.lq.hold(r)
	}
	if u.Dst != 0 {
		if isVector(u.Op) {
			c.vregs.hold(r)
		} else {
			c.iregs.hold(r)
		}
	}
	if u.Op == Store {
		// Stores go to L1 in order after they retire; lines are asked for as soon.
		ready, _ := c.mem.access(r, addr, st, int(u.Mem-1))
		c.commit = max(c.commit+1, r+1, ready-int64(s.L1.Latency))
		c.sq.hold(c.commit)
	}
}

// operands gives the cycle from t on in which the registers are ready, and changes
// why if they are what is waited for.
func (c *core) operands(u *Uop, t int64, why *Reason) int64 {
	for _, r := range u.Src {
		if r != 0 && c.ready[r] > t {
			t, *why = c.ready[r], c.why[r]
			if *why == FrontEnd {
				*why = Depend
			}
		}
	}
	return t
}

// stride is the L1 prefetcher: an instruction that has moved by the same distance
// twice fetches the line after next along it.
func (c *core) stride(t int64, addr uint64, st *Stream, at int, h *hint) {
	d := int64(addr - h.last)
	if d == h.stride && d != 0 {
		h.sure++
	} else {
		h.stride, h.sure = d, 0
	}
	h.last = addr
	if h.sure < 2 || d > 2048 || d < -2048 {
		return
	}
	line := int64(1) << c.mem.shift
	ahead := d
	if ahead > 0 && ahead < line {
		ahead = line
	}
	if ahead < 0 && ahead > -line {
		ahead = -line
	}
	target := uint64(int64(addr)+ahead) >> c.mem.shift
	if target == addr>>c.mem.shift || target>>(12-c.mem.shift) != addr>>12 {
		return // within the line, or beyond the page
	}
	if c.mem.l1.find(target) == nil && c.mem.fills.enter(t) <= t {
		c.mem.fill(t, target, st, at, true)
	}
}
