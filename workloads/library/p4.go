package library

// leastAligned is the CTAs from which on they are launched: NeuSight's rows have 48 and
// more, and one of 32 went to another kernel.
const leastAligned = 40

// aligned are kernels from before Maxwell's; what they ask for, that nothing else is
// launched then (52 of 53 rows), and in which order they walk the grid is read off the
// names and grids of NeuSight's P4 rows.
func aligned(es []Entry) []Entry {
	for i := range es {
		es[i].Name += "x8_NT"
		es[i].Aligned, es[i].Only = true, true
		es[i].Blocks, es[i].Whole = true, true
	}
	return es
}
