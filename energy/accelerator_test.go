package energy

import (
	"math"
	"testing"
)

// The tables of machines with a fixed array, recomputed from their sources: node,
// SRAM energy per 64 bits at 45 nm, and pJ per bit of memory.
// mac_cycle is fitted at 16 nm, see the test of NVDLA's primer, and scaled.
func TestArrayCoefficients(t *testing.T) {
	for name, c := range map[string]struct{ nm, sram, dram float64 }{
		"nvdla": {16, 20, 8.5}, "tpu1": {28, 100, 20}, "tpu2": {16, 100, 3.92 + 4.48},
		"eyeriss": {65, 20 * math.Pow(108.0/32, 0.464), 8}, "systolic": {28, 20 * math.Pow(2, 0.464), 20},
	} {
		f, err := NodeFactor(45, 0.9, c.nm, 0.9)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]float64{
			MACINT8: 0.3 * f, MACInt16: f, FMAFP16: 1.5 * f, MMABF16: (1.1*64/121 + 0.9) * f, ArrayByte: 0.072 * f, ScratchWord: f, AccWord: 10 * f,
			BufferByte: c.sram / 8 * f, SinglePoint: 0.3 * f, LayerCommand: 7000 * f, MACCycle: 0.0835 * f / 0.1873, DRAMByte: 8 * c.dram, HostByte: 32,
		}
		if name == "nvdla" { // its own SRAMs by CACTI 7 at 22 nm
			c, err := NodeFactor(22, 0.9, c.nm, 0.9)
			if err != nil {
				t.Fatal(err)
			}
			want[AccWord], want[BufferByte] = (0.7503+0.945)/4*c, 0.6911/8*c
		}
		for e, have := range readTable(t, name).Events {
			if w, ok := want[e]; !ok || math.Abs(have.PJ/w-1) > 0.01 {
				t.Errorf("%s: %s is %g pJ, its sources give %.4g", name, e, have.PJ, w)
			}
		}
	}
}
