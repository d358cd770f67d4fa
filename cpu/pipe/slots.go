package pipe

// slots remembers which ports are taken in which cycle. Cycles lie in a ring that
// is far longer than what is in flight.
type slots struct {
	at []slot
}

type slot struct {
	cycle int64
	taken uint32
}

const slotCycles = 1 << 13

func newSlots() *slots { return &slots{at: make([]slot, slotCycles)} }

// claim takes one of the ports in the first cycle from t on that has one free. Of
// several free ones, the one that least of the code can use comes first: order
// lists them so.
func (s *slots) claim(t int64, ports uint32, order []uint8) (cycle int64, port uint8) {
	for ; ; t++ {
		p := &s.at[t&(slotCycles-1)]
		if p.cycle != t {
			*p = slot{cycle: t}
		}
		free := ports &^ p.taken
		if free == 0 {
			continue
		}
		for _, n := range order {
			if free>>n&1 != 0 {
				p.taken |= 1 << n
				return t, n
			}
		}
	}
}

// block takes ports of a cycle whatever else they do.
func (s *slots) block(t int64, ports uint32) {
	p := &s.at[t&(slotCycles-1)]
	if p.cycle != t {
		*p = slot{cycle: t}
	}
	p.taken |= ports
}

// pool is a number of places that are taken until a cycle: a heap of these cycles.
type pool struct {
	until []int64
	size  int
}

func newPool(size int) *pool { return &pool{until: make([]int64, 0, size), size: size} }

// enter gives the first cycle from t on in which a place is free.
func (p *pool) enter(t int64) int64 {
	if len(p.until) < p.size {
		return t
	}
	return max(t, p.until[0])
}

// hold takes a place until a cycle; of a full pool the one that is free first.
func (p *pool) hold(until int64) {
	if len(p.until) < p.size {
		p.until = append(p.until, until)
		for i := len(p.until) - 1; i > 0; {
			up := (i - 1) / 2
			if p.until[up] <= p.until[i] {
				break
			}
			p.until[up], p.until[i] = p.until[i], p.until[up]
			i = up
		}
		return
	}
	p.until[0] = until
	for i := 0; ; {
		down := 2*i + 1
		if down >= len(p.until) {
			return
		}
		if down+1 < len(p.until) && p.until[down+1] < p.until[down] {
			down++
		}
		if p.until[i] <= p.until[down] {
			return
		}
		p.until[i], p.until[down] = p.until[down], p.until[i]
		i = down
	}
}

// queue is a number of places that are taken and left in order.
type queue struct {
	until []int64
	next  int
}

func newQueue(size int) *queue { return &queue{until: make([]int64, size)} }

func (q *queue) enter(t int64) int64 { return max(t, q.until[q.next]) }

func (q *queue) hold(until int64) {
	q.until[q.next] = until
	if q.next++; q.next == len(q.until) {
		q.next = 0
	}
}
