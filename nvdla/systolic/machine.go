package systolic

import (
	"fmt"
	"strings"

	"gpusim/configs"
)

// Types that a machine multiplies, with the bytes of an element.
var elemBytes = map[string]int{"int8": 1, "int16": 2, "bf16": 2, "fp16": 2, "fp32": 4}

// Takes says whether the machine's array multiplies a type; if not, why not.
func Takes(s *configs.Systolic, dtype string) error {
	for _, t := range s.Types {
		if t == dtype {
			return nil
		}
	}
	return fmt.Errorf("its array does not multiply %s (allowed: %s)", dtype, strings.Join(s.Types, ", "))
}

// ArrayOf is the array of a machine.
func ArrayOf(s *configs.Systolic) Array {
	return Array{Rows: s.Rows, Cols: s.Cols, Flow: Dataflow(s.Dataflow)}
}

// MemoryOf is the SRAMs of a machine of model folds, in words of a type.
func MemoryOf(s *configs.Systolic, dtype string) Memory {
	e := elemBytes[dtype]
	words := max(1, int(float64(s.Memory)/float64(s.Clock))/e)
	sram := func(b configs.Bytes) SRAM { return SRAM{Words: int(b) / e, PerCycle: words} }
	return Memory{Input: sram(s.SRAM.Input), Weight: sram(s.SRAM.Weight), Output: sram(s.SRAM.Output)}
}

// TPUOf is a machine of model tpu.
func TPUOf(s *configs.Systolic, dtype string) *TPU {
	t := s.TPU
	return &TPU{
		Rows: s.Rows, Cols: s.Cols, Hz: float64(s.Clock), WeightBytes: float64(elemBytes[dtype]), MemoryRate: float64(s.Memory),
		FIFOTiles: t.FIFOTiles, Accumulators: t.Accumulators, ShiftCycles: t.ShiftCycles, HostRate: float64(t.Host), SyncCycles: t.SyncCycles, Cores: t.Cores,
	}
}

// Passes is how often the array of a TPU takes a vector of a type: int16
// operands are four products of int8 ones (Jouppi et al.: a quarter of the speed).
func Passes(s *configs.Systolic, dtype string) int {
	if dtype == "int16" && s.Types[0] == "int8" {
		return 4
	}
	return 1
}

// DecoupledOf is a machine of model decoupled.
func DecoupledOf(s *configs.Systolic, dtype string) *Decoupled {
	return &Decoupled{
		Rows: s.Rows, Cols: s.Cols, WordBytes: float64(elemBytes[dtype]), FoldBubble: s.Decouple.FoldBubble, Setup: s.Decouple.Setup,
		BytesPerClk: float64(s.Memory) / float64(s.Clock),
	}
}

// RowStationaryOf is a machine of model row_stationary.
func RowStationaryOf(s *configs.Systolic) *RowStationary {
	r := s.RowStat
	return &RowStationary{
		Rows: s.Rows, Cols: s.Cols, FilterWords: r.FilterWords, InputWords: r.InputWords, SumWords: r.SumWords,
		BufferBytes: int(r.Buffer), WordBytes: r.WordBytes, BusWords: r.BusWords,
	}
}
