package energy

import (
	"testing"

	"gpusim/configs"
)

// hmmaGEMM counts the events of a Tensor Core GEMM of m x n x k with a CTA tile
// of tm x 128 and 64 x 64 warp tiles of HMMA.884 (fp32 accumulate), by arithmetic
// on the tile: enough to check the power that the table implies, independent of
// the simulator.
func hmmaGEMM(m, n, k, tm uint64) []Count {
	fma := m * n * k
	steps := fma / 256            // 32 lanes x 8 multiply-adds
	slice := fma / (64 * 64 * 4)  // one warp tile, four deep: 16 MMAs, 64 steps
	lds := slice * 4              // A and B, 4 x 64 halves each, go to two quads: LDS.128 of two passes
	panel := 2*fma/128 + 2*fma/tm // bytes of A and B that CTA tiles read from L2
	warpPanel := panel / 128      // the same in 128-byte lines, staged once through STS
	instructions := slice*4 + panel/512*2 + slice*2
	dram := 2*(m*k+k*n) + 4*m*n
	return []Count{
		{MMAFP32, fma}, {WarpInstruction, steps + instructions}, {MMASlot, fma}, {LaneSlot, 32 * instructions}, {IntOp, 32 * slice * 2},
		// A and B of an MMA stay in the reuse cache over its four steps.
		{RFRead, steps*2 + steps/4*4 + warpPanel}, {RFWrite, 2*steps + 16*slice + warpPanel},
		{SharedWord, 64*lds + 32*warpPanel}, {SharedLane, 128*lds + 32*warpPanel}, {L1Sector, 4 * warpPanel},
		{L2SectorRead, panel / 32}, {XbarSector, panel / 32}, {XbarRequest, panel / 128},
		{DRAMSectorRead, dram / 32}, {DRAMActivate, dram / 32 / 16},
	}
}

// Board power of Tensor Core GEMMs, with events by arithmetic on tiles, against
// AccelWattch's measured rows (MICRO 2021, Quadro GV100), at the core voltage of the
// clock. Two coefficients are fitted to rows of which these are two, see TestFittedPower.
// The locked clock behind the cycle counts is given as 1132 or 1417 MHz; the bounds
// below hold for the higher one. At the lower one the rows would be priced lower by a
// fifth.
func TestTensorGEMMPower(t *testing.T) {
	v100, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	price := func(m, n, k, tm uint64, seconds float64, clock configs.Freq) (float64, float64) {
		events := append(hmmaGEMM(m, n, k, tm), Count{SMCycle, uint64(80 * seconds * float64(clock))})
		l, err := Build(AtVoltage(&v100.Energy, v100.GPU.Clock.VoltageAt(clock)), events, seconds)
		if err != nil {
			t.Fatal(err)
		}
		return l.PowerW(seconds), l.PayloadPct()
	}
	for _, r := range []struct {
		name             string
		m, n, k          uint64
		cycles, measured float64
	}{
		{"CUTLASS wmma", 2560, 512, 2560, 161781, 178.0},
		{"cudaTensorCoreGemm", 4096, 4096, 4096, 3871172, 182.0},
	} {
		w, pay := price(r.m, r.n, r.k, 128, r.cycles/1417e6, 1417e6)
		slow, _ := price(r.m, r.n, r.k, 128, r.cycles/1132e6, 1132e6)
		t.Logf("%s %dx%dx%d: measured %.0f W, priced %.0f W (%.0f W at 1132 MHz); payload %.1f %%", r.name, r.m, r.n, r.k, r.measured, w, slow, pay)
		if w < 0.85*r.measured || w > 1.15*r.measured {
			t.Errorf("%s: measured %.0f W, priced %.0f W", r.name, r.measured, w)
		}
	}
	// V100 SXM2 (300 W) sustains about 90 TFLOP/s on large GEMMs (256 x 128 tiles).
	w, pay := price(8192, 8192, 8192, 256, 2*8192.0*8192*8192/90e12, 1400e6)
	t.Logf("V100 SXM2 at 90 TFLOP/s: %.0f W, payload %.1f %%", w, pay)
	if w < 210 || w > 300 {
		t.Errorf("V100 SXM2 at 90 TFLOP/s priced at %.0f W, its cap is 300 W", w)
	}
	if pay < 1 || pay > 30 {
		t.Errorf("payload share of a Tensor Core GEMM of %.1f %% is not plausible", pay)
	}
}

// An FFMA of Kepler costs what GPUJoule measured on a K40, where an SM issues six a
// cycle: more than ten times the arithmetic in it.
func TestFFMAInstruction(t *testing.T) {
	table := readTable(t, "gk110")
	table.Static = map[string]configs.StaticPower{}
	const n = 6
	l, err := Build(&table, []Count{{FMAFP32, 32 * n}, {WarpInstruction, n}, {LaneSlot, 32 * n}, {RFRead, 3 * n}, {RFWrite, n}, {SMCycle, 1}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.TotalUJ*1e6/n, 50.0*32; got < 0.99*want || got > 1.01*want {
		t.Errorf("FFMA: %.0f pJ per warp, GPUJoule %.0f", got, want)
	}
	t.Logf("payload of an FFMA without static power: %.1f %%", l.PayloadPct())
}
