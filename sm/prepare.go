package sm

import (
	"fmt"

	"gpusim/configs"
	"gpusim/tensorcore"
	"gpusim/workloads/tile"
)

// Prepared is a kernel decoded for one machine, for one simulation at a time.
type Prepared struct {
	Kernel    *tile.Kernel
	Plan      *Plan // nil: nothing is left out
	CTAsPerSM int
	Limit     string // what limits CTAsPerSM: registers, shared_memory, warps, ctas
	ops       []uop
	codes     []*code
	codeLines int
	lines     *tile.LineGen
}

// Prepare decodes a kernel and works out how many of its CTAs fit an SM.
func Prepare(k *tile.Kernel, g *configs.GPU, plan *Plan) (*Prepared, error) {
	p := &Prepared{Kernel: k, Plan: plan, lines: tile.NewLineGen(k)}
	if plan != nil {
		if err := plan.check(); err != nil {
			return nil, err
		}
	}
	var err error
	if p.CTAsPerSM, p.Limit, err = Occupancy(k, &g.SM); err != nil {
		return nil, err
	}
	ts := tensorcore.NewSpec(&g.Tensor)
	line := 0
	for _, prog := range k.Programs {
		var c *code
		c, p.ops, line = decode(p.ops, prog, &g.SM, &ts, line)
		p.codes = append(p.codes, c)
	}
	p.codeLines = line
	return p, nil
}

// Occupancy is the number of CTAs of a kernel that fit an SM, and the
// resource that limits it.
func Occupancy(k *tile.Kernel, s *configs.SM) (int, string, error) {
	warps := k.Warps()
	perWarp := max(s.RegisterAllocUnit, roundUp(k.Regs*32, s.RegisterAllocUnit))
	n, limit := s.MaxCTAs, "ctas"
	if m := s.MaxWarps / warps; m < n {
		n, limit = m, "warps"
	}
	if m := s.Registers / (perWarp * warps); m < n {
		n, limit = m, "registers"
	}
	if k.Shared > 0 {
		if m := int(s.SharedMemory) / roundUp(k.Shared, int(s.SharedAllocUnit)); m < n {
			n, limit = m, "shared_memory"
		}
	}
	if n == 0 {
		return 0, limit, fmt.Errorf("kernel %s does not fit an SM: %d threads, %d registers a thread, %d B of shared memory (limit: %s)",
			k.Name, k.Threads, k.Regs, k.Shared, limit)
	}
	return n, limit, nil
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
