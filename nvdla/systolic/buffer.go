package systolic

// SRAM is one double-buffered SRAM beside the array and its port to memory.
// While the array uses one half, the other is filled (or drained).
type SRAM struct {
	Words    int // of both halves
	PerCycle int // words a cycle between memory and this SRAM
}

// setShare is the part of an SRAM that is replaced at a time: reads are looked
// up in sets of a hundredth of the SRAM, as SCALE-Sim has it.
const setShare = 100

// Cycles of the ports to memory, as SCALE-Sim has them.
const (
	readLatency  = 1
	writeLatency = 0
)

// ring is how an SRAM goes round an operand, in one order, over and over: the sets of
// its active half and, when the halves change places, those filled meanwhile.
type ring struct {
	words, perSet       int // of the operand, of a set
	sets, active, spare int // of the operand, of the active half, and filled at a time
	start               int // first active set
	half                int64
	swaps               uint64
}

func newRing(s SRAM, words int) *ring {
	active := ceilDiv(s.Words, 2)
	r := &ring{words: words, perSet: ceilDiv(s.Words, setShare), half: int64(ceilDiv(s.Words-active, s.PerCycle) + readLatency)}
	r.sets = words/r.perSet + 1
	r.active = min(r.sets, ceilDiv(active, r.perSet))
	r.spare = min(r.sets-r.active, ceilDiv(s.Words-active, r.perSet))
	return r
}

// fits says that the operand lies in a half and never has to be waited for.
func (r *ring) fits() bool { return r.active == r.sets }

// moved is the words fetched.
func (r *ring) moved() uint64 {
	if r.fits() {
		return uint64(r.words)
	}
	return uint64(r.active*r.perSet) + r.swaps*uint64(r.spare*r.perSet)
}

// cycles is when the last half that was asked for is full: one is from the beginning,
// and fills follow each other.
func (r *ring) cycles() uint64 { return r.swaps * uint64(r.half) }

// reader is an SRAM that is filled word by word. The array may use what lies in the
// active half. A word that does not lie there makes the halves change places: the
// array waits until the other half is full.
type reader struct {
	*ring
	filled int64 // cycle at which the last fill that was asked for ends
	twice  bool  // see Memory.WaitTwice

	// at is that of the side: which set a word is in tells whether it is there.
	at func(address int) int

	// Where words stand at several places, how often each is there.
	lastSet    int // words
	present    []int32
	tail, head walker
}

// newReader fills the first half before cycle 0. Nil: the operand fits a half.
func newReader(s SRAM, side *side) *reader {
	r := &reader{ring: newRing(s, side.words), filled: -1}
	if r.fits() {
		return nil
	}
	if r.at = side.at; r.at != nil {
		return r
	}
	r.lastSet = r.words - (r.sets-1)*r.perSet
	r.present = make([]int32, side.bound)
	r.tail, r.head = walker{g: &side.fetch}, walker{g: &side.fetch}
	for i := range r.active {
		r.add(i, &r.head, 1)
	}
	return r
}

// add counts a set's words in or out.
func (r *reader) add(set int, w *walker, by int32) {
	n := r.perSet
	if set%r.sets == r.sets-1 {
		n = r.lastSet
	}
	for range n {
		r.present[w.next()] += by
	}
}

// swap makes the other half the active one and starts to fill this one.
func (r *reader) swap() {
	for i := range r.spare {
		if r.at != nil {
			break
		}
		r.add(r.start+i, &r.tail, -1)
		r.add(r.start+r.active+i, &r.head, 1)
	}
	r.start = (r.start + r.spare) % r.sets
	r.filled += r.half
	r.swaps++
}

// has says whether a word lies in the active half.
func (r *reader) has(address int) bool {
	if r.at == nil {
		return r.present[address] > 0
	}
	ahead := r.at(address)/r.perSet - r.start
	if ahead < 0 {
		ahead += r.sets
	}
	return ahead < r.active
}

// wait is how many cycles the words asked for at a cycle are late.
func (r *reader) wait(cycle int64, words []int) int64 {
	at := cycle + 1 // a word that is there takes a cycle too
	for _, a := range words {
		for !r.has(a) {
			r.swap()
			late := r.filled - at
			if late > 0 || r.twice {
				at += late
			}
			if late > 0 && r.twice {
				at += late
			}
		}
	}
	return at - cycle - 1
}

// writer is the SRAM of the results: what lies in one half is written to
// memory while the other fills.
type writer struct {
	words, drainAt int
	perCycle       int
	free           int
	partial        int // words of the last line, which is not full
	lines          []int
	drained        int64
	moved          uint64
}

func newWriter(s SRAM) *writer {
	return &writer{words: s.Words, drainAt: ceilDiv(s.Words, 2), perCycle: s.PerCycle, free: s.Words}
}

// wait takes n results at a cycle and says how many cycles they are late.
func (w *writer) wait(cycle int64, n int) int64 {
	now := cycle
	for range n {
		w.free--
		if w.partial++; w.partial == w.perCycle {
			w.lines, w.partial = append(w.lines, w.perCycle), 0
		}
		switch {
		case now < w.drained:
			if w.free <= 0 {
				now = w.drained
			}
		case w.free < w.drainAt:
			w.drain(now)
		}
	}
	return now - cycle
}

// drain starts to write half of the SRAM to memory. A line that is not full
// goes alone.
func (w *writer) drain(now int64) {
	if w.partial > 0 {
		w.lines, w.partial = append(w.lines, w.partial), 0
	}
	n := min(len(w.lines), ceilDiv(w.words-w.drainAt, w.perCycle))
	words := 0
	for _, l := range w.lines[:n] {
		words += l
	}
	w.lines = append(w.lines[:0], w.lines[n:]...)
	w.free += words
	w.moved += uint64(words)
	w.drained = now + int64(n) - 1 + writeLatency
}
