package gpusim

import (
	"testing"

	"gpusim/configs"
)

// Every matrix instruction of every machine counts slots of its Tensor Core.
func TestEveryMatrixTypeHasSlots(t *testing.T) {
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.GPU == nil {
			continue
		}
		for _, in := range m.GPU.Tensor.Instructions {
			if slots16[in.Type+"/"+in.Acc] == 0 {
				t.Errorf("%s: %s has no slots", name, in.Name)
			}
		}
	}
}
