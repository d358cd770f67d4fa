package report

import (
	"fmt"
	"math"
	"strings"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/microbench"
)

// LadderRow is a rung of the overhead ladder at the published ladder's node, beside
// what was published. Energies of the rung are of a lane.
type LadderRow struct {
	Machine   string
	Rung      microbench.Rung
	Scale     float64 // from the machine's coefficients to 45 nm and 0.9 V
	Published microbench.PublishedRung
}

// ladderNM and ladderV are where the published ladder's energies hold.
const ladderNM, ladderV = 45, 0.9

// LadderRows puts the rungs of a machine beside the published ones.
func LadderRows(m *configs.Machine, rungs []microbench.Rung) ([]LadderRow, error) {
	known, err := microbench.PublishedLadder()
	if err != nil {
		return nil, err
	}
	v := float64(m.Energy.Voltage) / 1e6
	if m.Energy.Node == 0 || v == 0 {
		return nil, fmt.Errorf("the energy table of %s states no node or no voltage, so nothing can be scaled to %d nm", m.Name, ladderNM)
	}
	scale, err := energy.NodeFactor(m.Energy.Node, v, ladderNM, ladderV)
	if err != nil {
		return nil, err
	}
	out := make([]LadderRow, len(rungs))
	for i, r := range rungs {
		out[i] = LadderRow{m.Name, r, scale, known[r.Class]}
	}
	return out, nil
}

// overheadPJ is what published ladders call overhead.
func (r *LadderRow) overheadPJ() float64 { return r.Rung.FetchPJ + r.Rung.OperandPJ }

// LadderText is the table that a person reads.
func LadderText(m *configs.Machine, rows []LadderRow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, pJ of a lane and instruction at %g nm and %v\n\n", m.Name, m.Description, m.Energy.Node, m.Energy.Voltage)
	t := Table{
		Header: [][]string{
			{"", "instruction", "MACs", "payload", "unit", "fetch", "operands", "clock", "overhead", "range", "all", "45 nm: payload", "overhead", "published", "%"},
			{"", "", "a lane", "pJ", "pJ", "pJ", "pJ", "pJ", "%", "%", "%", "pJ", "pJ", "pJ + pJ", ""},
		},
		Left: map[int]bool{1: true},
	}
	for i := range rows {
		r := &rows[i]
		g := &r.Rung
		line := []string{g.Class, g.Instruction, human(g.MACs), human(g.PayloadPJ), human(g.UnitPJ), human(g.FetchPJ), human(g.OperandPJ), human(g.ClockPJ),
			percent(g.OverheadPct()), fmt.Sprintf("%.0f-%.0f", g.Lo, g.Hi), percent(g.OverPayloadPct()),
			human(g.PayloadPJ * r.Scale), human(r.overheadPJ() * r.Scale), "", ""}
		if p := &r.Published; p.Source != "" {
			line[13], line[14] = fmt.Sprintf("%g + %g", p.PayloadPJ, p.OverheadPJ), percent(p.OverheadPct)
		}
		t.Rows = append(t.Rows, line)
	}
	b.WriteString(t.String())
	b.WriteString("overhead: fetch, decode, schedule and operand delivery over that, payload and unit (latches, broadcast and clock\n" +
		"in the arithmetic unit), as published ladders have it; all: everything but the payload, with the SM's clock tree\n")
	for i := range rows {
		if n := rows[i].Rung.Note; n != "" {
			fmt.Fprintf(&b, "%s (%s): %s\n", rows[i].Rung.Class, rows[i].Rung.Instruction, n)
		}
	}
	return b.String()
}

var ladderColumns = []string{"machine", "class", "instruction", "macs_per_lane", "payload_pj", "unit_pj", "fetch_pj", "operand_pj", "clock_pj", "overhead_pj", "overhead_pct",
	"overhead_lo_pct", "overhead_hi_pct", "over_payload_pct", "node_nm", "payload_45nm_pj", "overhead_45nm_pj", "published_payload_pj", "published_overhead_pj", "published_overhead_pct", "note", "source"}

func (r *LadderRow) cells(m *configs.Machine) []cell {
	g, p := &r.Rung, r.Published
	if p.Source == "" {
		p.PayloadPJ, p.OverheadPJ, p.OverheadPct = math.NaN(), math.NaN(), math.NaN()
	}
	return []cell{text(r.Machine), text(g.Class), text(g.Instruction), num(g.MACs), num(g.PayloadPJ), num(g.UnitPJ), num(g.FetchPJ), num(g.OperandPJ), num(g.ClockPJ), num(r.overheadPJ()), num(g.OverheadPct()),
		num(g.Lo), num(g.Hi), num(g.OverPayloadPct()), num(m.Energy.Node), num(g.PayloadPJ * r.Scale), num(r.overheadPJ() * r.Scale), num(p.PayloadPJ), num(p.OverheadPJ), num(p.OverheadPct), text(g.Note), text(p.Source)}
}

// LadderCSV gives ladder.csv.
func LadderCSV(m *configs.Machine, rows []LadderRow) []byte {
	return encode(ladderColumns, ladderCells(m, rows))
}

// LadderJSON gives the same as an array of objects.
func LadderJSON(m *configs.Machine, rows []LadderRow) []byte {
	return encodeJSON(ladderColumns, ladderCells(m, rows))
}

func ladderCells(m *configs.Machine, rows []LadderRow) [][]cell {
	out := make([][]cell, len(rows))
	for i := range rows {
		out[i] = rows[i].cells(m)
	}
	return out
}
