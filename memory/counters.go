package memory

import "gpusim/configs"

// Counters are integer event counts of the memory system. Differences of two
// readings (Sub) describe the time between them.
type Counters struct {
	Requests                               uint64 // lines, all kinds
	Reads, Writes, Atomics, Signals, Waits uint64 // lines by kind
	L2Hits, L2Misses                       uint64 // sectors read; a sector on its way is a miss of its first request only
	L2Merges                               uint64 // requests delayed by a fill that an earlier request had started
	L2ReadSectors, L2WriteSectors          uint64 // an atomic reads and writes
	AsideMisses                            uint64 // those of L2Misses that Request.Aside marks
	L2Evictions                            uint64 // lines with valid or awaited sectors
	DRAMReadSectors, DRAMWriteSectors      uint64
	Activates, Precharges                  uint64 // a refresh closes open banks: each one is a precharge
	RowHits, ColumnAccesses                uint64 // accesses (up to a line); a row hit found its row open
	Refreshes                              uint64
	ECCBursts                              uint64
	Coalesced                              uint64 // reads that shared the answer to another SM's
	RequestSectors, ReplySectors           uint64 // data through the crossbar, to and from L2
	RequestBytes, ReplyBytes               uint64 // through the SMs' ports, headers included in requests
	SliceBusy                              uint64 // slice-cycles
	DRAMBusy                               uint64 // channel data-bus cycles (tCK)
	DRAMTurnarounds                        uint64 // changes between reading and writing
}

// Sub is the difference of two readings.
func (c Counters) Sub(o Counters) Counters {
	c.Requests -= o.Requests
	c.Reads -= o.Reads
	c.Writes -= o.Writes
	c.Atomics -= o.Atomics
	c.Signals -= o.Signals
	c.Waits -= o.Waits
	c.L2Hits -= o.L2Hits
	c.L2Misses -= o.L2Misses
	c.L2Merges -= o.L2Merges
	c.L2ReadSectors -= o.L2ReadSectors
	c.L2WriteSectors -= o.L2WriteSectors
	c.AsideMisses -= o.AsideMisses
	c.L2Evictions -= o.L2Evictions
	c.DRAMReadSectors -= o.DRAMReadSectors
	c.DRAMWriteSectors -= o.DRAMWriteSectors
	c.Activates -= o.Activates
	c.Precharges -= o.Precharges
	c.RowHits -= o.RowHits
	c.ColumnAccesses -= o.ColumnAccesses
	c.Refreshes -= o.Refreshes
	c.ECCBursts -= o.ECCBursts
	c.Coalesced -= o.Coalesced
	c.RequestSectors -= o.RequestSectors
	c.ReplySectors -= o.ReplySectors
	c.RequestBytes -= o.RequestBytes
	c.ReplyBytes -= o.ReplyBytes
	c.SliceBusy -= o.SliceBusy
	c.DRAMBusy -= o.DRAMBusy
	c.DRAMTurnarounds -= o.DRAMTurnarounds
	return c
}

// Load is how much of a stage was used: Busy of Capacity, in the stage's own
// unit (bytes or cycles). The stage with the largest share is the bound.
type Load struct {
	Stage          string
	Busy, Capacity uint64
}

// Loads compares what the counters say was used with what each stage could
// have done in a number of SM cycles at the given core clock.
func (c Counters) Loads(g *configs.GPU, core configs.Freq, cycles uint64) []Load {
	x := &g.Crossbar
	tCK := newRatio(uint64(g.DRAM.Clock), uint64(core)).floor(cycles)
	return []Load{
		{"request ports", c.RequestBytes, cycles * uint64(g.SM.Count*x.SMRequestBytes)},
		{"l2 slices", c.SliceBusy, cycles * uint64(g.L2.Slices)},
		{"dram", c.DRAMBusy, tCK * uint64(g.DRAM.Channels)},
		{"gpc reply ports", c.ReplyBytes, cycles * uint64(g.SM.GPCs*x.GPCReplyBytes)},
		{"sm reply ports", c.ReplyBytes, cycles * uint64(g.SM.Count*x.SMReplyBytes)},
	}
}
