package memory

import (
	"fmt"
	"sort"

	"gpusim/configs"
)

// jedec checks a sequence of DRAM commands against the rules of the standards
// (JESD235 and, for the names, JESD79-4), by looking back over the whole
// history of each bank. It shares nothing with the channel. What it finds is
// counted by rule.
type jedec struct {
	t      configs.Timing
	groups int // of all ranks
	ranks  int
	per    int
	half   int64 // clocks of one burst on the data bus
	auto   bool  // precharges may be part of a column command (closed page)
	first  int64 // when the first refresh is due; 0: refreshes are not checked
	late   int64 // by how much one may be late
	found  map[string]string
}

func newJEDEC(d *configs.DRAM) *jedec {
	return &jedec{t: d.Timing, groups: d.Ranks * d.BankGroups, ranks: d.Ranks, per: d.BanksPerGroup, half: int64(d.BurstClocks()),
		auto: d.Page == "closed", found: map[string]string{}}
}

type deed struct {
	kind        byte
	at          int64
	bank, group int
}

func (j *jedec) apart(rule string, n int, from, to deed) {
	if to.at-from.at < int64(n) {
		j.breach(rule, "%v to %v: %d, not %d", from, to, to.at-from.at, n)
	}
}

func (j *jedec) breach(rule, format string, a ...any) {
	if _, known := j.found[rule]; !known {
		j.found[rule] = fmt.Sprintf(format, a...)
	}
}

func (d deed) String() string { return fmt.Sprintf("%c bank %d @%d", d.kind, d.bank, d.at) }

// check looks at a channel's commands in the order of time.
func (j *jedec) check(cmds []command) {
	cmds = append([]command(nil), cmds...)
	sort.SliceStable(cmds, func(a, b int) bool { return cmds[a].at < cmds[b].at })
	t := &j.t
	n := j.groups * j.per
	open := make([]bool, n)
	row := make([]uint32, n)
	lastOf := map[byte][]deed{} // latest of each kind per bank
	for _, k := range []byte("APRWf") {
		lastOf[k] = make([]deed, n)
		for i := range lastOf[k] {
			lastOf[k][i] = deed{kind: k, at: -1 << 40, bank: i, group: i / j.per}
		}
	}
	byRank := make([][]deed, j.ranks) // activates by time
	refreshes := int64(0)
	refreshed := deed{kind: 'F', at: -1 << 40, bank: -1}
	busy := deed{at: -1 << 40} // latest burst on the data bus; at = its end
	busyFrom := deed{}
	rowBus, colBus := int64(-1), int64(-1)
	for _, c := range cmds {
		d := deed{kind: c.kind, at: int64(c.at), bank: c.bank}
		if c.kind == 'F' {
			for b := range n {
				if open[b] {
					j.breach("refresh of open bank", "%v", d)
				}
				j.apart("tRP", t.RP, lastOf['P'][b], d)
			}
			if refreshed.at > 0 {
				j.apart("tRFC", t.RFC, refreshed, d)
			}
			if due := j.first + refreshes*int64(t.REFI); j.first > 0 && (d.at < due || d.at > due+j.late) {
				j.breach("tREFI", "%v, due %d", d, due)
			}
			refreshes++
			refreshed = d
			continue
		}
		d.group = c.bank / j.per
		if c.kind == 'f' {
			if open[c.bank] {
				j.breach("refresh of open bank", "%v", d)
			}
			j.apart("tRP", t.RP, lastOf['P'][c.bank], d)
			if last := lastOf['f'][c.bank]; last.at > 0 {
				j.apart("tRFCpb", t.RFCPB, last, d)
				// Its turn comes once in each round, in any order, when the bank is closed;
				// short rounds wait for each other.
				if d.at-last.at > 3*int64(t.REFI)+int64(t.RFCPB+closing(t, int(2*j.half))) {
					j.breach("tREFI", "%v after %v", d, last)
				}
			}
			lastOf['f'][c.bank] = d
			continue
		}
		j.apart("tRFC", t.RFC, refreshed, d)
		j.apart("tRFCpb", t.RFCPB, lastOf['f'][c.bank], d)
		a, p, r, w := lastOf['A'][c.bank], lastOf['P'][c.bank], lastOf['R'][c.bank], lastOf['W'][c.bank]
		switch c.kind {
		case 'A':
			if d.at == rowBus {
				j.breach("row bus", "%v", d)
			}
			rowBus = d.at
			if open[c.bank] {
				j.breach("activate of open bank", "%v", d)
			}
			open[c.bank], row[c.bank] = true, c.row
			j.apart("tRP", t.RP, p, d)
			j.apart("tRC", t.RAS+t.RP, a, d)
			rank := d.group / (j.groups / j.ranks)
			acts := byRank[rank]
			for i := len(acts) - 1; i >= 0 && d.at-acts[i].at < int64(max(t.RRDL, t.RRDS)); i-- {
				if acts[i].group == d.group {
					j.apart("tRRD_L", t.RRDL, acts[i], d)
				}
				j.apart("tRRD_S", t.RRDS, acts[i], d)
			}
			if len(acts) >= 4 {
				j.apart("tFAW", t.FAW, acts[len(acts)-4], d)
			}
			byRank[rank] = append(acts, d)
		case 'P':
			if d.at == rowBus && !j.auto {
				// Only a precharge of all banks, before a refresh, closes several at once.
				if k := sort.Search(len(cmds), func(i int) bool { return int64(cmds[i].at) > d.at }); !allBanks(cmds[:k], cmds[k:], c.at) {
					j.breach("row bus", "%v", d)
				}
			}
			if !j.auto {
				rowBus = d.at
			}
			if !open[c.bank] {
				j.breach("precharge of closed bank", "%v", d)
			}
			open[c.bank] = false
			j.apart("tRAS", t.RAS, a, d)
			j.apart("tRTP", t.RTP, r, d)
			j.apart("tWR", t.CWL+int(j.half)+t.WR, w, d)
		case 'R', 'W':
			if d.at == colBus {
				j.breach("column bus", "%v", d)
			}
			colBus = d.at
			if !open[c.bank] || row[c.bank] != c.row {
				j.breach("column of a row that is not open", "%v", d)
			}
			rcd, latency := t.RCDRD, int64(t.CL)
			if c.kind == 'W' {
				rcd, latency = t.RCDWR, int64(t.CWL)
			}
			j.apart("tRCD"+string(c.kind), rcd, a, d)
			for b := range n {
				x := lastOf[c.kind][b]
				if x.group == d.group {
					j.apart("tCCD_L", t.CCDL, x, d)
				}
				j.apart("tCCD_S", t.CCDS, x, d)
				if c.kind == 'R' {
					x = lastOf['W'][b]
					if x.group == d.group {
						j.apart("tWTR_L", t.CWL+int(j.half)+t.WTRL, x, d)
					}
					j.apart("tWTR_S", t.CWL+int(j.half)+t.WTRS, x, d)
				} else {
					j.apart("tRTW", t.RTW, lastOf['R'][b], d)
				}
			}
			if d.at+latency < busy.at {
				j.breach("data bus", "%v and %v", busyFrom, d)
			}
			busy.at, busyFrom = max(busy.at, d.at+latency+j.half), d
		}
		lastOf[c.kind][c.bank] = d
	}
}

// allBanks says whether the precharges at a time close every bank: the next
// command, if any, is the refresh.
func allBanks(before, after []command, at uint64) bool {
	for i := len(before) - 1; i >= 0 && before[i].at == at; i-- {
		if before[i].kind == 'A' {
			return false
		}
	}
	for _, c := range after {
		switch c.kind {
		case 'F':
			return true
		case 'A', 'P':
			return false
		}
	}
	return false
}

func (j *jedec) report(t fataler) {
	t.Helper()
	for rule, what := range j.found {
		t.Errorf("%s: %s", rule, what)
	}
}
