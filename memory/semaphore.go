package memory

// semaphore is a counter at a slice with the requests that wait for a value.
type semaphore struct {
	value   int32
	waiting []int32 // flights, in order of arrival
}

// semaphore acts on a semaphore at its slice, which is the semaphore's number
// modulo the slices, in the order in which requests arrive there.
func (s *System) semaphore(i int32, t uint64) {
	f := &s.flights[i]
	slice := f.line % uint64(len(s.cache.free))
	start := max(t, s.cache.free[slice])
	s.cache.free[slice] = start + 1
	s.count.SliceBusy++
	f.ready = start + uint64(s.l2.HitLatency)

	sem := s.sems[f.line]
	if sem == nil {
		sem = &semaphore{}
		s.sems[f.line] = sem
	}
	if f.kind == Wait && sem.value != f.value {
		sem.waiting = append(sem.waiting, i)
		s.parked++
		return
	}
	ready := f.ready
	s.replies.put(ready, i)
	if f.kind == Wait {
		return
	}
	sem.value++
	kept := sem.waiting[:0]
	for _, w := range sem.waiting {
		if s.flights[w].value == sem.value {
			s.flights[w].ready = ready // it sees the value that this signal made
			s.replies.put(ready, w)
			s.parked--
		} else {
			kept = append(kept, w)
		}
	}
	sem.waiting = kept
}

// ClearSemaphores sets all semaphores to zero, as a kernel's launch does with
// its workspace. Requests that are parked stay parked.
func (s *System) ClearSemaphores() {
	for _, sem := range s.sems {
		sem.value = 0
	}
}

// Semaphore is the value of a semaphore and the number of requests parked at it.
func (s *System) Semaphore(index uint64) (value int32, parked int) {
	if sem := s.sems[index]; sem != nil {
		return sem.value, len(sem.waiting)
	}
	return 0, 0
}

// Parked is how many Wait requests no Signal has answered. They do not count
// as busy in NextDecision: without a Signal they never end.
func (s *System) Parked() int { return s.parked }
