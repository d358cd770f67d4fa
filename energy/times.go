package energy

// Times is the ledger of the same thing done n times.
func (l Ledger) Times(n int) Ledger {
	out := Ledger{Scope: l.Scope, Rows: make([]Row, len(l.Rows))}
	for i, r := range l.Rows {
		r.Events *= uint64(n)
		r.grow(float64(n))
		out.Rows[i] = r
	}
	out.finish()
	return out
}
