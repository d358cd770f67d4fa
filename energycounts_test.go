package gpusim

import (
	"testing"

	"gpusim/energy"
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// Every instruction that lanes execute counts for what they are: a new one is easily
// forgotten, and its energy with it.
func TestEveryLaneInstructionCounts(t *testing.T) {
	of := map[tile.Unit][]string{
		tile.UnitFP32: {energy.FP32Lane}, tile.UnitINT: {energy.IntOp, energy.MACINT8}, tile.UnitSFU: {energy.SFUOp},
		tile.UnitFP64: {energy.FMAFP64}, tile.UnitFP16: {energy.FMAFP16},
	}
	for op := range tile.NumOps {
		components, ok := of[tile.UnitOf(op)]
		if !ok {
			continue
		}
		w := gpu.Work{}
		w.Ops[op] = 1
		events := uint64(0)
		for _, c := range counts(1, &gpu.Report{}, &w, &memCounts{}) {
			for _, name := range components {
				if c.Component == name {
					events += c.Events
				}
			}
		}
		if events < 32 {
			t.Errorf("instruction %d counts for %d lanes of %v", op, events, components)
		}
	}
}

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
