package memory

// fetch is a DRAM access: sectors of one line, read or written. A read is
// also the MSHR of its line: requests that want its sectors wait at it.
type fetch struct {
	arrive uint64 // tCK at which its channel can see it
	seq    uint64 // order of arrival at its channel
	seen   uint64 // tCK since which the scheduler sees it
	row    uint32

	// Lists of its channel: by bank and by age.
	next, prev           int32
	younger, elder       int32
	first                int32 // flight that asked for it, -1 = none (a write)
	waiters              int32 // further waiting flights
	line                 int32 // entry of the cache that it fills, -1 = evicted since
	older                int32 // earlier read under way for the same entry, -1 = none
	column               uint16
	channel              int16 // -1: an errand to the other partition, see readCopy
	place                int16 // of a write in its channel's write buffer
	bank                 uint8
	sectors, left        uint8 // sectors asked for; bursts still to move
	write, began, opened bool
}

// waiter is a node of a fetch's list of waiting flights.
type waiter struct{ flight, next int32 }

// fetchPool holds the accesses under way and who waits for them.
type fetchPool struct {
	all       []fetch
	free      []int32
	waits     []waiter
	freeWaits []int32
}

func (p *fetchPool) reset() {
	p.all, p.free, p.waits, p.freeWaits = p.all[:0], p.free[:0], p.waits[:0], p.freeWaits[:0]
}

// add gives a fetch whose fields are all to be set by the caller.
func (p *fetchPool) add() (int32, *fetch) {
	var i int32
	if n := len(p.free); n > 0 {
		i, p.free = p.free[n-1], p.free[:n-1]
	} else {
		p.all = append(p.all, fetch{})
		i = int32(len(p.all) - 1)
	}
	return i, &p.all[i]
}

// wait lets a flight wait for a read.
func (p *fetchPool) wait(d, flight int32) {
	w := waiter{flight, p.all[d].waiters}
	if n := len(p.freeWaits); n > 0 {
		i := p.freeWaits[n-1]
		p.freeWaits = p.freeWaits[:n-1]
		p.waits[i] = w
		p.all[d].waiters = i
		return
	}
	p.waits = append(p.waits, w)
	p.all[d].waiters = int32(len(p.waits) - 1)
}

func (p *fetchPool) release(d int32) {
	for w := p.all[d].waiters; w >= 0; w = p.waits[w].next {
		p.freeWaits = append(p.freeWaits, w)
	}
	p.free = append(p.free, d)
}

// unlink takes a read off its line's list of reads under way.
func (p *fetchPool) unlink(l *line, d int32) {
	older := p.all[d].older
	if l.fills == d {
		l.fills = older
		return
	}
	for at := l.fills; at >= 0; at = p.all[at].older {
		if p.all[at].older == d {
			p.all[at].older = older
			return
		}
	}
}

// ring is a first-in first-out queue of fetches.
type ring struct {
	buf        []int32 // its length is a power of two
	head, size int
}

func (r *ring) at(i int) *int32 { return &r.buf[(r.head+i)&(len(r.buf)-1)] }

func (r *ring) push(d int32) {
	if r.size == len(r.buf) {
		bigger := make([]int32, max(64, 2*len(r.buf)))
		for i := range r.size {
			bigger[i] = *r.at(i)
		}
		r.buf, r.head = bigger, 0
	}
	r.size++
	*r.at(r.size - 1) = d
}

func (r *ring) pop() int32 {
	d := *r.at(0)
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.size--
	return d
}
