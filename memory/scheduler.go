package memory

import (
	"fmt"
	"math/bits"
	"strings"
)

// scheduler chooses commands for a channel among the accesses of its window
// that go in the direction served now. It keeps no state of its own. A new
// one is a file with one type and one entry in schedulers.
type scheduler interface {
	// column gives the access whose column command should be issued at now,
	// with at <= now; if none can be, at is the earliest time at which it is
	// worth asking again unless something changes, never if there is none.
	column(c *channel, now uint64) (access int32, at uint64)
	// mate gives an access of another bank group that may alternate bursts
	// with the one chosen, -1 if there is none.
	mate(c *channel, chosen int32, now uint64) int32
	// row gives the bank that should get a row command at now: precharge if
	// it is open, else activate for the oldest access that wants it. at is
	// as for column.
	row(c *channel, now uint64) (bank int, at uint64)
}

var schedulers = map[string]scheduler{
	"fr-fcfs": frfcfs{},
	"fcfs":    fcfs{},
}

// drainPolicy says which direction to serve, and when to ask again even if
// nothing changes. oldest is the arrival of the oldest write, never if none.
type drainPolicy func(p *dramParams, dir, reads, writes int, oldest, now uint64) (newDir int, again uint64)

var drains = map[string]drainPolicy{
	"watermark": watermark,
}

// pagePolicy says whether to close a row that no access in the window wants.
type pagePolicy func() bool

var pages = map[string]pagePolicy{
	"open":   func() bool { return false },
	"closed": func() bool { return true },
}

// policy looks a name up in a registry.
func policy[P any](what string, all map[string]P, name string) (P, error) {
	p, ok := all[name]
	if !ok {
		return p, fmt.Errorf("memory: unknown %s %q (allowed: %s)", what, name, strings.Join(keys(all), ", "))
	}
	return p, nil
}

// watermark buffers writes until there are enough for a batch that pays for
// turning the bus around, and drains them then; also when no read waits and
// the batch is worth it or old.
func watermark(p *dramParams, dir, reads, writes int, oldest, now uint64) (int, uint64) {
	if dir == dirWrite {
		if writes > 0 && (reads == 0 || writes > p.low) {
			return dirWrite, never
		}
		return dirRead, never
	}
	switch {
	case writes >= p.high:
		return dirWrite, never
	case reads > 0 || writes == 0:
		return dirRead, never
	case writes > p.low || now >= oldest+p.ageLimit:
		return dirWrite, never
	}
	return dirRead, oldest + p.ageLimit
}

// frfcfs is first ready, first come first served: accesses to open rows that
// can be issued now, oldest first, before all others; but an access that has
// waited for the age limit has its bank to itself. What waits outside the
// window ages there without anybody knowing.
type frfcfs struct{}

// starved is the oldest access if it has waited for too long, else -1.
func (frfcfs) starved(c *channel, now uint64) int32 {
	d := c.elder[c.dir]
	if d >= 0 && c.sys.fetches.all[d].seen+c.p.ageLimit <= now {
		return d
	}
	return -1
}

func (s frfcfs) column(c *channel, now uint64) (int32, uint64) {
	all := c.sys.fetches.all
	mask := c.hits[c.dir]
	if o := s.starved(c, now); o >= 0 {
		b := &c.banks[all[o].bank]
		if b.hit[c.dir] == o {
			return o, c.columnTime(b, c.dir)
		}
		mask &^= 1 << b.index
		c.rowAt = min(c.rowAt, max(now, c.rowTime(b)))
	}
	best, at, seq := int32(-1), uint64(never), uint64(never)
	for ; mask != 0; mask &= mask - 1 {
		b := &c.banks[bits.TrailingZeros64(mask)]
		d := b.hit[c.dir]
		t := max(now, c.columnTime(b, c.dir))
		if t < at || t == at && all[d].seq < seq {
			best, at, seq = d, t, all[d].seq
		}
	}
	return best, at
}

func (s frfcfs) mate(c *channel, chosen int32, now uint64) int32 {
	all := c.sys.fetches.all
	mask := c.hits[c.dir]
	if o := s.starved(c, now); o >= 0 && c.banks[all[o].bank].hit[c.dir] != o {
		mask &^= 1 << all[o].bank
	}
	group := c.banks[all[chosen].bank].group
	best, seq := int32(-1), uint64(never)
	for ; mask != 0; mask &= mask - 1 {
		b := &c.banks[bits.TrailingZeros64(mask)]
		if b.group == group || c.columnTime(b, c.dir) > now+c.p.step {
			continue
		}
		if d := b.hit[c.dir]; all[d].seq < seq {
			best, seq = d, all[d].seq
		}
	}
	return best
}

func (s frfcfs) row(c *channel, now uint64) (int, uint64) {
	all := c.sys.fetches.all
	mask := c.pending[c.dir] &^ c.hits[c.dir]
	if o := s.starved(c, now); o >= 0 && c.banks[all[o].bank].hit[c.dir] != o {
		mask |= 1 << all[o].bank
	}
	best, at, seq := -1, uint64(never), uint64(never)
	for ; mask != 0; mask &= mask - 1 {
		b := &c.banks[bits.TrailingZeros64(mask)]
		t := max(now, c.rowTime(b))
		if q := all[b.head[c.dir]].seq; t < at || t == at && q < seq {
			best, at, seq = int(b.index), t, q
		}
	}
	return best, at
}
