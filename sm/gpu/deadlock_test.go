package gpu_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gpusim/sim"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// stuck runs a kernel that cannot end and looks for words in the report's
// lines: each of want is a set of words of one line.
func stuck(t *testing.T, k *tile.Kernel, want ...[]string) {
	t.Helper()
	_, _, err := tryRun(t, small(t), gpu.Options{MaxCycles: 1 << 30}, false, k)
	if !errors.Is(err, sim.ErrDeadlock) {
		t.Fatalf("%v, want a deadlock", err)
	}
	t.Log(err)
lines:
	for _, words := range want {
		for _, line := range strings.Split(err.Error(), "\n") {
			all := true
			for _, w := range words {
				all = all && strings.Contains(line, w)
			}
			if all {
				continue lines
			}
		}
		t.Errorf("no line with all of %q in\n%v", words, err)
	}
}

// TestDeadlockAtABarrier: the first warp waits for a semaphore that nobody
// signals, the others for it at the barrier.
func TestDeadlockAtABarrier(t *testing.T) {
	s := kernel{warps: 3, ctas: 2, splits: 2, trips: 1}
	s.segments = []tile.Segment{once(bare(tile.OpWAITSEM), bare(tile.OpBAR))}
	stuck(t, s.build(t, small(t)),
		[]string{"SM[1]", "CTA 1", "warp 0", "membar"},
		[]string{"SM[1]", "CTA 1", "warp 1", "barrier", "2 of 3"},
		[]string{"SM[1]", "CTA 1", "warp 2", "barrier"},
		[]string{"kernel test", "1 of 2 CTAs unfinished"},
	)
}

// TestDeadlockAtASemaphore: the slices of split-K wait for signals that one of
// them forgets.
func TestDeadlockAtASemaphore(t *testing.T) {
	s := kernel{warps: 1, ctas: 3, splits: 3, trips: 1}
	signal := bare(tile.OpSIGSEM)
	signal.Guard = tile.GuardFirst // only the first slice
	s.segments = []tile.Segment{once(bare(tile.OpWAITSEM), signal)}
	stuck(t, s.build(t, small(t)),
		[]string{"SM[2]", "CTA 2", "warp 0", "membar"},
		[]string{"1 of 3 CTAs unfinished"},
	)
}

// TestDeadlockOnASecondBarrier: one of two warps passes one barrier more and
// stays resident at another semaphore.
func TestDeadlockBetweenRoles(t *testing.T) {
	s := kernel{warps: 2, ctas: 2, splits: 2, trips: 1}
	s.roles = [][]tile.Segment{
		{once(bare(tile.OpBAR), bare(tile.OpWAITSEM))},
		{once(bare(tile.OpBAR), op(tile.OpFFMA, 0, 0, 2, 4), bare(tile.OpBAR))},
	}
	stuck(t, s.build(t, small(t)),
		[]string{"CTA 1", "warp 0", "membar"},
		[]string{"CTA 1", "warp 1", "barrier", "1 of 2"},
	)
}

func TestCycleLimit(t *testing.T) {
	g := small(t)
	k := build(t, g, gemm.Problem{M: 256, N: 256, K: 256, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"})[0]
	_, _, err := tryRun(t, g, gpu.Options{MaxCycles: 3000}, true, k)
	if !errors.Is(err, sim.ErrLimit) || !strings.Contains(err.Error(), "3000") {
		t.Fatalf("%v, want the cycle limit", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a line", err)
	}
	if _, _, err = tryRun(t, g, gpu.Options{MaxCycles: 1 << 20}, true, k); err != nil {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	g := small(t)
	k := build(t, g, gemm.Problem{M: 1024, N: 1024, K: 1024, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"})[0]
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d, err := gpu.New(ctx, g, g.Clock.Sustained, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := sm.Prepare(k, g)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Run([]*gpu.Launch{{Prepared: p}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// TestUnknownScheduler: New reports what NewCore does.
func TestUnknownScheduler(t *testing.T) {
	g := small(t)
	g.SM.Scheduler = "fifo"
	if _, err := gpu.New(context.Background(), g, g.Clock.Sustained, gpu.Options{}); err == nil || !strings.Contains(err.Error(), "two-level") {
		t.Errorf("%v, want the allowed names", err)
	}
}
