package gpusim

import (
	"strings"

	"gpusim/configs"
	"gpusim/workloads"
)

// What a result does not depend on is stated here, by keys of the machine file; a
// test changes every other value of a machine and every one of these. A key that
// ends in a dot stands for all below it.

// describing are what no model reads.
var describing = []string{
	"name", "description", "inherits", "energy_table", "devices", "process_nm", "die_mm2", "workloads", "area_table", "area.", "wall.",
}

// unread are the values of a GPU that kernels of some kinds do not reach.
var (
	onlyPeaks = []string{"gpu.clock.base", "gpu.clock.boost"} // of which only the nominal peak is made, without simulation
	onlyCap   = []string{"tdp", "gpu.clock.step"}             // without a power cap
	onlyFP64  = []string{"gpu.sm.pipes.fp64."}                // but for fp64
	onlyDP4A  = []string{"gpu.sm.pipes.dp4a."}                // but for int8
	onlyMMA   = []string{"gpu.tensor_core."}                  // for fp32
	onlyArea  = []string{"gpu.tensor_core.area_share"}        // else
)

// unclosed are what the closed form of GPUs does not read.
var unclosed = []string{
	"gpu.sm.scheduler", "gpu.sm.two_level_active_set", "gpu.sm.per_tpc", "gpu.sm.icache.", "gpu.sm.max_cluster", "gpu.sm.cluster_latency", "gpu.sm.tma.",
	"gpu.sm.mio.queue_depth", "gpu.sm.mio.store_queue", "gpu.sm.mio.return_bytes_per_clk", "gpu.sm.mio.store_read_latency",
	"gpu.l1.size", "gpu.l1.unified", "gpu.l1.caches_global", "gpu.l1.line_bytes", "gpu.l1.sector_bytes", "gpu.l1.ways",
	"gpu.l1.tags_per_clk", "gpu.l1.first_line_alone", "gpu.l1.bytes_per_clk",
	"gpu.crossbar.sm_request_bytes_per_clk", "gpu.crossbar.sm_reply_bytes_per_clk", "gpu.crossbar.request_header_bytes", "gpu.crossbar.coalesce",
	"gpu.tlb.",
	"gpu.l2.line_bytes", "gpu.l2.sector_bytes", "gpu.l2.ways", "gpu.l2.miss_latency", "gpu.l2.fill_latency", "gpu.l2.atomic_cycles", "gpu.l2.fill_bytes",
	"gpu.l2.replacement", "gpu.l2.partitions", "gpu.l2.partition_latency", "gpu.l2.hash", "gpu.l2.far_latency",
	"gpu.dram.size", "gpu.dram.ranks", "gpu.dram.interleave", "gpu.dram.spread_channels", "gpu.dram.queue_depth",
	"gpu.dram.write_buffer", "gpu.dram.age_limit", "gpu.dram.page_policy", "gpu.dram.timing.", "gpu.dram.phy_latency", "gpu.dram.ecc_inline",
	"gpu.dram.transfers_per_clock", "gpu.dram.burst_length", "gpu.dram.bank_groups", "gpu.dram.banks_per_group", "gpu.dram.refresh",
	"gpu.dispatch.cta_interval",
}

// unformed are what the kernels of a call and their demands do not depend on,
// beside that: what lies outside the SMs. The library's choice of an algorithm on
// transformed data for fp32 convolutions weighs memory, see ignoredByForms.
var (
	unformed  = []string{"energy.", "tdp", "gpu.dispatch.", "gpu.crossbar.", "gpu.l1.", "gpu.sm.cta_launch_latency", "gpu.sm.cta_exit_latency"}
	unchosen  = []string{"gpu.clock.", "gpu.l2.", "gpu.dram."}
	unweighed = []string{"gpu.l2.slices", "gpu.l2.bytes_per_clk_per_slice", "gpu.l2.hit_latency", "gpu.dram.row_bytes"}
)

// ignoring is a set of keys, as a list of theirs, with a name.
type ignoring struct {
	class string
	keys  [][]string
}

// counts says whether a key is in none of the lists.
func (i ignoring) counts(key string) bool {
	for _, list := range i.keys {
		for _, k := range list {
			if key == k || strings.HasPrefix(key, k) && (strings.HasSuffix(k, ".") || key[len(k)] == '.') {
				return false
			}
		}
	}
	return true
}

// ignored is what the result of a workload, other than a network, does not depend on.
func ignored(m *configs.Machine, w workloads.Workload, f Fidelity) ignoring {
	i := ignoring{keys: [][]string{describing}}
	add := func(name string, keys []string) {
		i.class += "," + name
		i.keys = append(i.keys, keys)
	}
	if m.GPU == nil {
		return i
	}
	add("peak", onlyPeaks)
	if !m.GPU.Clock.PowerCap {
		add("cap", onlyCap)
	}
	i.types(w, add)
	if f == Analytic {
		add("closed", unclosed)
	}
	return i
}

// types adds what types of data do not reach.
func (i *ignoring) types(w workloads.Workload, add func(string, []string)) {
	t := w.Shape().Type()
	if t != "fp64" {
		add("fp64", onlyFP64)
	}
	if t != "int8" {
		add("dp4a", onlyDP4A)
	}
	if t == "fp32" {
		add("mma", onlyMMA)
	} else {
		add("area", onlyArea)
	}
}

// ignoredByForms is what the kernels of a workload and their demands do not depend on.
func ignoredByForms(m *configs.Machine, w workloads.Workload) ignoring {
	i := ignored(m, w, Analytic)
	i.class = "forms," + i.class
	i.keys = append(i.keys, unformed)
	if w.Conv != nil && w.Conv.DType == "fp32" {
		i.class += ",weighed"
		i.keys = append(i.keys, unweighed)
	} else {
		i.keys = append(i.keys, unchosen)
	}
	return i
}

// Ignores says which values of a machine the result of a workload does not depend on:
// machines that differ in nothing else share it.
func Ignores(m *configs.Machine, w workloads.Workload, f Fidelity) func(key string) bool {
	i := ignored(m, w, f)
	return func(key string) bool { return !i.counts(key) }
}
