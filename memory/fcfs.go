package memory

// fcfs serves accesses strictly in the order of their arrival: the baseline
// that first-ready schedulers are compared with.
type fcfs struct{}

func (fcfs) column(c *channel, now uint64) (int32, uint64) {
	d := c.elder[c.dir]
	if d < 0 {
		return -1, never
	}
	b := &c.banks[c.sys.fetches.all[d].bank]
	if b.hit[c.dir] != d {
		c.rowAt = min(c.rowAt, max(now, c.rowTime(b)))
		return -1, never // the row command will call
	}
	return d, c.columnTime(b, c.dir)
}

func (fcfs) mate(*channel, int32, uint64) int32 { return -1 }

func (fcfs) row(c *channel, now uint64) (int, uint64) {
	d := c.elder[c.dir]
	if d < 0 {
		return -1, never
	}
	b := &c.banks[c.sys.fetches.all[d].bank]
	if b.hit[c.dir] == d {
		return -1, never
	}
	return int(b.index), max(now, c.rowTime(b))
}
