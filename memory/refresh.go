package memory

// refresh closes all banks and refreshes them together, which takes tRFC.
// It is due every tREFI and waits for nothing but the timing of commands
// that have been issued; nothing else is issued meanwhile.
func (c *channel) refresh(t uint64) {
	if c.p.perBank {
		c.refreshBank(t)
		return
	}
	at := t
	open := false
	for i := range c.banks {
		if b := &c.banks[i]; b.open {
			open = true
			at = max(at, b.pre)
		}
	}
	if open {
		for i := range c.banks {
			if b := &c.banks[i]; b.open {
				c.precharge(b, at)
			}
		}
	}
	for i := range c.banks {
		at = max(at, c.banks[i].act)
	}
	if c.trace != nil {
		c.trace(command{at: at, kind: 'F', bank: -1})
	}
	for i := range c.banks {
		c.banks[i].act = at + c.p.rfc
	}
	c.count.Refreshes++
	c.refreshAt += c.p.refi
	c.colAt = never // no row is open
	c.rowAt = never
	if c.pending[0]|c.pending[1] != 0 {
		c.rowAt = at + c.p.rfc
	}
}

// refreshBank refreshes one bank, which takes tRFCpb; the others go on. Each
// has its turn once in tREFI, in an order that spares banks with work.
func (c *channel) refreshBank(t uint64) {
	if c.refreshed == 1<<len(c.banks)-1 {
		c.refreshed = 0
	}
	var b *bank
	busy, at := true, uint64(never)
	for i := range c.banks {
		o := &c.banks[i]
		if c.refreshed>>i&1 != 0 {
			continue
		}
		ready, wanted := max(t, o.act), (c.pending[dirRead]|c.pending[dirWrite])>>i&1 != 0
		if o.open {
			ready = max(t, o.pre, c.rowBus) + c.p.rp
		}
		if b == nil || busy && !wanted || busy == wanted && ready < at {
			b, busy, at = o, wanted, ready
		}
	}
	if b.open {
		c.precharge(b, at-c.p.rp)
		c.rowBus = at - c.p.rp + 1
	}
	if c.trace != nil {
		c.trace(command{at: at, kind: 'f', bank: int(b.index)})
	}
	b.act = at + c.p.rfcPB
	c.refreshed |= 1 << b.index
	c.count.Refreshes++
	c.refreshAt += c.p.refi / uint64(len(c.banks))
	if busy {
		c.rowAt = min(c.rowAt, max(t, c.rowTime(b)))
	}
}
