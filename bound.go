package gpusim

import (
	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
)

// What limits a kernel.
const (
	boundCompute = "compute" // math or tensor pipe
	boundIssue   = "issue"   // issue slots
	boundShared  = "shared"  // load/store path and shared memory
	boundL2      = "l2"      // L2 and crossbar bandwidth
	boundDRAM    = "dram"    // DRAM bandwidth
	boundLatency = "latency" // nothing is busy: dependences and too little parallelism
	boundLaunch  = "launch"  // launch and drain
	boundIdle    = "idle"    // SMs without a CTA: there are fewer CTAs than SMs
	boundPower   = "power"   // the board's power limit, of a call whose clock it lowers
)

// busyEnough is the utilisation from which a resource counts as the limit: a
// resource used for 60 % of the time or more has no room for twice the speed,
// however much latency were hidden.
const busyEnough = 0.6

// bound names what limits a kernel: the busiest resource if any is busy
// enough, else whatever its issue slots waited for most.
func bound(g *configs.GPU, clock configs.Freq, r *gpu.Report, mem *memCounts, slots *[sm.NumReasons]uint64, seconds float64) string {
	total := 0.0
	for _, n := range slots {
		total += float64(n)
	}
	if total == 0 || seconds == 0 {
		return boundLaunch
	}
	peakDRAM := g.DRAM.PeakBandwidth()
	dram := 32 * float64(mem.DRAMReadSectors+mem.DRAMWriteSectors) / seconds / peakDRAM
	peakL2 := float64(g.Crossbar.GPCReplyBytes*g.SM.GPCs) * float64(clock)
	l2 := 32 * float64(mem.L2ReadSectors) / seconds / peakL2
	tensor := float64(scaled(r.SM.TensorCycles, mem.loopScale)) / seconds / float64(g.SM.Count) / float64(clock)
	if tensor >= busyEnough && tensor >= max(dram, l2) {
		return boundCompute
	}
	if dram >= busyEnough && dram >= l2 {
		return boundDRAM
	}
	if l2 >= busyEnough {
		return boundL2
	}
	share := func(reasons ...sm.Reason) (s float64) {
		for _, w := range reasons {
			s += float64(slots[w]) / total
		}
		return s
	}
	// Slots that steps of an MMA occupy count as issued: the tensor pipe is
	// then the limit, not the scheduler.
	waits := []struct {
		name string
		part float64
	}{
		{boundCompute, share(sm.MathPipe, sm.TensorPipe, sm.Dispatch)},
		{boundShared, share(sm.MIOThrottle, sm.ShortBoard)},
		{boundLatency, share(sm.LongBoard, sm.Wait, sm.BarrierWait, sm.Membar, sm.MBarrier, sm.GroupMMA)},
		{boundLaunch, share(sm.Launch, sm.Idle, sm.NoInst)},
	}
	issued := share(sm.Issued)
	if issued+waits[0].part >= busyEnough {
		if issued > 0.9 && g.SM.SubCores > 0 && !mathHeavy(r) {
			return boundIssue
		}
		return boundCompute
	}
	best := waits[0]
	for _, w := range waits[1:] {
		if w.part > best.part {
			best = w
		}
	}
	if best.name == boundLaunch && 2*spareSMs(g, r) > share(sm.Idle) {
		return boundIdle
	}
	return best.name
}

// spareSMs is the share of SMs that a kernel leaves without a CTA.
func spareSMs(g *configs.GPU, r *gpu.Report) float64 {
	return max(0, 1-float64(r.Launch.Kernel.CTAs())/float64(g.SM.Count))
}

// mathHeavy says whether most warp instructions of a kernel are payload arithmetic.
func mathHeavy(r *gpu.Report) bool {
	w := gpu.Account(r.Launch.Kernel, 4)
	return 2*w.Payload() >= w.WarpInsts
}
