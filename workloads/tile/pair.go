package tile

// port is the kind of unit that an instruction goes to, as far as pairing is
// concerned.
func (l *Latencies) port(op Op) int {
	switch op {
	case OpFFMA, OpFADD, OpFMUL:
		return 1
	case OpMOV, OpPACK, OpUNPACK, OpPRMT, OpIADD, OpIMAD, OpLOP, OpISETP:
		if l.IntOnFP32 {
			return 1
		}
		return 2
	case OpDFMA, OpDADD, OpDMUL:
		return 3
	case OpHFMA2:
		return 4
	case OpLDG, OpSTG, OpLDS, OpSTS, OpRED, OpS2R:
		return 5
	case OpMUFU:
		return 6
	}
	return 0 // branches, barriers and the like go alone
}

// pair marks neighbours that can issue in one cycle by a stall count of zero on
// the first: they go to different units, the second does not need the first's
// result nor overwrite what it reads or writes, and the first has nothing to
// wait for after it. Bank conflicts of the first keep it alone.
func (p *Program) pair(k *Kernel, l *Latencies) {
	for s := range p.Segments {
		code := p.Segments[s].Code
		for i := 0; i+1 < len(code); i++ {
			a, b := &code[i], &code[i+1]
			pa, pb := l.port(a.Op), l.port(b.Op)
			if a.Stall != 1 || a.Bank > 0 || pa == 0 || pb == 0 || pa == pb {
				continue
			}
			reads, write := operandsOf(a, words(k, a))
			reads2, write2 := operandsOf(b, words(k, b))
			if overlapsAny(write, reads2) || overlaps(write, write2) || overlapsAny(write2, reads) {
				continue
			}
			a.Stall = 0
			b.Stall = max(b.Stall, 1)
			i++ // three do not go together
		}
	}
}
