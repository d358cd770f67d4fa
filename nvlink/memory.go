package nvlink

// memoryOf is the memory of a GPU as a resource.
type memoryOf struct {
	res  int
	rate float64 // bytes per second
}

// Traffic of a slice in the memories of both ends, per byte that is sent. A rank that
// adds up reads what it received and its own; one that hands on reads what it received
// and writes its own copy; the receiver's buffer is written once either way
// (Rashidi et al., ISCA 2021, count the same). That buffers stay in L2 for a
// while does not spare their write-backs.
const (
	memoryPerSent     = 2
	memoryPerReceived = 1
	memoryPerProxy    = 1 // an adapter reads or writes once
)

// contend gives GPUs memories that collectives and kernels share.
func (g *graph) contend(rate float64) {
	g.memory = map[int]memoryOf{}
	for i, n := range g.gpus {
		g.memory[n] = memoryOf{4*len(g.edges) + i, rate}
	}
}

// inMemory adds what a flow between two GPUs does in their memories.
func (g *graph) inMemory(w *way, from, to int, sent, received float64) {
	for _, end := range []struct {
		node   int
		weight float64
	}{{from, sent}, {to, received}} {
		if m, ok := g.memory[end.node]; ok {
			w.all = append(w.all, use{res: m.res, weight: end.weight})
		}
	}
	w.all = merged(w.all)
}
