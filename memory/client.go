package memory

import (
	"fmt"

	"gpusim/configs"
)

// Client is a device other than the GPU that shares its DRAM, such as an
// accelerator of a system on a chip. It asks for lines at a steady rate, whatever
// becomes of them: runs of neighbours, reads and writes in turn by their share.
// Its accesses go straight to the channels, past L2.
type Client struct {
	Rate   float64 // bytes a second
	Writes float64 // share of them
	Run    int     // lines that follow each other before it goes on elsewhere; 0: clientRun
}

// ClientUse is what a client got.
type ClientUse struct {
	Lines   uint64 // asked for and served
	Reads   uint64 // of them
	Latency uint64 // SM cycles of all reads, from the request at its channel to data
}

// clientRun is the lines of a run: features and weights lie together in memory.
const clientRun = 64

// clientPort is a client's port.
type clientPort struct {
	Client
	use    ClientUse
	region uint64 // first line of its memory
	gap    uint64 // tCK between lines, times fraction
	next   uint64 // tCK of its next line, times fraction
	sent   uint64 // lines so far
	wrote  float64
}

// clientBits is the part of a tCK that rates are counted in.
const clientBits = 16

// clientSpan is the lines of a client's memory, which it goes through again and
// again: 256 MiB. clientBase is above whatever kernels have.
const (
	clientSpan = 1 << 21
	clientBase = 1 << 36
)

// firstClient marks fetches of clients: of the i-th, fetch.first is firstClient - i.
const firstClient = -2

// Share gives the clients of the DRAM ports of their own. It is called before
// anything runs.
func (s *System) Share(clients []Client, d *configs.DRAM) error {
	s.clients = nil
	for i, c := range clients {
		if c.Rate < 0 || c.Writes < 0 || c.Writes > 1 {
			return fmt.Errorf("memory: client %d asks for %g bytes a second, %g of them written", i, c.Rate, c.Writes)
		}
		if c.Rate == 0 {
			continue
		}
		if c.Run <= 0 {
			c.Run = clientRun
		}
		gap := float64(d.Clock) / (c.Rate / (1 << lineShift)) * (1 << clientBits)
		p := clientPort{Client: c, region: clientBase + uint64(i)*clientSpan, gap: max(1, uint64(gap))}
		p.next = p.gap * uint64(i) / uint64(len(clients)) // not all in step
		s.clients = append(s.clients, p)
	}
	return nil
}

// Clients is what each client with a rate has got so far.
func (s *System) Clients() []ClientUse {
	out := make([]ClientUse, len(s.clients))
	for i := range s.clients {
		out[i] = s.clients[i].use
	}
	return out
}

// serveClients lets the clients ask for what they want before a time in tCK.
func (s *System) serveClients(limit uint64) {
	for i := range s.clients {
		p := &s.clients[i]
		for p.next>>clientBits < limit {
			s.askFor(p, i, p.next>>clientBits)
			p.next += p.gap
		}
	}
}

// askFor queues a client's next line at a time in tCK.
func (s *System) askFor(p *clientPort, i int, at uint64) {
	// Runs begin at places that look random but are the same in each run.
	run, within := p.sent/uint64(p.Run), p.sent%uint64(p.Run)
	line := p.region + (scatter(run+uint64(i)<<20)*uint64(p.Run)+within)%clientSpan
	p.sent++
	p.wrote += p.Writes
	write := p.wrote >= 1
	if write {
		p.wrote--
	}
	slice, local := s.hash.Map(line)
	ch, bank, row, col := s.place.locate(slice, local)
	d, f := s.fetches.add()
	*f = fetch{arrive: at, row: row, bank: bank, column: col, sectors: allSectors, write: write,
		channel: int16(ch), left: s.params.bursts[allSectors], first: int32(firstClient - i), waiters: -1, line: -1, older: -1}
	s.channels[ch].arrive(d)
}

// client gives the port that a fetch is of; nil for the GPU's own.
func (s *System) client(f *fetch) *clientPort {
	if f.first > firstClient {
		return nil
	}
	return &s.clients[firstClient-int(f.first)]
}

// answered counts a client's line that has been read or written.
func (s *System) answered(p *clientPort, d int32, ready uint64) {
	f := &s.fetches.all[d]
	p.use.Lines++
	if !f.write {
		p.use.Reads++
		p.use.Latency += ready - min(ready, s.toCore.floor(f.arrive))
	}
	s.fetches.release(d)
}

// Sustained is the bytes a second that the DRAM gives to so many clients which all
// ask for more than it has, by simulation of a tenth of a millisecond.
func Sustained(g *configs.GPU, clients int, writes float64) (float64, error) {
	s, err := New(g, g.Clock.Sustained)
	if err != nil {
		return 0, err
	}
	peak := g.DRAM.PeakBandwidth()
	list := make([]Client, clients)
	for i := range list {
		list[i] = Client{Rate: 1.2 * peak / float64(clients), Writes: writes}
	}
	if err := s.Share(list, &g.DRAM); err != nil {
		return 0, err
	}
	const seconds = 1e-4
	cycles := uint64(seconds * float64(g.Clock.Sustained))
	for at := uint64(0); at < cycles; {
		at = min(at+4096, cycles)
		s.Advance(at, func(int, Reply) {})
	}
	lines := uint64(0)
	for _, u := range s.Clients() {
		lines += u.Lines
	}
	return float64(lines<<lineShift) / seconds, nil
}
