package memory

import (
	"fmt"

	"gpusim/configs"
)

// dramParams are the timings of all channels in tCK, in the form that the
// channels use.
type dramParams struct {
	rcd                            [2]uint64 // by direction: read, write
	rp, ras, cl, cwl               uint64
	rrdS, rrdL, faw                uint64
	refi, rfc, rfcPB               uint64
	perBank                        bool      // refresh
	burst                          uint64    // data bus cycles of one burst
	step, stepL                    uint64    // between column commands of one direction: any bank, same group
	turnS                          [2]uint64 // column command of one direction to the other, any bank
	turnL                          [2]uint64 // the same within a bank group
	toPre                          [2]uint64 // column command to precharge
	readData                       uint64    // read command to end of its burst
	bursts                         [16]uint8 // by sector mask
	groups, perRank, banksPerGroup int
	depth, high, low, writeBuffer  int
	ageLimit                       uint64
	ecc                            bool
	scheduler                      scheduler
	drain                          drainPolicy
	page                           pagePolicy
}

const (
	dirRead  = 0
	dirWrite = 1
)

func newDRAMParams(d *configs.DRAM) (*dramParams, error) {
	t := &d.Timing
	u := func(n int) uint64 { return uint64(n) }
	burstBytes := d.ChannelBits / 8 * d.BurstLength
	if burstBytes < 1 || burstBytes > 1<<lineShift || (1<<lineShift)%burstBytes != 0 {
		return nil, fmt.Errorf("memory: a DRAM burst of %d B does not divide a line of 128 B", burstBytes)
	}
	groups := d.Ranks * d.BankGroups
	if n := groups * d.BanksPerGroup; n < 1 || n > 64 || groups > maxGroups || d.Ranks > maxRanks {
		return nil, fmt.Errorf("memory: %d DRAM banks in %d groups of %d ranks (allowed: 1 to 64 banks in up to %d groups of up to %d ranks)",
			n, groups, d.Ranks, maxGroups, maxRanks)
	}
	if d.QueueDepth < 1 || d.RowBytes < 1<<lineShift {
		return nil, fmt.Errorf("memory: DRAM queue depth %d or row of %v is too small", d.QueueDepth, d.RowBytes)
	}
	burst := u(d.BurstClocks())
	p := &dramParams{
		rcd: [2]uint64{u(t.RCDRD), u(t.RCDWR)}, rp: u(t.RP), ras: u(t.RAS), cl: u(t.CL), cwl: u(t.CWL),
		rrdS: u(t.RRDS), rrdL: max(u(t.RRDL), u(t.RRDS)), faw: u(t.FAW), refi: u(t.REFI), rfc: u(t.RFC), rfcPB: u(t.RFCPB), perBank: d.Refresh == "per_bank",
		burst: burst, step: max(u(t.CCDS), burst), readData: u(t.CL) + burst,
		groups: groups, perRank: d.BankGroups, banksPerGroup: d.BanksPerGroup, ageLimit: u(d.AgeLimit), ecc: d.ECC,
		depth: d.QueueDepth, writeBuffer: d.WriteBuffer,
	}
	p.stepL = max(u(t.CCDL), p.step)
	// tRTW must keep write data off the bus until read data have passed.
	rtw := u(t.RTW)
	if p.cl+burst > p.cwl {
		rtw = max(rtw, p.cl+burst-p.cwl)
	}
	p.turnS = [2]uint64{rtw, p.cwl + burst + u(t.WTRS)}
	p.turnL = [2]uint64{rtw, p.cwl + burst + max(u(t.WTRL), u(t.WTRS))}
	p.toPre = [2]uint64{u(t.RTP), p.cwl + burst + u(t.WR)}
	if least := p.leastREFI(); p.refi < least {
		return nil, fmt.Errorf("memory: tREFI of %d clocks leaves no time for an access between refreshes (%s; at least %d)", t.REFI, d.Refresh, least)
	}
	for m := range p.bursts {
		p.bursts[m] = burstsOf(uint8(m), burstBytes)
	}
	// Batches of a few rows' worth [fit]: copies and triads on V100 and A100 lose 6
	// to 10 % against reads alone.
	p.high, p.low = max(1, d.QueueDepth/2), d.QueueDepth*5/16
	var err error
	if p.scheduler, err = policy("DRAM scheduler", schedulers, "fr-fcfs"); err != nil {
		return nil, err
	}
	if p.drain, err = policy("DRAM write policy", drains, "watermark"); err != nil {
		return nil, err
	}
	p.page, err = policy("DRAM page policy", pages, d.Page)
	return p, err
}

// leastREFI is the tREFI in tCK that leaves a bank time for an access between two
// refreshes: the first may have waited for a row to close, and the second closes what it
// finds open, so a row must be opened and a column command given in between, after
// activates of other banks and a turn of the bus.
func (p *dramParams) leastREFI() uint64 {
	access := p.ras + p.rp + max(p.rrdL, p.faw) + max(p.rcd[dirRead], p.rcd[dirWrite]) + max(p.turnL[dirRead], p.turnL[dirWrite])
	if !p.perBank {
		return p.rfc + access
	}
	banks := uint64(p.groups * p.banksPerGroup) // each has its turn after a whole number of clocks
	return max(p.rfc+1, (p.rfcPB+access+banks-1)/banks*banks)
}

// burstsOf is the number of bursts that sectors of a line take.
func burstsOf(mask uint8, burstBytes int) uint8 {
	if burstBytes <= sectorBytes {
		n := uint8(0)
		for ; mask != 0; mask &= mask - 1 {
			n += uint8(sectorBytes / burstBytes)
		}
		return n
	}
	n, width := uint8(0), burstBytes/sectorBytes
	for ; mask != 0; mask >>= width {
		if mask&(1<<width-1) != 0 {
			n++
		}
	}
	return n
}

// channel is one DRAM (pseudo-)channel with its controller. It works in DRAM
// clock cycles (tCK) and jumps from one decision to the next. Row commands
// (activate, precharge) and column commands (read, write) have a command bus
// each, as on HBM; GDDR and DDR share one, where column commands leave every
// other cycle free.
type channel struct {
	p     *dramParams
	sys   *System
	trace func(command) // test hook

	in      ring    // accesses that have not arrived yet, in order of arrival
	backlog [2]ring // arrived, outside the window that the scheduler sees
	waiting [2]int  // in the window, by direction
	elder   [2]int32
	younger [2]int32 // ends of the window's list by age
	pending [2]uint64
	hits    [2]uint64 // banks with accesses in the window, and with such to the open row
	banks   []bank
	dir     int // direction of the accesses that are served now
	seq     uint64
	moved   bool // some column command was issued
	lastDir int

	// Next times at which something may be decided; never if nothing can.
	nextAt              uint64 // the least of the following
	colAt, rowAt, dirAt uint64
	inAt, refreshAt     uint64

	// Earliest commands by the constraints between banks.
	colAny   [2]uint64
	colGroup [2][maxGroups]uint64
	rowBus   uint64
	actGroup [maxGroups]uint64
	actRank  [maxRanks]activates

	writes  []buffered // write buffer, used in turn
	written int        // next place in it

	refreshed uint64 // banks that have had their turn in this round of refreshes by bank

	count Counters
}

const maxGroups, maxRanks = 16, 4

// activates are what a rank allows: the supply of a die limits them, so dies
// that share a channel do not limit each other.
type activates struct {
	any  uint64
	faw  [4]uint64 // earliest activate by each of the latest four
	head int
}

func (c *channel) reset(s *System, index int) {
	trace := c.trace
	*c = channel{p: s.params, sys: s, trace: trace, in: c.in, backlog: c.backlog, banks: c.banks, writes: c.writes,
		elder: [2]int32{-1, -1}, younger: [2]int32{-1, -1}, colAt: never, rowAt: never, dirAt: never, inAt: never}
	c.in.head, c.in.size = 0, 0
	if len(c.writes) != c.p.writeBuffer {
		c.writes = make([]buffered, c.p.writeBuffer)
	}
	for i := range c.writes {
		c.writes[i] = buffered{fetch: -1}
	}
	for d := range c.backlog {
		c.backlog[d].head, c.backlog[d].size = 0, 0
	}
	if n := c.p.groups * c.p.banksPerGroup; len(c.banks) != n {
		c.banks = make([]bank, n)
	}
	for i := range c.banks {
		none := [2]int32{-1, -1}
		c.banks[i] = bank{group: uint8(i / c.p.banksPerGroup), rank: uint8(i / c.p.banksPerGroup / c.p.perRank), index: uint8(i), head: none, tail: none, hit: none, ecc: never}
	}
	// Channels refresh one after another, not all at once.
	c.refreshAt = c.p.refi + c.p.refi*uint64(index)/uint64(len(s.channels))
	c.nextAt = c.refreshAt
}

// arrive queues an access that the slices have just made. Those of one slice
// come in order of time; several slices of a channel nearly so.
func (c *channel) arrive(d int32) {
	all := c.sys.fetches.all
	c.in.push(d)
	at := all[d].arrive
	i := c.in.size - 1
	for ; i > 0 && all[*c.in.at(i - 1)].arrive > at; i-- {
		*c.in.at(i) = *c.in.at(i - 1)
	}
	*c.in.at(i) = d
	if i == 0 {
		c.inAt = at
		c.nextAt = min(c.nextAt, at)
	}
}

// run takes all decisions before limit.
func (c *channel) run(limit uint64) {
	for {
		t := min(c.colAt, c.rowAt, c.dirAt, c.inAt, c.refreshAt)
		if t >= limit {
			c.nextAt = t
			return
		}
		if t == c.refreshAt {
			c.refresh(t)
			continue
		}
		if t == c.inAt {
			c.admit(t)
		}
		c.choose(t)
		if c.rowAt <= t {
			c.decideRow(t)
		}
		if c.colAt <= t {
			c.decideColumn(t)
		}
	}
}

// nextDecision is the next time at which an access may get on, refresh left out.
func (c *channel) nextDecision() uint64 { return min(c.colAt, c.rowAt, c.dirAt, c.inAt) }

// admit takes in what has arrived.
func (c *channel) admit(t uint64) {
	all := c.sys.fetches.all
	for c.in.size > 0 {
		d := *c.in.at(0)
		if all[d].arrive > t {
			c.inAt = all[d].arrive
			return
		}
		c.in.pop()
		c.seq++
		all[d].seq = c.seq
		dir := direction(&all[d])
		if c.waiting[dir] < c.p.depth {
			c.enter(d, t)
		} else {
			c.backlog[dir].push(d)
		}
	}
	c.inAt = never
}

func direction(f *fetch) int {
	if f.write {
		return dirWrite
	}
	return dirRead
}

// choose sets the direction that is served.
func (c *channel) choose(t uint64) {
	reads := c.waiting[dirRead]
	writes := c.waiting[dirWrite] + c.backlog[dirWrite].size
	oldest := uint64(never)
	if w := c.elder[dirWrite]; w >= 0 {
		oldest = c.sys.fetches.all[w].seen
	}
	dir, again := c.p.drain(c.p, c.dir, reads, writes, oldest, t)
	c.dirAt = again
	if dir != c.dir {
		c.dir = dir
		c.colAt, c.rowAt = t, t
	}
}

// enter puts an access into the window.
func (c *channel) enter(d int32, t uint64) {
	all := c.sys.fetches.all
	f := &all[d]
	dir := direction(f)
	b := &c.banks[f.bank]
	f.seen = t
	f.next, f.prev, f.younger, f.elder = -1, b.tail[dir], -1, c.younger[dir]
	if f.prev >= 0 {
		all[f.prev].next = d
	} else {
		b.head[dir] = d
	}
	if f.elder >= 0 {
		all[f.elder].younger = d
	} else {
		c.elder[dir] = d
	}
	b.tail[dir], c.younger[dir] = d, d
	c.waiting[dir]++
	c.pending[dir] |= 1 << f.bank
	switch {
	case b.open && b.row == f.row:
		if b.hit[dir] < 0 {
			b.hit[dir] = d
			c.hits[dir] |= 1 << f.bank
			c.colAt = min(c.colAt, max(t, c.columnTime(b, dir)))
		}
	case b.hit[dir] < 0:
		c.rowAt = min(c.rowAt, max(t, c.rowTime(b)))
	}
}

// leave takes a finished access out of the window and lets the next one in.
func (c *channel) leave(d int32, t uint64) {
	all := c.sys.fetches.all
	f := &all[d]
	dir := direction(f)
	b := &c.banks[f.bank]
	if b.hit[dir] == d {
		b.hit[dir] = c.nextHit(f.next, b.row)
		if b.hit[dir] < 0 {
			c.hits[dir] &^= 1 << f.bank
		}
	}
	if f.prev >= 0 {
		all[f.prev].next = f.next
	} else {
		b.head[dir] = f.next
	}
	if f.next >= 0 {
		all[f.next].prev = f.prev
	} else {
		b.tail[dir] = f.prev
	}
	if b.head[dir] < 0 {
		c.pending[dir] &^= 1 << f.bank
	}
	if f.elder >= 0 {
		all[f.elder].younger = f.younger
	} else {
		c.elder[dir] = f.younger
	}
	if f.younger >= 0 {
		all[f.younger].elder = f.elder
	} else {
		c.younger[dir] = f.elder
	}
	c.waiting[dir]--
	if c.backlog[dir].size > 0 {
		c.enter(c.backlog[dir].pop(), t)
	}
}

// nextHit is the first access from d on in a bank's list that wants a row.
func (c *channel) nextHit(d int32, row uint32) int32 {
	all := c.sys.fetches.all
	for ; d >= 0 && all[d].row != row; d = all[d].next {
	}
	return d
}

func (c *channel) addTo(n *Counters) {
	n.DRAMReadSectors += c.count.DRAMReadSectors
	n.DRAMWriteSectors += c.count.DRAMWriteSectors
	n.Activates += c.count.Activates
	n.Precharges += c.count.Precharges
	n.RowHits += c.count.RowHits
	n.ColumnAccesses += c.count.ColumnAccesses
	n.Refreshes += c.count.Refreshes
	n.ECCBursts += c.count.ECCBursts
	n.DRAMBusy += c.count.DRAMBusy
	n.DRAMTurnarounds += c.count.DRAMTurnarounds
}
