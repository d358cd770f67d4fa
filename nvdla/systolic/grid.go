package systolic

// Replay is what an array that was stepped cycle by cycle computed.
type Replay struct {
	Out    []int32 // M x N, row by row
	MACs   uint64  // multiply-accumulates of an operand pair that exists
	Cycles uint64  // to the last result, as in Mapping.Cycles
	// PerCycle is the number of results of each cycle.
	PerCycle []int
}

// unit is one multiply-accumulate unit with its registers. Words carry whether
// they exist, so that a multiplication is counted only for a pair that does.
type unit struct {
	right, down int32 // to the neighbours
	hasR, hasD  bool
	stay        int32
	hasStay     bool
	sum         int32 // that goes down, or the output that stays
	count       int   // pairs summed into an output that stays
}

// Execute computes a layer on an explicit array, unit by unit and cycle by
// cycle, taking operands by the addresses that Simulate asks for. input and
// weights are indexed by those addresses.
func (a Array) Execute(l Layer, input, weights []int32) Replay {
	m := a.Map(l.Product)
	in, wt := l.sides(&m)
	e := executor{m: &m, rep: Replay{Out: make([]int32, l.M*l.N)}, cur: make([]unit, a.Rows*a.Cols), next: make([]unit, a.Rows*a.Cols)}
	for cf := range m.ColFolds {
		for rf := range m.RowFolds {
			clear(e.cur)
			for c := range m.FoldCycles() {
				var left, top, load edge
				switch a.Flow {
				case OutputStationary:
					left.take(&in, input, rf, cf, c)
					top.take(&wt, weights, rf, cf, c)
				case InputStationary:
					load.take(&in, input, rf, cf, c)
					left.take(&wt, weights, rf, cf, c)
				default:
					load.take(&wt, weights, rf, cf, c)
					left.take(&in, input, rf, cf, c)
				}
				n := 0
				if a.Flow == OutputStationary {
					n = e.stepOutputs(l.N, rf, cf, left, top)
				} else {
					n = e.stepHeld(l.N, rf, cf, c, left, load)
				}
				e.rep.PerCycle = append(e.rep.PerCycle, n)
				e.cur, e.next = e.next, e.cur
			}
		}
	}
	e.rep.Cycles = uint64(len(e.rep.PerCycle)) - 1
	return e.rep
}

// edge is the words that enter one side of the array in a cycle.
type edge struct {
	first int
	words []int32
}

func (e *edge) take(s *side, data []int32, rf, cf, cycle int) {
	first, addrs := s.demand(rf, cf, cycle, nil)
	e.first = first
	for _, a := range addrs {
		e.words = append(e.words, data[a])
	}
}

func (e *edge) at(p int) (int32, bool) {
	if p < e.first || p >= e.first+len(e.words) {
		return 0, false
	}
	return e.words[p-e.first], true
}

type executor struct {
	m         *Mapping
	rep       Replay
	cur, next []unit
}

// stepOutputs is a cycle of an array whose outputs stay: both operands move,
// one to the right and one down.
func (e *executor) stepOutputs(n, rf, cf int, left, top edge) (results int) {
	m := e.m
	for r := range m.Rows {
		for c := range m.Cols {
			old := &e.cur[r*m.Cols+c]
			u := unit{sum: old.sum, count: old.count}
			if c > 0 {
				u.right, u.hasR = e.cur[r*m.Cols+c-1].right, e.cur[r*m.Cols+c-1].hasR
			} else {
				u.right, u.hasR = left.at(r)
			}
			if r > 0 {
				u.down, u.hasD = e.cur[(r-1)*m.Cols+c].down, e.cur[(r-1)*m.Cols+c].hasD
			} else {
				u.down, u.hasD = top.at(c)
			}
			if u.hasR && u.hasD {
				u.sum += u.right * u.down
				e.rep.MACs++
				if u.count++; u.count == m.T {
					e.rep.Out[(rf*m.Rows+r)*n+cf*m.Cols+c] = u.sum
					results++
				}
			}
			e.next[r*m.Cols+c] = u
		}
	}
	return results
}

// stepHeld is a cycle of an array with an operand that stays. In the first
// cycles of a fold it is shifted down into place, then the other operand moves
// to the right and sums move down.
func (e *executor) stepHeld(n, rf, cf, cycle int, left, load edge) (results int) {
	m := e.m
	for r := range m.Rows {
		for c := range m.Cols {
			old := &e.cur[r*m.Cols+c]
			u := unit{stay: old.stay, hasStay: old.hasStay}
			if cycle < m.Rows {
				if r > 0 {
					u.stay, u.hasStay = e.cur[(r-1)*m.Cols+c].stay, e.cur[(r-1)*m.Cols+c].hasStay
				} else {
					u.stay, u.hasStay = load.at(c)
				}
				e.next[r*m.Cols+c] = u
				continue
			}
			if c > 0 {
				u.right, u.hasR = e.cur[r*m.Cols+c-1].right, e.cur[r*m.Cols+c-1].hasR
			} else {
				u.right, u.hasR = left.at(r)
			}
			if r > 0 {
				u.sum = e.cur[(r-1)*m.Cols+c].sum
			}
			if u.hasR && u.hasStay {
				u.sum += u.right * u.stay
				e.rep.MACs++
			}
			// Sum t of column c leaves the last row Rows - 1 + c cycles after word t
			// entered the first.
			t := cycle - m.Rows - (m.Rows - 1) - c
			if p := cf*m.Cols + c; r == m.Rows-1 && t >= 0 && t < m.T && p < m.Sc {
				row, col := t, p
				if m.Flow == InputStationary {
					row, col = p, t
				}
				e.rep.Out[row*n+col] += u.sum
				results++
			}
			e.next[r*m.Cols+c] = u
		}
	}
	return results
}
