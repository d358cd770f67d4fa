package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/report"
)

// keyPrefix is what the keys of all points of a sweep have in common: the models,
// the columns that are kept, and the workloads.
func keyPrefix(ws []work) string {
	var b strings.Builder
	fmt.Fprintf(&b, "point\n%s\n%d\n%s\n", gpusim.ModelHash(), budget, strings.Join(report.SummaryColumns(), ","))
	for _, w := range ws {
		fmt.Fprintf(&b, "%s*%g\n", w.Text, w.weight)
		if w.Net == nil {
			continue
		}
		for _, l := range w.Net.Layers { // files may change under the same name
			fmt.Fprintf(&b, " %d*%s\n", l.Count, l.Work.Text)
		}
	}
	return b.String()
}

// Key is the hash of all that determines what a point comes to: its machine, the
// workloads, the fidelity and the models. The sweep that asks is no part of it, so
// sweeps share points.
func (sp *Space) key(m *configs.Machine, fidelity string) string {
	machine := m.HashOf(func(key string) bool {
		switch key {
		case "name", "description", "inherits", "energy_table":
			return false
		}
		return !strings.HasPrefix(key, "devices") && !strings.HasPrefix(key, "workloads")
	})
	sum := sha256.Sum256([]byte(sp.keyed + fidelity + "\n" + machine))
	return hex.EncodeToString(sum[:])
}
