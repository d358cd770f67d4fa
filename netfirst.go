package gpusim

import (
	"gpusim/configs"
	"gpusim/workloads"
)

// pooledFirst puts a convolution of bytes and the max pooling of what its ReLU leaves,
// which nothing else reads, into one kernel where the machine has one: an inference
// compiler's first layer. Places in Reads stay those of the network's own list.
func pooledFirst(m *configs.Machine, layers []workloads.NetLayer) []workloads.NetLayer {
	readers := make([]int, len(layers))
	for _, l := range layers {
		for _, r := range l.Reads {
			if r.From >= 0 {
				readers[r.From]++
			}
		}
	}
	var out []workloads.NetLayer
	for i := 0; i < len(layers); i++ {
		l := layers[i]
		if i+1 < len(layers) && l.Count == layers[i+1].Count && readers[i] == 1 && len(layers[i+1].Reads) == 1 && layers[i+1].Reads[0].From == i {
			if w, ok := workloads.ConvPool(l.Work, layers[i+1].Work); ok && Lacks(m, w, "") == "" {
				l.Name += "|" + layers[i+1].Name
				l.Work = w
				i++
			}
		}
		out = append(out, l)
	}
	return out
}
