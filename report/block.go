package report

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"gpusim"
)

const (
	maxBlocks  = 8  // workloads whose breakdown is printed
	maxBars    = 6  // lines of a breakdown; the rest is summed up
	barWidth   = 14 // of 100 %
	maxKernels = 4  // kernels listed by name
)

// plain says in words what a stall reason or ledger column means.
var plain = map[string]string{
	"issued":           "issuing instructions",
	"fixed_latency":    "waiting for own arithmetic",
	"math_pipe":        "arithmetic pipe busy",
	"tensor_pipe":      "Tensor Core busy",
	"mio_throttle":     "memory-instruction queue full",
	"short_scoreboard": "waiting for shared memory",
	"long_scoreboard":  "waiting for global memory",
	"mbarrier":         "waiting for data or a stage",
	"wgmma":            "waiting for the matrix unit",
	"barrier":          "waiting at a barrier",
	"membar":           "waiting for other CTAs' data",
	"no_instruction":   "fetching instructions",
	"constant":         "reading constants",
	"dispatch":         "issue port taken by an MMA",
	"cta_launch":       "starting CTAs",
	"idle":             "no work on the SM",

	"payload":     "payload arithmetic",
	"instruction": "fetch, decode, schedule",
	"register":    "register file",
	"shared_l1":   "shared memory and L1",
	"l2":          "L2 cache",
	"crossbar":    "on-chip network",
	"dram":        "DRAM",
	"link":        "links",
	"static":      "leakage and idle",
}

func words(name string) string {
	if p, ok := plain[name]; ok {
		return p
	}
	return name
}

// share is one line of a breakdown, in percent.
type share struct {
	name string
	pct  float64
}

// block tells for one workload which kernels ran and where time and energy
// went, the two side by side.
func block(e *Entry) string {
	if e.Err != nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", e.label())
	if e.isNetwork() {
		b.WriteString(networkLines(e) + stepLines(&e.Result))
	}
	for i, l := range e.Result.Layers {
		if e.isNetwork() {
			break
		}
		if i == maxKernels {
			fmt.Fprintf(&b, "  ... and %d more kernels\n", len(e.Result.Layers)-i)
			break
		}
		b.WriteString("  " + kernelLine(&l) + "\n")
	}
	if r := &e.Result; r.Fidelity == gpusim.Sampled && r.SimulatedPct < 100 {
		fmt.Fprintf(&b, "  %s %% of its warp instructions simulated, the rest extrapolated: %s to %s us\n",
			human(r.SimulatedPct), human(r.TimeLoUS), human(r.TimeHiUS))
	}
	if n := e.Machine.NVDLA; n != nil && e.Result.Fidelity == gpusim.Analytic && n.ClosedForm != "plan" && !e.isNetwork() {
		b.WriteString("  closed form: the designers' performance sheet, which counts Winograd and rounds alike on every size;\n" +
			"  --set nvdla.closed_form=plan takes what this machine has\n")
	}
	f := e.figures()
	if f.peakPct() > 100 {
		b.WriteString("  above 100 % of peak: operations are counted as in the direct algorithm, this one multiplies less\n")
	}
	if g := e.Machine.GPU; g != nil && !g.Clock.PowerCap && e.Machine.TDP > 0 && f.powerW() > float64(e.Machine.TDP) {
		fmt.Fprintf(&b, "  %s W is above the limit of %v: this machine has a fitted clock, which no power cap lowers\n", human(f.powerW()), e.Machine.TDP)
	}
	if r := &e.Result; r.PowerCapped && e.Machine.GPU != nil {
		fmt.Fprintf(&b, "  the board's power limit of %v holds the clock at %s MHz instead of %s\n",
			e.Machine.TDP, human(r.ClockMHz), human(float64(e.Machine.GPU.Clock.Sustained)/1e6))
	}
	if w := wallLine(e); w != "" {
		b.WriteString("  " + w + "\n")
	}
	for _, l := range unitLines(e, "  ") {
		b.WriteString(l + "\n")
	}
	b.WriteString(fallbackLines(e))
	b.WriteString(linkLines(&e.Result))
	layers := make([]*gpusim.Layer, len(e.Result.Layers))
	for i := range layers {
		layers[i] = &e.Result.Layers[i]
	}
	left := bars("where the time went (issue slots)", timeShares(layers))
	right := bars("where the energy went", energyShares(&e.Result))
	if left == nil {
		left, right = right, nil
	}
	for i := 0; i < max(len(left), len(right)); i++ {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-55s %s", l, r), " ") + "\n")
	}
	return b.String()
}

func kernelLine(l *gpusim.Layer) string {
	s := fmt.Sprintf("%s %s us", l.Kernel, human(l.TimeUS))
	if l.Grid != "" {
		s += ", grid " + l.Grid
	}
	if l.CTATile != "" {
		s += ", CTA tile " + l.CTATile
	}
	if !math.IsNaN(l.Waves) && l.Waves > 0 {
		s += fmt.Sprintf(", %.2f waves", l.Waves)
	}
	if !math.IsNaN(l.Occupancy) && l.Occupancy > 0 {
		s += fmt.Sprintf(", occupancy %.0f %%", 100*l.Occupancy)
	}
	return s
}

func timeShares(layers []*gpusim.Layer) []share {
	stalls, total := sumStalls(layers)
	out := make([]share, 0, len(stalls))
	for _, s := range stalls {
		out = append(out, share{words(s.Reason), 100 * float64(s.Slots) / total})
	}
	return out
}

func energyShares(r *gpusim.Result) []share {
	if len(r.Energy.Rows) == 0 {
		return nil
	}
	var out []share
	for _, c := range r.Energy.ByColumn() {
		if c.EnergyUJ > 0 {
			out = append(out, share{words(c.Column), c.SharePct})
		}
	}
	return out
}

// bars draws shares, largest first.
func bars(title string, shares []share) []string {
	if len(shares) == 0 {
		return nil
	}
	sort.SliceStable(shares, func(i, j int) bool { return shares[i].pct > shares[j].pct })
	if len(shares) > maxBars {
		rest := share{name: "everything else"}
		for _, s := range shares[maxBars-1:] {
			rest.pct += s.pct
		}
		shares = append(shares[:maxBars-1:maxBars-1], rest)
	}
	out := []string{title}
	for _, s := range shares {
		n := int(math.Round(s.pct * barWidth / 100))
		out = append(out, fmt.Sprintf("%-29s %5.1f %% %s", s.name, s.pct, strings.Repeat("#", n)))
	}
	return out
}
