package report

import (
	"fmt"
	"sort"
	"strings"

	"gpusim"
)

// LinksCSV gives links.csv: a row per direction of a bundle of links, nil if no
// entry has any. bytes are those of the data, wire_bytes with headers and answers.
func LinksCSV(entries []Entry) []byte {
	var rows [][]cell
	for _, e := range sorted(entries) {
		for _, l := range e.Result.Links {
			rows = append(rows, []cell{
				text(e.Machine.Name), text(e.Workload), text(l.Link), text(l.Dir), num(l.Data), num(l.BusyPct), num(l.Wire),
			})
		}
	}
	if rows == nil {
		return nil
	}
	return encode(linkColumns, rows)
}

// maxLinks is how many of the busiest links are printed.
const maxLinks = 4

// linkLines tells what a system's links did; empty for other machines.
func linkLines(r *gpusim.Result) string {
	if len(r.Links) == 0 {
		return ""
	}
	var b strings.Builder
	if r.Step == nil {
		fmt.Fprintf(&b, "  %s GB/s, %s GB/s on the busiest links of its algorithm (nccl-tests' busbw)\n", human(r.AlgGBps), human(r.BusGBps))
	}
	links := append(r.Links[:0:0], r.Links...)
	sort.SliceStable(links, func(i, j int) bool { return links[i].BusyPct > links[j].BusyPct })
	for i, l := range links {
		if i == maxLinks || l.BusyPct < 0.05 {
			break
		}
		fmt.Fprintf(&b, "  %3.0f %% busy: %s, %s\n", l.BusyPct, l.Link, l.Dir)
	}
	return b.String()
}
