package cpu

import (
	"math"

	"gpusim/configs"
	"gpusim/cpu/pipe"
)

// defaultCore is the pipeline of a machine file that has none: Skylake's.
var defaultCore = configs.CPUCore{
	UopCache: 1536, Decode: 4, Scheduler: 97, LoadQueue: 72, StoreQueue: 56, IntRegisters: 164, VectorRegisters: 136,
	Ports: []configs.CPUPort{{Does: []string{"fma", "vec", "div", "int"}}, {Does: []string{"int"}}, {Does: []string{"load"}}, {Does: []string{"load"}},
		{Does: []string{"store"}}, {Does: []string{"fma", "vec", "shuffle", "int"}}, {Does: []string{"int", "branch"}}},
	VectorLoad: 7, VectorOp: 1, Shuffle: 3, Divide: 18, DivideCycles: 10, BranchMiss: 16, FillBuffers: 12, Superqueue: 16,
	StridePrefetch: true, StreamPrefetch: 20, FillTakesPorts: true,
}

// pipeline is the machine's core section.
func pipeline(c *configs.CPU) *configs.CPUCore {
	if c.Core != nil {
		return c.Core
	}
	return &defaultCore
}

// predicted is the number of iterations up to which the exit of a loop is foreseen:
// what the branch history of these cores reaches (recalled).
const predicted = 32

// spec describes a core of the machine for one of a number of threads that share
// its memory.
func (m *model) spec(threads int) *pipe.Spec {
	c, k := m.cpu, pipeline(m.cpu)
	s := &pipe.Spec{
		Width: c.Issue.Width, UopCache: k.UopCache, DecodeWidth: min(k.Decode, c.Issue.Width), Window: max(1, c.Issue.Window), LoadQueue: k.LoadQueue,
		StoreQueue: k.StoreQueue, IntRegs: k.IntRegisters, VectorRegs: k.VectorRegisters, DivCycles: k.DivideCycles, Rest: k.VectorRest,
		MemoryInOrder: k.MemoryInOrder, BranchMiss: k.BranchMiss, Predicted: predicted, LineBytes: int(m.line),
		FillBuffers: k.FillBuffers, Superqueue: k.Superqueue, FillTakesPorts: k.FillTakesPorts,
		StridePrefetch: k.StridePrefetch, StreamPrefetch: k.StreamPrefetch, StoresPerCycle: c.Issue.StoresPerCycle,
	}
	s.Schedulers = [3]int{k.Scheduler, k.VectorScheduler, k.MemoryScheduler}
	s.Unified = k.VectorScheduler == 0
	for i := range s.Schedulers {
		if s.Schedulers[i] == 0 {
			s.Schedulers[i] = k.Scheduler
		}
	}
	s.Ports = portsOf(k, c.Issue)
	s.Latency = [pipe.NumOps]int{pipe.Int: 1, pipe.Branch: 1, pipe.FMA: c.Issue.FMALatency, pipe.Vec: k.VectorOp, pipe.Shuffle: k.Shuffle,
		pipe.Div: k.Divide, pipe.Load: k.VectorLoad, pipe.Store: 1, pipe.ILoad: c.Caches[0].Latency}
	perLine := func(i int) float64 { return m.line / c.Caches[i].BytesPerClk }
	levels := []*pipe.Level{&s.L1, &s.L2, &s.L3}
	private := m.privateLevels()
	s.L1 = pipe.Level{Bytes: int(c.Caches[0].Size), Ways: c.Caches[0].Ways, Latency: c.Caches[0].Latency}
	for i := 1; i < len(c.Caches) && i < len(levels); i++ {
		*levels[i] = pipe.Level{Latency: c.Caches[i].Latency, CyclesPerSet: perLine(i)}
		if i < private {
			levels[i].Bytes, levels[i].Ways = int(c.Caches[i].Size), c.Caches[i].Ways
		}
	}
	if len(c.Caches) == 1 { // no second cache: its place is on the way to memory
		s.L2 = pipe.Level{Latency: s.L1.Latency}
	}
	s.MemoryLatency = int(math.Round(float64(c.Memory.Latency) * 1e-12 * m.hz))
	used := float64(min(c.Sockets, threads))
	s.MemoryCycles = m.line * float64(threads) * m.hz / (float64(c.Memory.Bandwidth) * c.Memory.Efficiency * used)
	if threads > 1 {
		s.MemoryBurst = burstLines * s.MemoryCycles
	}
	return s
}

// burstLines is what a thread may fetch from memory at more than its share: about a
// sliver of a packed panel, the grain in which threads take turns (assumption).
const burstLines = 256

// portsOf lists what the ports do. The issue section's counts of units, loads and
// stores rule: ports beyond them lose the operation, missing ones are added.
func portsOf(k *configs.CPUCore, is configs.CPUIssue) [][]pipe.Op {
	left := map[pipe.Op]int{pipe.FMA: is.VectorUnits, pipe.Load: is.LoadsPerCycle, pipe.Store: is.StoresPerCycle}
	var out [][]pipe.Op
	for _, p := range k.Ports {
		var port []pipe.Op
		for _, name := range p.Does {
			op, ok := pipe.OpByName(name)
			if !ok {
				continue
			}
			if n, limited := left[op]; limited {
				if n == 0 {
					continue
				}
				left[op]--
			}
			port = append(port, op)
		}
		out = append(out, port)
	}
	for _, op := range []pipe.Op{pipe.FMA, pipe.Load, pipe.Store} {
		for range left[op] {
			out = append(out, []pipe.Op{op})
		}
	}
	return out
}
