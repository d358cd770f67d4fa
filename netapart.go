package gpusim

import (
	"fmt"

	"gpusim/configs"
	"gpusim/workloads"
)

// partNames are those of the layers that one of several at a time comes apart into.
var partNames = map[string][]string{
	workloads.KindAttention: {"/scores", "/softmax", "/values"},
	workloads.KindConvPool:  {"/conv", "/pool"},
}

// apartWhole replaces several layers in one kernel, such as attention by its two products
// and the softmax between, on GPUs that have no such kernel.
func apartWhole(m *configs.Machine, layers []workloads.NetLayer) ([]workloads.NetLayer, error) {
	apart := map[string][]workloads.Workload{} // by layer, nil where it stays whole
	var out []workloads.NetLayer
	for i, l := range layers {
		a := l.Work.Layer
		if a == nil || partNames[a.Kind] == nil {
			if out != nil {
				out = append(out, l)
			}
			continue
		}
		parts, known := apart[l.Work.Text]
		if !known {
			if Lacks(m, l.Work, "") != "" {
				var err error
				if parts, err = hostWork(m, l.Work); err != nil {
					return nil, fmt.Errorf("layer %q on %s: %w", l.Name, m.Name, err)
				}
			}
			apart[l.Work.Text] = parts
		}
		if len(parts) < 2 {
			if out != nil {
				out = append(out, l)
			}
			continue
		}
		if out == nil {
			out = append(make([]workloads.NetLayer, 0, len(layers)+2*len(layers)/4), layers[:i]...)
		}
		for k, w := range parts {
			p := l
			p.Name, p.Work = l.Name+partNames[a.Kind][k], w
			out = append(out, p)
		}
	}
	if out == nil {
		return layers, nil
	}
	return out, nil
}
