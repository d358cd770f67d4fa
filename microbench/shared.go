package microbench

import (
	"fmt"

	"gpusim/workloads/tile"
)

// sharedMemory measures latency by width, conflicts by stride, and bandwidth.
func sharedMemory(r *rig, out *Report) error {
	const group, room = "shared memory", 16 << 10
	lds := func(bytes, stride int) (float64, error) {
		k := kernel{warps: 1, elem: 4, shared: room, accesses: []tile.Access{bank(32, bytes, stride)}}
		return r.each(k, memop(tile.OpLDS, 0, 0))
	}
	for _, c := range []struct {
		key, name     string
		bytes, stride int
	}{
		{"latency.shared", "load of 32 bit", 4, 1},
		{"latency.shared.64", "load of 64 bit", 8, 2},
		{"latency.shared.128", "load of 128 bit", 16, 4},
		{"latency.shared.stride2", "stride of 2 words", 4, 2},
		{"latency.shared.stride4", "stride of 4 words", 4, 4},
		{"latency.shared.stride8", "stride of 8 words", 4, 8},
		{"latency.shared.stride16", "stride of 16 words", 4, 16},
		{"latency.shared.stride32", "stride of 32 words", 4, 32},
	} {
		v, err := lds(c.bytes, c.stride)
		if err != nil {
			return err
		}
		out.add(group, c.key, c.name, v, "cycles")
	}
	k := kernel{warps: 1, elem: 4, shared: room, accesses: []tile.Access{bank(32, 4, 1)}}
	v, err := r.each(k, memop(tile.OpLDS, 0, 0), memop(tile.OpLDS, 1, 0), memop(tile.OpLDS, 2, 0), memop(tile.OpLDS, 3, 0))
	if err != nil {
		return err
	}
	out.add(group, "latency.shared.row", "four loads in a row", v, "cycles")
	warps := min(32, r.g.SM.MaxWarps)
	for _, bytes := range []int{4, 8, 16} {
		k := kernel{warps: warps, elem: 4, shared: room, accesses: []tile.Access{bank(32*warps, bytes, bytes/4)}}
		var body []tile.Inst
		for i := range 4 {
			body = append(body, memop(tile.OpLDS, 4*i, 0))
		}
		per, err := r.each(k, body...)
		if err != nil {
			return err
		}
		out.add(group, fmt.Sprintf("bandwidth.shared.%d", 8*bytes), fmt.Sprintf("bandwidth, loads of %d bit", 8*bytes), float64(4*warps*32*bytes)/per, "B/clk/SM")
	}
	return nil
}

// accessPatterns measures what loads that hit L1 cost by the distance between lanes.
func accessPatterns(r *rig, out *Report) error {
	const group = "access patterns"
	warps := min(32, r.g.SM.MaxWarps)
	for _, s := range []int{1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 32} {
		k := kernel{warps: warps, elem: 4, region: []int64{1 << 20}}
		a := stream(32*warps, 0, 4, 0, 0, 0)
		for t := range a.Row {
			a.Row[t] = int32(t % 32 * s)
		}
		k.accesses = []tile.Access{a}
		var body []tile.Inst
		for i := range 4 {
			body = append(body, memop(tile.OpLDG, i, 0))
		}
		per, err := r.each(k, body...)
		if err != nil {
			return err
		}
		out.add(group, fmt.Sprintf("l1.stride.%d", s), fmt.Sprintf("L1 load, lanes %d words apart", s), per/float64(4*warps), "clk/inst")
	}
	return nil
}
