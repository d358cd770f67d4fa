package memory

import (
	"fmt"
	"math/bits"

	"gpusim/configs"
)

// regionHash maps memory in regions: as many bytes as a few adjacent channels
// hold in one row each. Within a region pieces of `interleave` bytes go to
// these channels in turn, so a row of DRAM holds pieces that lie a power of
// two apart: matrix rows with such a pitch share rows of DRAM, others do not.
// Which channels a region lies in follows from a mix of all higher address
// bits: an XOR of them would leave channels idle for pitches of three or five
// times a power of two. With several slices per channel consecutive lines alternate, and so
// do lines a power of two apart: the columns' bits have a say.
type regionHash struct {
	lines    divider // of a region
	piece    divider // lines of a piece
	spread   divider // channels of a region
	groups   divider // sets of so many channels
	perSlice divider // slices of a channel
	rowLines uint64  // lines of a region in one slice
	channels uint64
	width    uint
	subWidth uint
}

func newRegionHash(g *configs.GPU) (SliceHash, error) {
	d := &g.DRAM
	spread := min(d.SpreadChannels, d.Channels)
	piece, row := int(d.Interleave)>>lineShift, int(d.RowBytes)>>lineShift
	switch {
	case piece < 1 || row%piece != 0:
		return nil, fmt.Errorf("memory: pieces of %v do not divide a DRAM row of %v", d.Interleave, d.RowBytes)
	case spread < 1 || d.Channels%spread != 0:
		return nil, fmt.Errorf("memory: %d channels are no multiple of the %d that a region spreads over", d.Channels, spread)
	case g.L2.Slices%d.Channels != 0 || row%(g.L2.Slices/d.Channels) != 0:
		return nil, fmt.Errorf("memory: %d L2 slices cannot share %d channels evenly", g.L2.Slices, d.Channels)
	}
	per := g.L2.Slices / d.Channels
	return &regionHash{
		lines: newDivider(row * spread), piece: newDivider(piece), spread: newDivider(spread),
		groups: newDivider(d.Channels / spread), perSlice: newDivider(per),
		rowLines: uint64(row / per), channels: uint64(d.Channels), width: uint(bits.Len(uint(g.L2.Slices - 1))),
		subWidth: uint(bits.Len(uint(per - 1))),
	}, nil
}

func (h *regionHash) Map(line uint64) (int, uint64) {
	region, in := h.lines.div(line)
	upper, group := h.groups.div(region)
	piece, off := h.piece.div(in)
	column, ch := h.spread.div(piece)
	column = column*h.piece.n + off
	f := mix(upper) & (1<<h.width - 1)
	channel := group*h.spread.n + ch
	if h.channels&(h.channels-1) == 0 {
		channel ^= f & (h.channels - 1)
	} else {
		channel = (channel + f) % h.channels
	}
	column, sub := h.perSlice.div(column)
	_, sub = h.perSlice.div(sub + fold(column, h.subWidth) + f>>(h.width-1))
	return int(channel*h.perSlice.n + sub), upper*h.rowLines + column
}
