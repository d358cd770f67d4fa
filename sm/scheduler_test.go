package sm_test

import (
	"strings"
	"testing"

	"gpusim/sm"
	"gpusim/workloads/tile"
)

func TestSchedulersPick(t *testing.T) {
	const all = ^uint64(0)
	for _, c := range []struct {
		name  string
		set   int
		ready uint64
		last  int
		want  int
	}{
		// Greedy: the last warp goes on while it can; then the oldest.
		{"gto", 0, 0b1110, 2, 2},
		{"gto", 0, 0b1010, 2, 1},
		{"gto", 0, 0b1010, -1, 1},
		{"gto", 0, all, 63, 63},
		{"gto", 0, 1 << 63, 5, 63},
		// Greedy, then the youngest.
		{"gty", 0, 0b1110, 2, 2},
		{"gty", 0, 0b1011, 2, 3},
		{"gty", 0, 0b0011, 3, 1},
		{"gty", 0, 0b1010, -1, 3},
		{"gty", 0, all, 0, 0},
		{"gty", 0, all &^ 1, 0, 63},
		// The next after the last, wrapping around.
		{"lrr", 0, 0b1111, 1, 2},
		{"lrr", 0, 0b0011, 1, 0},
		{"lrr", 0, 0b0010, 1, 1},
		{"lrr", 0, 0b1001, 1, 3},
		{"lrr", 0, 0b1110, -1, 1},
		{"lrr", 0, all, 62, 63},
		{"lrr", 0, all, 63, 0},
		{"oldest", 0, 0b1110, 3, 1},
		{"oldest", 0, all, 63, 0},
		{"oldest", 0, 1 << 63, -1, 63},
		// Round robin among the oldest two; the others only when neither can.
		{"two-level", 2, 0b1111, 0, 1},
		{"two-level", 2, 0b1111, 1, 0},
		{"two-level", 2, 0b1110, 1, 1},
		{"two-level", 2, 0b1100, 2, 3},
		{"two-level", 2, 0b1100, 3, 2},
		{"two-level", 2, 0b1101, 3, 0},
		{"two-level", 64, all, 63, 0},
		{"two-level", 64, all, 40, 41},
	} {
		s, err := sm.NewScheduler(c.name, c.set)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Pick(c.ready, c.last); got != c.want {
			t.Errorf("%s(%d): Pick(%b, %d) = %d, want %d", c.name, c.set, c.ready, c.last, got, c.want)
		}
	}
}

func TestUnknownScheduler(t *testing.T) {
	_, err := sm.NewScheduler("fifo", 8)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"fifo"`, "gto", "gty", "lrr", "oldest", "two-level"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a line", err)
	}
	g := volta(t)
	g.SM.Scheduler = "fifo"
	if _, err := sm.NewCore(g); err == nil {
		t.Error("an SM with an unknown scheduler")
	}
}

// TestYields: a chain of multiply-adds leaves every second slot of its pipe to another
// one. A greedy scheduler gives both to the oldest two of three CTAs, and the third
// waits for their end. Where code yields all three end together.
func TestYields(t *testing.T) {
	ends := func(scheduler string, yields bool) (first, last float64) {
		g := volta(t, "gpu.sm.scheduler="+scheduler)
		k := loopKernel(t, g, 4, 100, nil, repeat(16, op(tile.OpFFMA, 0, 0, 5, 7))...)
		k.Yields = yields
		c := load(t, g, k, 3)
		for {
			n, ok := c.Next()
			if !ok {
				return first, float64(c.LastExit())
			}
			if c.Run(n + 1); first == 0 {
				first = float64(c.LastExit())
			}
		}
	}
	first, last := ends("gto", false)
	near(t, "gto: the first CTA's end by the last's", first/last, 0.5, 0.1)
	fair, all := ends("lrr", false)
	near(t, "lrr: the first CTA's end by the last's", fair/all, 1, 0.05)
	for _, scheduler := range []string{"gto", "gty", "lrr"} {
		if f, l := ends(scheduler, true); f != fair || l != all {
			t.Errorf("%s, where code yields: CTAs end from %.0f to %.0f, in turn from %.0f to %.0f", scheduler, f, l, fair, all)
		}
	}
}
