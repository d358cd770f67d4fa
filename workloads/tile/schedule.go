package tile

import "fmt"

// Dependence barriers by use. Loads alternate between two, so that the group
// in use and the group on its way do not share one.
const (
	barLDG   = 1 // and 2
	barLDS   = 3 // and 4; exchanges between lanes too
	barRead  = 5 // sources of stores
	barOther = 6 // S2R, MUFU, conversions
)

// place is one instruction of a trace through a program.
type place struct{ seg, at int }

// trace walks a program once, loop bodies twice, so that hazards across a
// loop's back edge show.
func (p *Program) trace() []place {
	var t []place
	for s := range p.Segments {
		times := 1
		if p.Segments[s].Loop {
			times = 2
		}
		for range times {
			for i := range p.Segments[s].Code {
				t = append(t, place{s, i})
			}
		}
	}
	return t
}

func (p *Program) inst(at place) *Inst { return &p.Segments[at.seg].Code[at.at] }

// schedule is the compiler's last pass: it fills in stall counts, dependence
// barriers and bank conflicts of a program of kernel k.
func (p *Program) schedule(k *Kernel, l *Latencies) error {
	for s := range p.Segments {
		code := p.Segments[s].Code
		for i := range code {
			in := &code[i]
			in.Stall, in.Wait, in.WrBar, in.RdBar, in.Bank = 1, 0, NoBar, NoBar, 0
		}
	}
	trace := p.trace()
	p.assignBarriers(k)
	p.readBarriers(k, trace)
	p.waits(k, trace)
	if err := p.stalls(k, l, trace); err != nil {
		return err
	}
	p.banks(k, l)
	if l.DualIssue {
		p.pair(k, l)
	}
	return nil
}

func words(k *Kernel, in *Inst) uint8 {
	switch in.Op {
	case OpLDG, OpSTG, OpLDS, OpSTS, OpRED:
		return uint8(max(1, k.Accesses[in.Access].Bytes/4))
	case OpLDSM:
		return uint8(k.Accesses[in.Access].Matrices)
	case OpLDC:
		return 1
	}
	return 0
}

// assignBarriers gives loads their barriers: a group of loads shares one
// until the first of them is used, then the next group begins.
func (p *Program) assignBarriers(k *Kernel) {
	for s := range p.Segments {
		code := p.Segments[s].Code
		var group [2]struct {
			dst  []regs
			next uint8
		}
		for i := range code {
			in := &code[i]
			reads, write := operandsOf(k, in)
			for g := range group {
				used := false
				for _, d := range group[g].dst {
					used = used || overlaps(d, write) || overlapsAny(d, reads)
				}
				if used {
					group[g].dst = group[g].dst[:0]
					group[g].next ^= 1
				}
			}
			switch in.Op {
			case OpLDG:
				in.WrBar = barLDG + group[0].next
				group[0].dst = append(group[0].dst, write)
			case OpLDS, OpLDSM, OpSHFL, OpLDC:
				in.WrBar = barLDS + group[1].next
				group[1].dst = append(group[1].dst, write)
			case OpS2R, OpMUFU, OpI2F, OpF2I:
				in.WrBar = barOther
			}
		}
	}
}

func overlaps(a, b regs) bool {
	return a.n > 0 && b.n > 0 && int(a.base) < int(b.base)+int(b.n) && int(b.base) < int(a.base)+int(a.n)
}

func overlapsAny(a regs, rs [4]regs) bool {
	for _, r := range rs {
		if overlaps(a, r) {
			return true
		}
	}
	return false
}

// readBarriers marks memory instructions whose sources a later instruction overwrites.
func (p *Program) readBarriers(k *Kernel, trace []place) {
	for n, at := range trace {
		in := p.inst(at)
		switch in.Op {
		case OpSTG, OpSTS, OpSTSM, OpRED, OpLDG, OpLDS, OpLDSM, OpLDGSTS, OpLDC:
		default:
			continue
		}
		src, _ := operandsOf(k, in)
		if src[0].n == 0 && src[1].n == 0 {
			continue
		}
		for _, later := range trace[n+1:] {
			o := p.inst(later)
			if _, w := operandsOf(k, o); overlapsAny(w, src) {
				in.RdBar = barRead
				break
			}
		}
	}
}

// waits sets the barriers that an instruction waits for.
func (p *Program) waits(k *Kernel, trace []place) {
	var written, read [256]uint8 // barrier that still covers a register
	clearBar := func(m uint8) {
		for r := range written {
			if written[r] != 0 && m>>(written[r]-1)&1 != 0 {
				written[r] = 0
			}
			if read[r] != 0 && m>>(read[r]-1)&1 != 0 {
				read[r] = 0
			}
		}
	}
	for _, at := range trace {
		in := p.inst(at)
		reads, write := operandsOf(k, in)
		var m uint8
		for _, rs := range reads {
			for r := int(rs.base); r < int(rs.base)+int(rs.n); r++ {
				if written[r] != 0 {
					m |= 1 << (written[r] - 1)
				}
			}
		}
		for r := int(write.base); r < int(write.base)+int(write.n); r++ {
			if written[r] != 0 {
				m |= 1 << (written[r] - 1)
			}
			if read[r] != 0 {
				m |= 1 << (read[r] - 1)
			}
		}
		in.Wait |= m
		clearBar(in.Wait)
		if in.WrBar != NoBar {
			for r := int(write.base); r < int(write.base)+int(write.n); r++ {
				written[r] = in.WrBar
			}
		}
		if in.RdBar != NoBar {
			for _, src := range reads {
				for r := int(src.base); r < int(src.base)+int(src.n); r++ {
					read[r] = in.RdBar
				}
			}
		}
	}
}

// stalls sets stall counts so that results of fixed latency are there in time.
func (p *Program) stalls(k *Kernel, l *Latencies, trace []place) error {
	var ready [256]int
	var owner [256]*Inst
	now := 0
	var prev *Inst
	for n, at := range trace {
		in := p.inst(at)
		reads, write := operandsOf(k, in)
		need := now
		look := func(rs regs) {
			for r := int(rs.base); r < int(rs.base)+int(rs.n); r++ {
				at := ready[r]
				if o := owner[r]; o != nil {
					if n, ok := l.accumulate(k, o, in); ok {
						at += n - l.latency(k, o)
					}
				}
				need = max(need, at)
			}
		}
		for _, rs := range reads {
			look(rs)
		}
		look(write)
		if need > now {
			stall := int(prev.Stall) + need - now
			if stall > 255 {
				return fmt.Errorf("a stall of %d cycles does not fit", stall)
			}
			prev.Stall = uint8(stall)
			now = need
		}
		for r := int(write.base); r < int(write.base)+int(write.n); r++ {
			ready[r], owner[r] = now+l.latency(k, in), in
		}
		in.Stall = max(in.Stall, uint8(l.span(in)))
		now += int(in.Stall)
		if in.Op == OpBRA && n+1 < len(trace) && trace[n+1].seg == at.seg { // taken
			now += l.Branch - 1
		}
		prev = in
	}
	return nil
}

// oneOperand says whether an instruction reads one register at most, as the
// first operand: the others stay in the reuse cache. Maxwell's hand-written SGEMM
// counts on that, see the listings of maxas; what Volta does is not known, there
// all are taken to be lost.
func oneOperand(op Op) bool {
	switch op {
	case OpLDG, OpLDS, OpIADD, OpLOP, OpISETP, OpMOV, OpUNPACK, OpBAR:
		return true
	}
	return false
}

// banks charges operand reads that conflict in the register banks. An
// operand that stood in the same slot of the warp's previous instruction
// comes from the reuse cache.
func (p *Program) banks(k *Kernel, l *Latencies) {
	if l.RegisterBanks < 1 || l.OperandsPerRead < 1 {
		return
	}
	for s := range p.Segments {
		var prev [3]int
		code := p.Segments[s].Code
		for i := range code {
			in := &code[i]
			src := [3]int{int(in.SrcA), int(in.SrcB), int(in.SrcC)}
			switch in.Op {
			case OpFFMA, OpHFMA2, OpDFMA:
			case OpDP4A:
			case OpFADD, OpFMUL, OpDADD, OpDMUL, OpFMNMX, OpFSETP:
				src[2] = RZ
			default:
				prev[0] = RZ
				if !l.DualIssue || !oneOperand(in.Op) {
					prev = [3]int{RZ, RZ, RZ}
				}
				continue
			}
			var load [8]int
			for n, r := range src {
				if r == RZ || r == prev[n] || (n > 0 && r == src[0]) || (n > 1 && r == src[1]) {
					continue
				}
				load[r%l.RegisterBanks]++
			}
			for _, n := range load {
				in.Bank = max(in.Bank, uint8((n+l.OperandsPerRead-1)/l.OperandsPerRead))
			}
			if in.Bank > 0 {
				in.Bank--
			}
			prev = src
		}
	}
}
