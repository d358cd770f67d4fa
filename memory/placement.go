package memory

import (
	"gpusim/configs"
)

// placement maps lines to DRAM. A slice belongs to one channel (or has
// several of its own), so channels interleave below the slice hash. Within a
// channel a row holds its lines next to each other, consecutive rows go to
// different bank groups, and banks are permuted by the row number, so that
// strides do not stay in one bank.
type placement struct {
	slices, fan   divider // slices per channel, channels per slice: one of them is 1
	groups, banks divider // bank groups of all ranks, banks per group
	columns       divider // lines of a row
	perGroup      int
	all           divider
	width         uint
}

func newPlacement(d *configs.DRAM, slices int) placement {
	p := placement{slices: newDivider(1), fan: newDivider(1), groups: newDivider(d.Ranks * d.BankGroups),
		banks: newDivider(d.BanksPerGroup), columns: newDivider(max(1, int(d.RowBytes)>>lineShift)),
		perGroup: d.BanksPerGroup, all: newDivider(d.Ranks * d.BankGroups * d.BanksPerGroup)}
	if slices >= d.Channels {
		p.slices = newDivider(slices / d.Channels)
	} else {
		p.fan = newDivider(d.Channels / slices)
	}
	for 1<<p.width < d.Ranks*d.BankGroups*d.BanksPerGroup {
		p.width++
	}
	return p
}

// locate gives the channel, bank, row and column (in lines) of a line.
func (p *placement) locate(slice int, local uint64) (channel int, bank uint8, row uint32, column uint16) {
	c, within := p.slices.div(uint64(slice))
	local, f := p.fan.div(local)
	channel = int(c*p.fan.n + f)
	n := local*p.slices.n + within
	n, col := p.columns.div(n)
	n, group := p.groups.div(n)
	n, b := p.banks.div(n)
	at := group*uint64(p.perGroup) + b
	if p.all.pow2 {
		at ^= scatter(n) & (p.all.n - 1)
	} else {
		_, at = p.all.div(at + scatter(n)&(1<<p.width-1))
	}
	return channel, uint8(at), uint32(n), uint16(col)
}

// fill asks DRAM for sectors of a line on behalf of a flight; older is the
// line's previous read under way.
func (s *System) fill(slice int, local uint64, sectors uint8, at uint64, flight, line, older int32) int32 {
	d := s.queue(slice, local, sectors, at, false)
	f := &s.fetches.all[d]
	f.first, f.line, f.older = flight, line, older
	return d
}

// queue puts an access into its channel's queue at an SM cycle.
func (s *System) queue(slice int, local uint64, sectors uint8, at uint64, write bool) int32 {
	ch, bank, row, col := s.place.locate(slice, local)
	d, f := s.fetches.add()
	*f = fetch{arrive: s.toDRAM.ceil(at), row: row, bank: bank, column: col, sectors: sectors, write: write,
		channel: int16(ch), left: s.params.bursts[sectors], first: -1, waiters: -1, line: -1, older: -1}
	s.channels[ch].arrive(d)
	return d
}

// scatter mixes an address for the choice of a bank or a set, mix for that
// of a channel. They are no XORs of address bits, and they differ: of two hashes of
// one kind the second would see the same few values wherever the first is fixed.
func scatter(n uint64) uint64 { return n * 0x9e3779b97f4a7c15 >> 40 }

func mix(n uint64) uint64 {
	n = (n ^ n>>15) * 0xd6e8feb86659fd93
	return (n ^ n>>32) & 0xffffffff
}
