package microbench

import (
	"fmt"
	"strconv"
	"strings"

	"gpusim/workloads/tile"
)

// The registers of these probes: data from 0 on, an address in 24.
const addressReg = 24

// memoryInstructions measures what a sub-core's path to memory does to the instructions
// behind a load or store: how many it takes in a row and how fast, and when registers that
// they read or write may be used again.
func memoryInstructions(r *rig, out *Report) error {
	const group = "memory instructions"
	if err := r.queue(out, group); err != nil {
		return err
	}
	for _, uniform := range []bool{false, true} {
		suffix := ""
		if uniform {
			if suffix = ".uniform"; r.g.SM.MIO.UniformGlobal == 0 {
				continue // nothing is known of them
			}
		}
		for _, c := range []struct {
			op        tile.Op
			name, key string
			widths    []int
		}{
			{tile.OpLDG, "LDG", "global.load", []int{4, 8, 16}},
			{tile.OpLDS, "LDS", "shared.load", []int{4, 8, 16}},
			{tile.OpSTG, "STG", "global.store", []int{4, 8, 16}},
			{tile.OpSTS, "STS", "shared.store", []int{4, 8, 16}},
			{tile.OpLDGSTS, "LDGSTS", "copy", []int{4, 8, 16}},
		} {
			if c.op == tile.OpLDGSTS && (uniform || !copies(r.g.ComputeCapability)) {
				continue
			}
			for _, bytes := range c.widths {
				key, name := fmt.Sprintf("%s%d%s", c.key, 8*bytes, suffix), fmt.Sprintf("%s.%d%s", c.name, 8*bytes, strings.ReplaceAll(suffix, ".", ", "))
				k, in := r.access(c.op, bytes, uniform)
				var v float64
				var err error
				switch c.op {
				case tile.OpLDGSTS:
					v, err = r.each(k, in, bare(tile.OpCOMMIT), bare(tile.OpDEPBAR))
				case tile.OpLDG, tile.OpLDS:
					v, err = r.each(k, in) // into the register of the load before
				}
				if err != nil {
					return err
				}
				if v > 0 {
					res := out.add(group, "use."+key, name+": result there", v, "cycles")
					if c.op != tile.OpLDS && !r.g.L1.Global {
						res.Note = "from L2: L1 holds no global memory"
					}
				}
				if r.g.SM.MIO.Operands.BytesClk == 0 {
					continue // nothing is known of it
				}
				source := addressReg
				if c.op == tile.OpSTG || c.op == tile.OpSTS {
					source = 0 // data
				}
				if v, err = r.reuse(k, in, source); err != nil {
					return err
				}
				out.add(group, "reuse."+key, name+": sources free", v, "cycles")
			}
		}
	}
	return nil
}

// reuse is the cycles from a memory instruction to one that writes a register that it
// reads: what a chain of both takes, less the latency of the latter.
func (r *rig) reuse(k kernel, in tile.Inst, source int) (float64, error) {
	in.Dst = tile.RZ // so that no load waits for the one before
	both, err := r.each(k, in, op(tile.OpIADD, source, 26, 27, tile.RZ))
	if err != nil {
		return 0, err
	}
	add, err := r.each(kernel{warps: 1, elem: 4}, op(tile.OpIADD, 0, 0, 2, 4))
	return both - add, err
}

// copies says whether GPUs of a compute capability have LDGSTS: from 8.0 on.
func copies(capability string) bool {
	v, err := strconv.ParseFloat(capability, 64)
	return err == nil && v >= 8
}

// access is a memory instruction whose lanes lie side by side, and a kernel for it.
func (r *rig) access(o tile.Op, bytes int, uniform bool) (kernel, tile.Inst) {
	k := kernel{warps: 1, elem: 4, region: []int64{4 << 10}, shared: 4 << 10}
	global, shared := stream(32, 0, bytes, 0, bytes/4, 0), bank(32, bytes, bytes/4)
	in := memop(o, 0, 0)
	switch o {
	case tile.OpLDGSTS:
		k.accesses = []tile.Access{global, shared}
		in = bare(o)
		in.Into = 1
	case tile.OpLDS, tile.OpSTS:
		k.accesses = []tile.Access{shared}
	default:
		k.accesses = []tile.Access{global}
	}
	k.accesses[0].Uniform = uniform
	in.SrcB = addressReg
	return k, in
}

// queue measures how many memory instructions a sub-core issues in a row, and their rate
// by sub-cores at work.
func (r *rig) queue(out *Report, group string) error {
	k := kernel{warps: 1, elem: 4, shared: 4 << 10, accesses: []tile.Access{bank(32, 4, 1)}}
	store := memop(tile.OpSTS, 0, 0)
	// Arithmetic behind them ends a distance after the last one has issued.
	var last, each float64
	for n := 1; n <= 32; n++ {
		k.body = append(repeat(n, store), repeat(96, op(tile.OpFFMA, 8, 8, 10, 12))...)
		v, err := r.slope(k, 8, 40)
		if err != nil {
			return err
		}
		if n == 2 {
			each = v - last
		}
		if n > 2 && v-last > each+0.5 {
			out.add(group, "queue.row", "issued in a row", float64(n-1), "inst").Note = "until one is held up"
			break
		}
		last = v
	}
	for n := 1; n <= r.g.SM.SubCores; n++ {
		k := kernel{warps: n, elem: 4, shared: 4 << 10, accesses: []tile.Access{bank(32*n, 4, 1)}}
		v, err := r.each(k, store)
		if err != nil {
			return err
		}
		out.add(group, fmt.Sprintf("queue.interval.%d", n), fmt.Sprintf("interval, %d sub-cores at work", n), v, "cycles")
	}
	return nil
}
