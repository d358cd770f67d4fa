package configs

import (
	"fmt"
	"regexp"
	"strings"
)

// machineName is what names of machines may look like: they become folders.
var machineName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)

// machineKind is the kind that a file states; empty where it states none that is known, as
// files do that are no machine's.
func (n *node) machineKind() string {
	if k := n.get("kind"); k != nil && contains(kinds, k.text) {
		return k.text
	}
	return ""
}

// checkKind compares kind with the sections that are there, before anything
// inside the wrong section is complained about.
func checkKind(root *node) error {
	kind := root.get("kind")
	if kind == nil || kind.kind != scalar {
		return nil // decode reports it
	}
	for _, other := range kinds {
		n := root.get(other)
		switch {
		case kind.text == other && n == nil:
			return kind.errorf("kind", "kind is %s, but there is no %s section", other, other)
		case kind.text != other && n != nil && contains(kinds, kind.text):
			return n.errorf(other, "kind is %s, so there may be no %s section", kind.text, other)
		}
	}
	return nil
}

// checker looks for values that are allowed one by one but contradict each
// other. The first finding counts.
type checker struct {
	root *node
	err  *Error
}

// that records an error at a key unless ok holds.
func (c *checker) that(ok bool, key, format string, a ...any) {
	if ok || c.err != nil {
		return
	}
	n := c.root.find(strings.Split(key, ".")...)
	if n == nil {
		n = c.root
	}
	c.err = n.errorf(key, format, a...)
}

// multiple asks that value is a multiple of unit.
func (c *checker) multiple(key string, value int64, unit int64, of string) {
	c.that(unit > 0 && value%unit == 0, key, "%d is not a multiple of %s = %d", value, of, unit)
}

func (c *checker) powerOfTwo(key string, v int) {
	c.that(v > 0 && v&(v-1) == 0, key, "%d is not a power of two", v)
}

func check(m *Machine, root *node) error {
	c := &checker{root: root}
	c.that(machineName.MatchString(m.Name), "name", "%q is not a name (letters, digits, and . _ - inside)", m.Name)
	c.distinct("devices", m.Devices)
	c.distinct("workloads", m.Workloads)
	c.abilities(m.Executes)
	c.that(len(m.Energy.Events) > 0, "energy_table", "energy_table is %s, but there is no energy section", m.EnergyTable)
	if m.GPU != nil {
		c.gpu(m)
	}
	if m.Wall != nil {
		c.wall(m.Wall)
	}
	if m.SoC != nil {
		c.soc(m)
	}
	if m.CPU != nil {
		c.cpu(m.CPU, m.TDP)
	}
	if m.NVDLA != nil {
		c.nvdla(m.NVDLA)
	}
	if m.Systolic != nil {
		c.systolic(m.Systolic)
	}
	if c.err != nil {
		return c.err
	}
	return nil
}

func (c *checker) distinct(key string, list []string) {
	seen := make(map[string]bool, len(list))
	for i, s := range list {
		c.that(!seen[s], fmt.Sprintf("%s.%d", key, i), "%q stands twice in the list", s)
		seen[s] = true
	}
}

func (c *checker) gpu(m *Machine) {
	g := m.GPU
	c.that(g.Clock.Boost >= g.Clock.Base, "gpu.clock.boost", "boost %v is below base %v", g.Clock.Boost, g.Clock.Base)
	// Consumer boards run above the clock that is printed on the box.
	c.that(g.Clock.Sustained <= g.Clock.Boost+g.Clock.Boost/4, "gpu.clock.sustained", "sustained %v is far above boost %v", g.Clock.Sustained, g.Clock.Boost)
	c.cap(m)
	c.sm(&g.SM, &g.L1)
	c.tensor(&g.Tensor)
	c.gpuCaches(g)
	c.dram(&g.DRAM, g.L2.LineBytes)
	c.that(len(g.Library.Kernels) > 0, "gpu.library.kernels", "the list is empty: the library has no kernel to launch")
	c.distinct("gpu.library.kernels", g.Library.Kernels)
}

func (c *checker) sm(s *SM, l1 *L1) {
	c.multiple("gpu.sm.count", int64(s.Count), int64(s.PerTPC), "per_tpc")
	tpcs := s.Count / s.PerTPC
	c.that(s.GPCs <= tpcs, "gpu.sm.gpcs", "%d GPCs, but only %d TPCs", s.GPCs, tpcs)
	c.multiple("gpu.sm.max_warps", int64(s.MaxWarps), int64(s.SubCores), "sub_cores")
	perSub := s.MaxWarps / s.SubCores
	c.that(s.ActiveSet <= perSub, "gpu.sm.two_level_active_set", "%d warps, but a sub-core holds only %d", s.ActiveSet, perSub)
	c.that(s.MaxCTAs <= s.MaxWarps, "gpu.sm.max_ctas", "%d CTAs, but only %d warps", s.MaxCTAs, s.MaxWarps)
	c.multiple("gpu.sm.register_alloc_unit", int64(s.RegisterAllocUnit), 32, "a register of a warp")
	c.multiple("gpu.sm.registers", int64(s.Registers), int64(s.SubCores*s.RegisterAllocUnit), "sub_cores x register_alloc_unit")
	c.multiple("gpu.sm.shared_memory", int64(s.SharedMemory), int64(s.SharedAllocUnit), "shared_alloc_unit")
	c.that(!l1.Unified || s.SharedMemory <= l1.Size, "gpu.sm.shared_memory", "%v is more than gpu.l1.size = %v, which holds both", s.SharedMemory, l1.Size)
	c.that(s.Pipes.FP32.Lanes > 0, "gpu.sm.pipes.fp32.lanes", "an SM needs fp32 lanes")
	c.that(s.PairLanes == 0 || s.DualIssue && s.SubCores%2 == 0, "gpu.sm.pair_lanes", "lanes for the second of a pair, shared by two sub-cores, need dual_issue and an even number of sub_cores, not %d", s.SubCores)
	c.that(s.Pipes.INT.Lanes > 0, "gpu.sm.pipes.int.lanes", "an SM needs int lanes, addresses are computed there")
	// A bank is 4 bytes wide, 8 on Kepler.
	c.that(s.MIO.SharedBytesClk <= 8*s.MIO.SharedBanks, "gpu.sm.mio.shared_bytes_per_clk", "%d bytes from %d banks is more than 8 per bank",
		s.MIO.SharedBytesClk, s.MIO.SharedBanks)
	c.that(s.MIO.UniformGlobal < l1.HitLatency, "gpu.sm.mio.uniform_global_cycles", "%d is not below gpu.l1.hit_latency = %d", s.MIO.UniformGlobal, l1.HitLatency)
	c.that(s.MIO.UniformShared < s.MIO.SharedLatency, "gpu.sm.mio.uniform_shared_cycles", "%d is not below shared_latency = %d", s.MIO.UniformShared, s.MIO.SharedLatency)
	if k := &s.Constants; k.LineBytes > 0 {
		c.powerOfTwo("gpu.sm.constants.line_bytes", k.LineBytes)
		c.multiple("gpu.sm.constants.l0", int64(k.L0), int64(k.LineBytes), "line_bytes")
	}
	c.that(s.MaxCluster < 2 || s.ClusterLatency > 0, "gpu.sm.cluster_latency", "missing, but max_cluster is %d", s.MaxCluster)
	ic := &s.ICache
	c.multiple("gpu.sm.icache.line_bytes", int64(ic.LineBytes), int64(ic.InstructionBytes), "instruction_bytes")
	c.multiple("gpu.sm.icache.l0", int64(ic.L0), int64(ic.LineBytes), "line_bytes")
	c.multiple("gpu.sm.icache.l1", int64(ic.L1), int64(ic.LineBytes), "line_bytes")
	c.that(ic.L0 <= ic.L1, "gpu.sm.icache.l0", "%v is larger than the level behind it, l1 = %v", ic.L0, ic.L1)
	c.that(ic.L1MissLatency >= ic.L0MissLatency, "gpu.sm.icache.l1_miss_latency", "%d is below l0_miss_latency = %d, though it lies behind it",
		ic.L1MissLatency, ic.L0MissLatency)
}

// mmaFMA is the multiply-adds of one m8n8k4 on the four quad pairs of a warp.
const mmaFMA = 8 * 8 * 4 * 4

func (c *checker) tensor(t *TensorCore) {
	if t.Shape == "none" {
		c.that(t.FMAPerClk == 0, "gpu.tensor_core.fma_per_clk", "shape is none, so this must be 0")
		return
	}
	c.that(t.FMAPerClk > 0, "gpu.tensor_core.fma_per_clk", "0, but shape is %s", t.Shape)
	if t.Shape != "884" {
		return
	}
	for _, s := range []struct {
		key           string
		steps, cycles int
	}{{"step_cycles", t.StepsFP32, t.StepCycles}, {"step_cycles_fp16", t.StepsFP16, t.StepCyclesFP16}} {
		n := s.steps * s.cycles * t.FMAPerClk
		c.that(n == mmaFMA, "gpu.tensor_core."+s.key, "%d steps x %d cycles x %d FMA per clk = %d FMA, but one 884 MMA of a warp has %d",
			s.steps, s.cycles, t.FMAPerClk, n, mmaFMA)
	}
}

func (c *checker) gpuCaches(g *GPU) {
	l1, l2 := &g.L1, &g.L2
	c.cacheLine("gpu.l1", l1.LineBytes, l1.Sector)
	c.multiple("gpu.l1.size", int64(l1.Size), int64(l1.Ways*l1.LineBytes), "ways x line_bytes")
	c.cacheLine("gpu.l2", l2.LineBytes, l2.Sector)
	c.that(l1.LineBytes == l2.LineBytes, "gpu.l2.line_bytes", "%d differs from gpu.l1.line_bytes = %d: requests carry lines", l2.LineBytes, l1.LineBytes)
	c.that(l1.Sector == l2.Sector, "gpu.l2.sector_bytes", "%d differs from gpu.l1.sector_bytes = %d: requests carry sectors", l2.Sector, l1.Sector)
	c.multiple("gpu.l2.fill_bytes", int64(l2.FillBytes), int64(l2.Sector), "sector_bytes")
	c.powerOfTwo("gpu.l2.fill_bytes", l2.FillBytes)
	c.that(l2.FillBytes <= l2.LineBytes, "gpu.l2.fill_bytes", "%d is more than line_bytes = %d", l2.FillBytes, l2.LineBytes)
	c.multiple("gpu.l2.size", int64(l2.Size), int64(l2.Slices*l2.Ways*l2.LineBytes), "slices x ways x line_bytes")
	ch := g.DRAM.Channels
	c.that(l2.Slices%ch == 0 || ch%l2.Slices == 0, "gpu.l2.slices", "%d slices and %d channels: neither is a multiple of the other", l2.Slices, ch)
}

func (c *checker) cacheLine(key string, line, sector int) {
	c.powerOfTwo(key+".line_bytes", line)
	c.powerOfTwo(key+".sector_bytes", sector)
	c.multiple(key+".line_bytes", int64(line), int64(sector), "sector_bytes")
	// Sector masks are a byte wide.
	c.that(line <= 8*sector, key+".line_bytes", "%d bytes are %d sectors, at most 8 are supported", line, line/sector)
}
