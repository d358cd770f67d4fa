package sm

import (
	"fmt"
	"slices"

	"gpusim/configs"
	"gpusim/tensorcore"
	"gpusim/workloads/tile"
)

// Prepared is a kernel decoded for one machine, for one simulation at a time.
type Prepared struct {
	Kernel     *tile.Kernel
	Plan       *Plan // nil: nothing is left out
	Behind     int   // first CTA behind those that are left out of a kernel that streams; 0: none are
	CTAsPerSM  int
	Policy     Scheduler
	Limit      string // what limits CTAsPerSM: registers, shared_memory, warps, ctas
	ops        []uop
	codes      []*code
	codeLines  int
	constLines int // of constants
	lines      *tile.LineGen
	loopSends  uint64 // memory instructions of one main-loop iteration of a CTA
	loopBusy   int    // cycles that it holds the busiest pipe of each sub-core
	aside      []bool // by access: it loads what main loops do not

	matrix   []matrixOp // of warp groups
	barAt    []int      // first barrier of each ring in shared memory
	arrivals []int32    // of a phase, by barrier
}

// Prepare decodes a kernel and works out how many of its CTAs fit an SM.
func Prepare(k *tile.Kernel, g *configs.GPU) (*Prepared, error) {
	p := &Prepared{Kernel: k, lines: tile.NewLineGen(k)}
	var err error
	if p.CTAsPerSM, p.Limit, err = Occupancy(k, &g.SM); err != nil {
		return nil, err
	}
	if p.Policy, err = KernelScheduler(k, g.SM.Scheduler, g.SM.ActiveSet); err != nil {
		return nil, err
	}
	if p.matrix, err = matrixOps(k, g); err != nil {
		return nil, err
	}
	if len(k.Boxes) > 0 && g.SM.TMA.LineInterval == 0 {
		return nil, fmt.Errorf("kernel %s: this machine has no tensor memory accelerator", k.Name)
	}
	for _, b := range k.Barriers {
		p.barAt = append(p.barAt, len(p.arrivals))
		for range b.Stages {
			p.arrivals = append(p.arrivals, int32(b.Arrivals))
		}
	}
	ts := tensorcore.NewSpec(&g.Tensor)
	line := 0
	for _, prog := range k.Programs {
		var c *code
		c, p.ops, line = decode(p.ops, k, prog, &g.SM, &ts, line)
		p.codes = append(p.codes, c)
	}
	p.codeLines = line
	if n := g.SM.Constants.LineBytes; n > 0 {
		p.constLines = (4*len(k.Consts) + n - 1) / n
	}
	p.loopWork(g.SM.SubCores, &ts)
	p.readAside()
	return p, nil
}

// readAside finds the loads of what main loops do not load, such as C, a residual or the
// sums of other slices: there are as many however long main loops are.
func (p *Prepared) readAside() {
	looped := make([]bool, len(p.Kernel.Tensors))
	p.aside = make([]bool, len(p.Kernel.Accesses))
	loads := func(loop bool, f func(access int16)) {
		for _, c := range p.codes {
			for _, s := range c.segs {
				for _, u := range p.ops[s.start:s.end] {
					if s.loop == loop && (u.class == clLDG || u.class == clCopy) {
						f(u.access)
					}
				}
			}
		}
	}
	loads(true, func(access int16) { looped[p.Kernel.Accesses[access].Tensor] = true })
	loads(false, func(access int16) { p.aside[access] = !looped[p.Kernel.Accesses[access].Tensor] })
}

// loopWork adds up what one main-loop iteration of a CTA asks of the SM.
func (p *Prepared) loopWork(subCores int, ts *tensorcore.Spec) {
	var busy [numPipes]int
	for _, role := range p.Kernel.Role {
		c := p.codes[role]
		for _, s := range c.segs {
			if !s.loop {
				continue
			}
			for _, u := range p.ops[s.start:s.end] {
				p.loopSends += uint64(u.inLoop)
				switch u.class {
				case clHMMA:
					busy[u.pipe] += int(u.steps) * int(ts.Interval(u.steps))
				case clWGMMA:
					busy[pipeTensor] += int(p.matrix[u.access].hold)
				default:
					busy[u.pipe] += int(u.busy)
				}
			}
		}
	}
	p.loopBusy = (slices.Max(busy[:]) + subCores - 1) / subCores
}

// LoopCycles is the least number of cycles that one main-loop iteration of a
// CTA takes of an SM.
func (p *Prepared) LoopCycles() int { return p.loopBusy }

// LoopSends is the number of memory instructions in one main-loop iteration of
// a CTA; a loop without any cannot be sampled.
func (p *Prepared) LoopSends() int { return int(p.loopSends) }

// Sample attaches a plan.
func (p *Prepared) Sample(plan *Plan) error {
	if plan != nil {
		if err := plan.Check(); err != nil {
			return err
		}
		if p.loopSends == 0 {
			return fmt.Errorf("kernel %s has no memory instruction in its main loop: its pace cannot be sampled", p.Kernel.Name)
		}
	}
	p.Plan = plan
	return nil
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
