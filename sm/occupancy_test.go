package sm_test

import (
	"strings"
	"testing"

	"gpusim/sm"
	"gpusim/workloads/tile"
)

func TestOccupancy(t *testing.T) {
	g := volta(t)
	for _, c := range []struct {
		name                  string
		threads, regs, shared int
		want                  int
		limit                 string
	}{
		{"nothing but warps", 64, 16, 0, 32, "ctas"},      // 32 CTAs of 2 warps are also 64 warps
		{"one warp each", 32, 16, 0, 32, "ctas"},          // half the warps only
		{"many warps", 256, 16, 0, 8, "warps"},            // 64 warps / 8
		{"uneven warps", 96, 16, 0, 21, "warps"},          // 64 / 3
		{"registers", 256, 128, 0, 2, "registers"},        // 65536 / (8 x 4096)
		{"registers rounded", 32, 65, 0, 28, "registers"}, // 2080 become 2304 a warp
		{"one register less", 32, 64, 0, 32, "ctas"},      // 2048 a warp
		{"largest", 256, 255, 0, 1, "registers"},          // 8 x 8192
		{"shared", 128, 32, 32 << 10, 3, "shared_memory"}, // 96 KiB
		{"all shared", 128, 32, 96 << 10, 1, "shared_memory"},
		{"shared rounded", 32, 16, 4097, 22, "shared_memory"}, // 98304 / 4352
		{"hmma 128x128", 128, 255, 32 << 10, 2, "registers"},
	} {
		k := &tile.Kernel{Name: "k", Threads: c.threads, Regs: c.regs, Shared: c.shared}
		n, limit, err := sm.Occupancy(k, &g.SM)
		if err != nil || n != c.want || limit != c.limit {
			t.Errorf("%s: %d CTAs (limit %s, %v), want %d (%s)", c.name, n, limit, err, c.want, c.limit)
		}
	}
}

func TestOccupancyNothingFits(t *testing.T) {
	g := volta(t)
	for _, c := range []struct {
		threads, regs, shared int
		limit                 string
	}{
		{128, 32, 96<<10 + 1, "shared_memory"},
		{512, 255, 0, "registers"},
		{64*32 + 32, 16, 0, "warps"},
	} {
		k := loopKernel(t, g, 1, 1, nil)
		k.Threads, k.Regs, k.Shared, k.Name = c.threads, c.regs, c.shared, "huge"
		_, limit, err := sm.Occupancy(k, &g.SM)
		if err == nil || limit != c.limit || !strings.Contains(err.Error(), c.limit) || !strings.Contains(err.Error(), "huge") {
			t.Errorf("%+v: limit %s, %v", c, limit, err)
		}
		if _, err := sm.Prepare(k, g); err == nil {
			t.Errorf("%+v: Prepare does not complain", c)
		}
	}
}

func TestPrepareReportsOccupancy(t *testing.T) {
	g := volta(t)
	k := loopKernel(t, g, 4, 1, nil)
	k.Shared = 40 << 10
	k.Regs = 64
	p, err := sm.Prepare(k, g)
	if err != nil || p.CTAsPerSM != 2 || p.Limit != "shared_memory" {
		t.Errorf("%+v, %v", p, err)
	}
	if err := p.Sample(&sm.Plan{Windows: make([]sm.Window, 100)}); err == nil {
		t.Error("a plan of 100 windows is accepted")
	}
}
