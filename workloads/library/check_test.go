package library

import (
	"strings"
	"testing"

	"gpusim/configs"
)

// Every machine names families that exist, and a misspelt one is an error that names
// the key, the word and what is known.
func TestFamiliesAreKnown(t *testing.T) {
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.GPU == nil {
			continue
		}
		if err := Check(m.GPU); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for key, set := range map[string]string{
		"kernels":      "gpu.library.kernels=[volta_sgem]",
		"convolutions": "gpu.library.convolutions=[volta_scudn]",
		"compiled":     "gpu.library.compiled=[trt_volta]",
	} {
		m, err := configs.Load("volta", []string{set})
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(m.GPU); err == nil || !strings.Contains(err.Error(), "gpu.library."+key) || !strings.Contains(err.Error(), "known: ") {
			t.Errorf("%s: %v", set, err)
		}
	}
}
