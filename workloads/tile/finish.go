package tile

import "fmt"

// Finish completes a generated kernel: shared-memory passes, control codes
// and code size. It reports what a generator got wrong.
func Finish(k *Kernel, l Latencies) error {
	if k.Threads < 32 || k.Threads%32 != 0 {
		return fmt.Errorf("kernel %s: %d threads are not whole warps", k.Name, k.Threads)
	}
	if len(k.Role) != k.Warps() {
		return fmt.Errorf("kernel %s: %d roles for %d warps", k.Name, len(k.Role), k.Warps())
	}
	for i := range k.Accesses {
		if err := k.finishAccess(i, &l); err != nil {
			return fmt.Errorf("kernel %s: access %d: %w", k.Name, i, err)
		}
	}
	if err := k.checkAsync(); err != nil {
		return fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	k.CodeBytes = 0
	for i, p := range k.Programs {
		if err := k.checkProgram(p); err != nil {
			return fmt.Errorf("kernel %s: program %d: %w", k.Name, i, err)
		}
		if err := p.schedule(k, &l); err != nil {
			return fmt.Errorf("kernel %s: program %d: %w", k.Name, i, err)
		}
		k.CodeBytes += 16 * p.StaticCount()
	}
	return nil
}

func (k *Kernel) finishAccess(i int, l *Latencies) error {
	a := &k.Accesses[i]
	if a.Peer != 0 && (a.Space != Shared || a.Peer < 0 || a.Peer >= k.Cluster) {
		return fmt.Errorf("memory of a CTA %d ranks further on in clusters of %d", a.Peer, k.Cluster)
	}
	if a.Space == Global {
		if len(a.Row) != k.Threads || len(a.Col) != k.Threads {
			return fmt.Errorf("%d rows and %d columns for %d threads", len(a.Row), len(a.Col), k.Threads)
		}
		a.findBounds(k.Warps())
		return nil
	}
	if len(a.Addr) != k.Threads {
		return fmt.Errorf("%d addresses for %d threads", len(a.Addr), k.Threads)
	}
	for t, addr := range a.Addr {
		if addr < 0 || int(addr)+int(max(a.Buffers, 2)-1)*int(a.BufferStride)+a.Bytes > k.Shared || int(addr)%a.Bytes != 0 {
			return fmt.Errorf("thread %d: %d B at %d (buffers %d apart) in %d B of shared memory", t, a.Bytes, addr, a.BufferStride, k.Shared)
		}
	}
	a.Passes, a.Words = make([]uint8, k.Warps()), make([]uint16, k.Warps())
	for w := range a.Passes {
		addr := a.Addr[w*32 : w*32+32]
		if a.Matrices == 0 {
			a.Passes[w], a.Words[w] = passes(addr, a.Bytes, max(1, l.SharedBanks))
			continue
		}
		for m := 0; m < 8*a.Matrices; m += 8 { // a matrix at a time
			p, n := passes(addr[m:m+8], a.Bytes, max(1, l.SharedBanks))
			a.Passes[w] += p
			a.Words[w] += n
		}
	}
	return nil
}

// passes counts the data passes of a shared-memory access by some lanes and the words
// that banks are asked for in them: lanes of equal words share them, different words
// of one bank do not. Accesses of 8 and 16 bytes are served by half warps.
func passes(addr []int32, bytes, banks int) (uint8, uint16) {
	group := 32
	if bytes > 4 {
		group = 16
	}
	group = min(group, len(addr))
	total, all := 0, 0
	// Words of a bank that were met form a list: words, and by each the one before.
	var words [64]int32
	var before [64]uint8
	for g := 0; g < len(addr); g += group {
		most, count := 1, 0
		var n, last [64]uint8
		for _, a := range addr[g : g+group] {
		next:
			for b := 0; b < max(4, bytes); b += 4 {
				w := (a + int32(b)) / 4
				bank := int(w) % banks
				for i := last[bank]; i > 0; i = before[i-1] {
					if words[i-1] == w {
						continue next
					}
				}
				words[count], before[count] = w, last[bank]
				count++
				last[bank] = uint8(count)
				n[bank]++
				most = max(most, int(n[bank]))
			}
		}
		total += most
		all += count
	}
	return uint8(total), uint16(all)
}

// checkAccess says whether an access exists and is to the memory wanted.
func (k *Kernel) checkAccess(access int16, want Space) error {
	if access < 0 || int(access) >= len(k.Accesses) {
		return fmt.Errorf("no access %d", access)
	}
	if k.Accesses[access].Space != want {
		return fmt.Errorf("access %d is in the wrong memory", access)
	}
	return nil
}

// checkOwn says whether an access exists and is to the CTA's own shared memory.
func (k *Kernel) checkOwn(access int16) error {
	err := k.checkAccess(access, Shared)
	if err == nil && k.Accesses[access].Peer != 0 {
		err = fmt.Errorf("only loads reach the memory of another CTA")
	}
	return err
}

// checkConst says whether the constant that an instruction names exists.
func (k *Kernel) checkConst(in *Inst) error {
	if in.Op == OpLDC && in.Imm < ImmConst {
		return fmt.Errorf("no constant is named")
	}
	if (TakesConst(in.Op) || in.Op == OpLDC) && in.Imm >= ImmConst && int(in.Imm-ImmConst) >= len(k.Consts) {
		return fmt.Errorf("no constant %d of %d", in.Imm-ImmConst, len(k.Consts))
	}
	return nil
}

func (k *Kernel) checkProgram(p *Program) error {
	if len(p.Segments) == 0 {
		return fmt.Errorf("no code")
	}
	last := p.Segments[len(p.Segments)-1].Code
	if len(last) == 0 || last[len(last)-1].Op != OpEXIT {
		return fmt.Errorf("does not end in EXIT")
	}
	limit := k.Regs
	if p.Regs > 0 {
		limit = p.Regs
	}
	for s := range p.Segments {
		code := p.Segments[s].Code
		if p.Segments[s].Loop && (len(code) == 0 || code[len(code)-1].Op != OpBRA) {
			return fmt.Errorf("segment %d: a loop must end in BRA", s)
		}
		for i := range code {
			in := &code[i]
			err := k.checkConst(in)
			switch in.Op {
			case OpLDG, OpSTG, OpRED:
				err = k.checkAccess(in.Access, Global)
			case OpLDS:
				err = k.checkAccess(in.Access, Shared)
			case OpSTS, OpSTSM, OpLDSM:
				err = k.checkOwn(in.Access)
			case OpLDGSTS:
				if err = k.checkAccess(in.Access, Global); err == nil {
					err = k.checkOwn(in.Into)
				}
			case OpMMA:
				if in.Access < 0 || int(in.Access) >= len(k.MMAs) {
					err = fmt.Errorf("no matrix instruction %d", in.Access)
				}
			default:
				if err == nil {
					err = k.checkAsyncInst(in, limit)
				}
			}
			if err != nil {
				return fmt.Errorf("segment %d instruction %d: %w", s, i, err)
			}
			reads, write := operandsOf(k, in)
			for _, r := range append(reads[:], write) {
				if r.n > 0 && int(r.base)+int(r.n) > limit {
					return fmt.Errorf("segment %d instruction %d: register %d of %d", s, i, int(r.base)+int(r.n)-1, limit)
				}
			}
		}
	}
	return nil
}
