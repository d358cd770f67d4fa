package gpusim

import "testing"

// Every matrix instruction of every machine counts slots of its Tensor Core.
func TestEveryMatrixTypeHasSlots(t *testing.T) {
	for _, m := range gpus(t) {
		for _, in := range m.GPU.Tensor.Instructions {
			if slots16[in.Type+"/"+in.Acc] == 0 {
				t.Errorf("%s: %s has no slots", m.Name, in.Name)
			}
		}
	}
}
