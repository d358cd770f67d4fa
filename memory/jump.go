package memory

import "math/bits"

// A kernel of which sampling leaves a part out goes on behind it in no time, but
// finds L2 as that part would have left it: whatever was there before is gone.
// Each SM says so with a Jump on its way, the first of which counts.

// OnJump says what to do at the slices when the first Jump of each number arrives,
// until the next call.
func (s *System) OnJump(do func(n uint64)) { s.onJump, s.jumped = do, 0 }

// jump handles a Jump.
func (s *System) jump(i int32) {
	n := s.flights[i].line
	s.free = append(s.free, i)
	s.inFlight--
	if n > s.jumped {
		s.jumped = n
		s.onJump(n)
	}
}

// Forget empties L2: what it held has been written back and replaced by lines that
// nobody asks for again. What is on its way from DRAM still answers those who wait.
func (s *System) Forget() {
	c := &s.cache
	for i := range c.lines {
		for d := c.lines[i].fills; d >= 0; d = s.fetches.all[d].older {
			s.fetches.all[d].line = -1
		}
		c.tags[i], c.lines[i] = 0, line{fills: -1}
	}
}

// Dirty counts the sectors in L2 that wait to be written.
func (s *System) Dirty() (n int) {
	for i := range s.cache.lines {
		n += bits.OnesCount8(s.cache.lines[i].dirty)
	}
	return n
}
