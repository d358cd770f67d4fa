package gemm

import (
	"fmt"
	"slices"
	"strings"

	"gpusim/workloads/tile"
)

// builder generates the kernels of one family.
type builder func(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error)

// families is filled in by register before main and only read afterwards.
var families = map[string]builder{}

// register adds a family; each family's file calls it from init.
func register(name string, b builder) { families[name] = b }

// Build generates the kernels that compute p with configuration c, in launch
// order, compiled against the fixed latencies l.
func Build(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	b, ok := families[c.Family]
	if !ok {
		var names []string
		for n := range families {
			names = append(names, n)
		}
		slices.Sort(names)
		return nil, fmt.Errorf("gemm: unknown kernel family %q (known: %s)", c.Family, strings.Join(names, ", "))
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Steps.any() && !TakesSteps(p, c) {
		return nil, fmt.Errorf("gemm: kernels of family %q with %d slices, accumulating in %s, have no steps in their epilogue", c.Family, c.Splits, p.Acc)
	}
	if w := p.Lowered; w != nil && w.Reordered && c.Family != "mma" {
		return nil, fmt.Errorf("gemm: kernels of family %q take no reordered rows", c.Family)
	}
	if err := p.checkAdded(c); err != nil {
		return nil, err
	}
	return b(p, c, l)
}

// finish completes the main kernel of a problem and adds the reduction of its
// workspace, if it has one.
func finish(k *tile.Kernel, p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	if p.Lowered != nil {
		k.Name = p.Lowered.Name
	}
	if err := tile.Finish(k, l); err != nil {
		return nil, fmt.Errorf("gemm: %s: %w", k.Name, err)
	}
	if !c.Workspace {
		return []*tile.Kernel{k}, nil
	}
	r, err := reduceKernel(p, c.Splits, k.Tensors, l)
	if err != nil {
		return nil, err
	}
	return []*tile.Kernel{k, r}, nil
}

// addAccess adds an address generator to a kernel and returns its index.
func addAccess(k *tile.Kernel, a tile.Access) int16 {
	k.Accesses = append(k.Accesses, a)
	return int16(len(k.Accesses) - 1)
}

// serial says whether slices of K add up in C itself, one after another.
func (c *Config) serial() bool { return c.Splits > 1 && !c.Workspace }

// openEpilogue waits for the slice before and for the CTA's other warps, whose
// main-loop buffers the staging buffers overlay, and computes the addresses of
// C in registers from regAddr on.
func (c *Config) openEpilogue(regAddr int) []tile.Inst {
	var code []tile.Inst
	if c.serial() {
		code = append(code, bare(tile.OpWAITSEM))
	}
	return append(append(code, bare(tile.OpBAR)), addressC(regAddr)...)
}

// addressC computes pointers and predicates of C in registers from regAddr on.
func addressC(regAddr int) (code []tile.Inst) {
	for i := range 12 {
		code = append(code, integer([...]tile.Op{tile.OpIMAD, tile.OpIADD, tile.OpISETP}[i%3], regAddr+i))
	}
	return code
}

// closeEpilogue lets the next slice go on and ends the program.
func (c *Config) closeEpilogue() []tile.Inst {
	if !c.serial() {
		return []tile.Inst{bare(tile.OpEXIT)}
	}
	return []tile.Inst{bare(tile.OpMEMBAR), bare(tile.OpBAR), bare(tile.OpSIGSEM), bare(tile.OpEXIT)}
}

// warps gives where each warp's tile begins in the CTA tile; m runs fastest.
func (c *Config) warps() (m, n []int) {
	wm, wn := c.TileM/c.WarpM, c.TileN/c.WarpN
	for w := range wm * wn {
		m = append(m, w%wm*c.WarpM)
		n = append(n, w/wm*c.WarpN)
	}
	return m, n
}

// checkVectors defaults the vector widths to the widest that the contiguous
// extents allow, up to a number of elements, and rejects wider ones.
func (c *Config) checkVectors(p Problem, widest int) error {
	contigA, contigB, contigC := p.contiguous()
	for _, v := range []struct {
		name   string
		width  *int
		contig int
	}{{"A", &c.VecA, contigA}, {"B", &c.VecB, contigB}, {"C", &c.VecC, contigC}} {
		if *v.width == 0 {
			*v.width = widestVector(v.contig, widest)
		}
		if w := *v.width; w < 1 || w > widest || w&(w-1) != 0 {
			return fmt.Errorf("gemm: vector width of %s is %d elements: must be a power of two up to %d", v.name, w, widest)
		}
		if v.contig%*v.width != 0 {
			return fmt.Errorf("gemm: vector width of %s is %d elements, which does not divide its contiguous extent of %d", v.name, *v.width, v.contig)
		}
	}
	return nil
}
