package memory

import "math/bits"

// bank is the state of one DRAM bank and the accesses in the window that want
// it. Times are the earliest tCK of a command by the bank's own constraints.
type bank struct {
	act   uint64
	pre   uint64
	col   [2]uint64 // by direction
	ecc   uint64    // block whose ECC word the controller holds
	row   uint32
	head  [2]int32 // accesses by age, by direction
	tail  [2]int32
	hit   [2]int32 // oldest access to the open row, -1 = none
	open  bool
	group uint8
	rank  uint8
	index uint8
}

// command is one DRAM command, for the legality test.
type command struct {
	at   uint64
	kind byte // 'A'ctivate, 'P'recharge, 'R'ead, 'W'rite, re'F'resh of all banks
	bank int
	row  uint32
}

func (c *channel) emit(kind byte, at uint64, b *bank) {
	if c.trace != nil {
		c.trace(command{at, kind, int(b.index), b.row})
	}
}

// columnTime is the earliest column command to a bank's open row.
func (c *channel) columnTime(b *bank, dir int) uint64 {
	return max(b.col[dir], c.colAny[dir], c.colGroup[dir][b.group])
}

// rowTime is the earliest precharge of an open bank, activate of a closed one.
func (c *channel) rowTime(b *bank) uint64 {
	if b.open {
		return max(b.pre, c.rowBus)
	}
	r := &c.actRank[b.rank]
	return max(b.act, c.rowBus, c.actGroup[b.group], r.any, r.faw[r.head])
}

// burst issues one column command.
func (c *channel) burst(f *fetch, b *bank, at uint64) {
	p := c.p
	dir := direction(f)
	other := 1 - dir
	f.left--
	c.colAny[dir] = at + p.step
	c.colGroup[dir][b.group] = at + p.stepL
	c.colAny[other] = max(c.colAny[other], at+p.turnS[dir])
	c.colGroup[other][b.group] = max(c.colGroup[other][b.group], at+p.turnL[dir])
	b.pre = max(b.pre, at+p.toPre[dir])
	c.count.DRAMBusy += p.burst
	if c.moved && dir != c.lastDir {
		c.count.DRAMTurnarounds++
	}
	c.moved, c.lastDir = true, dir
	if dir == dirRead {
		c.emit('R', at, b)
	} else {
		c.emit('W', at, b)
	}
}

// begin counts an access at its first burst, and adds the bursts of its ECC
// word if the controller does not hold it.
func (c *channel) begin(f *fetch, b *bank) {
	if f.began {
		return
	}
	f.began = true
	if f.first <= firstClient { // counted at its port
		return
	}
	c.count.ColumnAccesses++
	if !f.opened {
		c.count.RowHits++
	}
	n := uint64(bits.OnesCount8(f.sectors))
	if f.write {
		c.count.DRAMWriteSectors += n
	} else {
		c.count.DRAMReadSectors += n
	}
	if !c.p.ecc {
		return
	}
	if block := uint64(f.row)<<16 | uint64(f.column/eccLines); block != b.ecc {
		b.ecc = block
		n := uint8(1)
		if f.write { // the word covers other lines too: it is read, changed and written
			n = 2
		}
		f.left += n
		c.count.ECCBursts += uint64(n)
	}
}

// eccLines is the number of lines whose check bits share one 32 B sector:
// NVIDIA's inline ECC takes 1/16 of a GDDR5 board's memory.
const eccLines = 4

// precharge closes a bank at a time that the caller knows to be legal.
func (c *channel) precharge(b *bank, at uint64) {
	c.emit('P', at, b)
	b.open = false
	b.act = max(b.act, at+c.p.rp)
	c.count.Precharges++
	for dir := range b.hit {
		b.hit[dir] = -1
		c.hits[dir] &^= 1 << b.index
	}
}

// activate opens the row of an access and finds who else wants it.
func (c *channel) activate(d int32, b *bank, at uint64) {
	f := &c.sys.fetches.all[d]
	f.opened = true
	b.open, b.row = true, f.row
	c.emit('A', at, b)
	b.col = [2]uint64{at + c.p.rcd[dirRead], at + c.p.rcd[dirWrite]}
	b.pre = at + c.p.ras
	c.actGroup[b.group] = at + c.p.rrdL
	r := &c.actRank[b.rank]
	r.any = at + c.p.rrdS
	r.faw[r.head] = at + c.p.faw
	r.head = (r.head + 1) & 3
	if f.first > firstClient {
		c.count.Activates++
	}
	for dir := range b.hit {
		if b.hit[dir] = c.nextHit(b.head[dir], b.row); b.hit[dir] >= 0 {
			c.hits[dir] |= 1 << b.index
		}
	}
}

// decideRow issues at most one row command at t.
func (c *channel) decideRow(t uint64) {
	i, at := c.p.scheduler.row(c, t)
	if at > t {
		c.rowAt = at
		return
	}
	c.rowAt, c.rowBus = t+1, t+1
	b := &c.banks[i]
	if b.open {
		c.precharge(b, t)
		return
	}
	c.activate(b.head[c.dir], b, t)
	c.colAt = min(c.colAt, max(t, c.columnTime(b, c.dir)))
}

// decideColumn moves data of at most two accesses, beginning at t. Two of
// different bank groups alternate, so that both keep tCCD_L while the bus
// runs at tCCD_S; what this commits to lasts a few bursts, no more than a
// controller's pipeline.
func (c *channel) decideColumn(t uint64) {
	d, at := c.p.scheduler.column(c, t)
	if at > t {
		c.colAt = at
		return
	}
	all := c.sys.fetches.all
	f := &all[d]
	b := &c.banks[f.bank]
	c.begin(f, b)
	mate := int32(-1)
	if c.p.stepL > c.p.step && f.left > 0 {
		if mate = c.p.scheduler.mate(c, d, t); mate >= 0 {
			m := &all[mate]
			c.begin(m, &c.banks[m.bank])
		}
	}
	last, lastMate := t, t
	c.burst(f, b, t)
	switch {
	case mate >= 0:
		m := &all[mate]
		mb := &c.banks[m.bank]
		for {
			lastMate = c.columnTime(mb, c.dir)
			c.burst(m, mb, lastMate)
			if m.left == 0 || f.left == 0 {
				break
			}
			last = c.columnTime(b, c.dir)
			c.burst(f, b, last)
		}
	case c.p.stepL == c.p.step:
		for f.left > 0 {
			last = c.columnTime(b, c.dir)
			c.burst(f, b, last)
		}
	}
	c.colAt = c.colAny[c.dir]
	c.settle(d, t, last)
	if mate >= 0 {
		c.settle(mate, t, lastMate)
	}
}

// settle follows up on an access that has just moved data.
func (c *channel) settle(d int32, t, last uint64) {
	f := &c.sys.fetches.all[d]
	b := &c.banks[f.bank]
	if f.left > 0 {
		return
	}
	c.leave(d, t)
	if b.open && b.hit[dirRead] < 0 && b.hit[dirWrite] < 0 && c.p.page() {
		c.precharge(b, b.pre)
	}
	if b.hit[c.dir] < 0 && b.head[c.dir] >= 0 {
		c.rowAt = min(c.rowAt, max(t, c.rowTime(b)))
	}
	ready := c.sys.toCore.ceil(last+c.p.readData) + c.sys.phy + uint64(c.sys.l2.FillLatency)
	if p := c.sys.client(f); p != nil {
		c.sys.answered(p, d, ready)
		return
	}
	if f.write {
		c.emptied(d, ready)
		return
	}
	c.sys.filled(d, ready)
}
