package tile

// port is the unit that an instruction goes to, as far as pairing is concerned:
// matrix instructions, semaphores, branches and the like go alone.
func (l *Latencies) port(op Op) Unit {
	switch u := UnitOf(op); {
	case op == OpSIGSEM || op == OpWAITSEM || u == UnitTensor:
		return UnitNone
	case u == UnitINT && l.IntOnFP32:
		return UnitFP32
	default:
		return u
	}
}

// pair marks neighbours that can issue in one cycle by a stall count of zero on
// the first: they go to different units, or the unit has lanes for pairs, the second does not need the first's
// result nor overwrite what it reads or writes, and the first has nothing to
// wait for after it. Bank conflicts of the first keep it alone.
func (p *Program) pair(k *Kernel, l *Latencies) {
	for s := range p.Segments {
		code := p.Segments[s].Code
		for i := 0; i+1 < len(code); i++ {
			a, b := &code[i], &code[i+1]
			pa, pb := l.port(a.Op), l.port(b.Op)
			if a.Stall != 1 || a.Bank > 0 || pa == UnitNone || pb == UnitNone || pa == pb && !(pa == UnitFP32 && l.FP32Pairs) {
				continue
			}
			reads, write := operandsOf(k, a)
			reads2, write2 := operandsOf(k, b)
			if overlapsAny(write, reads2) || overlaps(write, write2) || overlapsAny(write2, reads) {
				continue
			}
			a.Stall = 0
			b.Stall = max(b.Stall, 1)
			i++ // three do not go together
		}
	}
}
