package memory

// refresh closes all banks and refreshes them together, which takes tRFC.
// It is due every tREFI and waits for nothing but the timing of commands
// that have been issued; nothing else is issued meanwhile.
func (c *channel) refresh(t uint64) {
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
