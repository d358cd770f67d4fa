package sm

import (
	"fmt"
	"math/bits"
	"slices"
	"sort"

	"gpusim/workloads/tile"
)

// Scheduler picks the warp that issues. ready has a bit for each warp of the
// sub-core that can issue now, oldest warp in bit 0, never zero; last is the
// bit of the warp that issued last, or -1. Pick must depend on nothing else:
// sub-cores run ahead of each other, so the order of calls is not that of time.
//
// Even says that warps of the same code which are always ready are served
// alike, so that CTAs that begin together end together. Sampling asks for it.
type Scheduler interface {
	Pick(ready uint64, last int) int
	Even() bool
}

// schedulers by name. A new policy is one small type and one line here.
var schedulers = map[string]func(activeSet int) Scheduler{
	"gto":       func(int) Scheduler { return gto{} },
	"gty":       func(int) Scheduler { return gty{} },
	"lrr":       func(int) Scheduler { return lrr{} },
	"oldest":    func(int) Scheduler { return oldest{} },
	"two-level": func(n int) Scheduler { return twoLevel{active: n} },
}

// NewScheduler makes the named policy.
func NewScheduler(name string, activeSet int) (Scheduler, error) {
	f, ok := schedulers[name]
	if !ok {
		names := make([]string, 0, len(schedulers))
		for n := range schedulers {
			names = append(names, n)
		}
		sort.Strings(names)
		return nil, fmt.Errorf("unknown warp scheduler %q (allowed: %v)", name, slices.Clip(names))
	}
	return f(activeSet), nil
}

// KernelScheduler is how a machine's scheduler treats a kernel. Where code yields, a
// greedy one gives way to the others in turn. It does so after seven or eight
// instructions of arithmetic (Yan et al., PPoPP 2020: cuDNN's fused kernels of
// Winograd's and nvcc on Volta); one by one is as fair, and is what is simulated.
func KernelScheduler(k *tile.Kernel, name string, activeSet int) (Scheduler, error) {
	s, err := NewScheduler(name, activeSet)
	switch s.(type) {
	case gto, gty:
		if k.Yields {
			return lrr{}, nil
		}
	}
	return s, err
}

// gto is greedy then oldest (Rogers et al., MICRO 2012): stay with a warp
// until it stalls, then take the oldest.
type gto struct{}

func (gto) Even() bool { return false }

func (gto) Pick(ready uint64, last int) int {
	if last >= 0 && ready>>uint(last)&1 != 0 {
		return last
	}
	return bits.TrailingZeros64(ready)
}

// gty is greedy then youngest: stay with a warp until it stalls, then take the
// youngest. With the compiler's control codes, which decide when a warp stalls,
// it is what Huerta et al. (MICRO 2025) saw four warps of a sub-core do on
// Turing, Ampere and Blackwell.
type gty struct{}

func (gty) Even() bool { return false }

func (gty) Pick(ready uint64, last int) int {
	if last >= 0 && ready>>uint(last)&1 != 0 {
		return last
	}
	return bits.Len64(ready) - 1
}

// lrr is loose round robin: the next ready warp after the last.
type lrr struct{}

func (lrr) Even() bool { return true }

func (lrr) Pick(ready uint64, last int) int {
	if after := ready &^ (1<<uint(last+1) - 1); after != 0 {
		return bits.TrailingZeros64(after)
	}
	return bits.TrailingZeros64(ready)
}

// oldest always takes the oldest ready warp.
type oldest struct{}

func (oldest) Even() bool { return false }

func (oldest) Pick(ready uint64, _ int) int { return bits.TrailingZeros64(ready) }

// twoLevel goes round robin among the oldest `active` warps and turns to the
// others only when none of those is ready (Narasiman et al., MICRO 2011,
// with the active set filled by age).
type twoLevel struct{ active int }

func (twoLevel) Even() bool { return false }

func (p twoLevel) Pick(ready uint64, last int) int {
	if in := ready & (1<<uint(p.active) - 1); in != 0 {
		ready = in
	}
	return lrr{}.Pick(ready, last)
}
