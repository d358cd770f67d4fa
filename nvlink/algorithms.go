package nvlink

import "gpusim/workloads"

// generators make the programs of operations, by algorithm. A further one is a file
// with its generator and a line here.
var generators = map[string]map[string]func(u *setup) (*program, error){
	workloads.AllReduce: {
		Ring:     of(ringAllReduce),
		Tree:     of(treeAllReduce),
		Halving:  func(u *setup) (*program, error) { return halvingAllReduce(&u.plan) },
		InSwitch: inSwitch,
	},
	workloads.ReduceScatter: {Ring: of(ringReduceScatter)},
	workloads.AllGather:     {Ring: of(ringAllGather)},
	workloads.Broadcast:     {Ring: of(ringBroadcast)},
	workloads.AllToAll:      {Ring: of(allToAll)},
	workloads.HaloExchange:  {Ring: of(haloExchange)},
}

// of is a generator that cannot fail.
func of(f func(*plan) *program) func(*setup) (*program, error) {
	return func(u *setup) (*program, error) { return f(&u.plan), nil }
}

func inSwitch(u *setup) (*program, error) {
	g, err := u.g.gathers(float64(u.lib.CTARate))
	if err != nil {
		return nil, err
	}
	u.plan.gathers = func(r int) *gather { return g[r] }
	return inSwitchAllReduce(&u.plan), nil
}

func (u *setup) generate() (*program, error) { return generators[u.c.Op][u.pick.algo](u) }
