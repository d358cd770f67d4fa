package microbench

import "gpusim/workloads/tile"

// clusters measures loads from the shared memory of the own and of another CTA. A chain of
// them has the index that was loaded turned into an address, which takes two integer
// instructions.
func clusters(r *rig, out *Report) error {
	const group = "clusters"
	if r.g.SM.MaxCluster < 2 || r.g.SM.PerTPC%2 != 0 {
		return nil // clusters are placed in a TPC
	}
	for _, c := range []struct {
		key, name string
		peer      int
	}{
		{"cluster.own", "own SM, with address", 0},
		{"cluster.peer", "other SM of the TPC", 1},
	} {
		a := bank(32, 4, 1)
		a.Peer = c.peer
		k := kernel{warps: 1, ctas: 2, cluster: 2, elem: 4, shared: 4 << 10, accesses: []tile.Access{a}}
		in := memop(tile.OpLDS, 0, 0)
		in.SrcB = 0
		v, err := r.each(k, in, op(tile.OpIMAD, 0, 0, 2, 4), op(tile.OpIADD, 0, 0, 2, tile.RZ))
		if err != nil {
			return err
		}
		out.add(group, c.key, c.name, v, "cycles")
	}
	return nil
}
