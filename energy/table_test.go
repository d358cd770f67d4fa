package energy

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"gpusim/configs"
)

// readTable reads an energy file by itself: this package stands below whatever
// puts machine files together.
func readTable(t testing.TB, name string) configs.Energy {
	t.Helper()
	text, err := os.ReadFile("../configs/energy/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var raw struct {
		PowerScope string `yaml:"power_scope"`
		Events     map[string]struct {
			PJ     float64 `yaml:"pj"`
			Column string  `yaml:"column"`
		} `yaml:"events"`
		Static map[string]struct {
			Power  string `yaml:"power"`
			Column string `yaml:"column"`
		} `yaml:"static"`
	}
	if err := yaml.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	e := configs.Energy{PowerScope: raw.PowerScope, Events: map[string]configs.EnergyEvent{}, Static: map[string]configs.StaticPower{}}
	for k, x := range raw.Events {
		e.Events[k] = configs.EnergyEvent{PJ: x.PJ, Column: x.Column}
	}
	for k, s := range raw.Static {
		v, err := strconv.ParseFloat(strings.TrimSuffix(s.Power, " W"), 64)
		if err != nil {
			t.Fatalf("%s: %v", k, err)
		}
		e.Static[k] = configs.StaticPower{Power: configs.Power(v), Column: s.Column}
	}
	return e
}

// gpuTables are the tables that follow gv100's derivation: technology, die, power
// limit, pJ per bit of L1 and of L2 with the crossbar, and of DRAM: the device, what
// lies on the die at 28 nm (to be scaled) or at this node, and KB of a row.
var gpuTables = map[string]struct {
	nm, die, tdp, l1, l2, device, phy, controller, rowKB float64
}{
	"gk110": {28, 561, 235, 5.85, 15.48, 14.0, 16.55, 0, 2},
	"gm200": {28, 601, 250, 5.85, 15.48, 14.0, 16.55, 0, 2},
	"gp100": {16, 610, 250, 1.59, 3.12, 3.92, 0, 4.48, 1},
	"gp102": {16, 471, 250, 1.59, 3.12, (14.0 + 7.5*3.92/6.0) / 2, 16.55, 0, 2},
	"gp104": {16, 314, 75, 1.59, 3.12, 14.0, 16.55, 0, 2},
	"gv11b": {16, 350, 30, 1.59, 3.12, 8.5, 0, 4.48, 2},
	"tu10x": {16, 545, 70, 1.59, 3.12, 7.5 * 3.92 / 6.0, 16.55, 0, 2},
	"ga100": {7, 826, 400, 1.59, 3.12, 3.92, 0, 4.48, 1},
	"ga10x": {8, 628, 300, 1.59, 3.12, 7.5 * 3.92 / 6.0, 16.55, 0, 2},
	"ad104": {7, 295, 72, 1.59, 3.12, 7.5 * 3.92 / 6.0, 16.55, 0, 2},
	"gh100": {7, 814, 700, 1.45, 3.42, 11.68 - 4.87, 0, 0, 1},
}

// Every coefficient that a table derives can be recomputed from its sources.
func TestCoefficientsFollowFromTheirSources(t *testing.T) {
	factor := func(from, to float64) float64 {
		f, err := NodeFactor(from, 0.9, to, 0.9)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f16, f14, f22 := factor(45, 16), factor(45, 14), factor(45, 22)
	const fma32, fma64 = 3.7 + 0.9, 3.7*(53.0/24)*(53.0/24) + 0.9*53.0/24
	gv := readTable(t, "gv100").Events
	// Registers, latches of a lane and of a Tensor Core at a node.
	small := func(nm float64) (read, write, lane, slot float64) {
		read, write = 0.6911/64*1024*factor(22, nm), 1.0221/64*1024*factor(22, nm)
		lane = 128 * 0.009 * factor(40, nm)
		return read, write, lane, 9.109/8*(fma32*factor(45, nm)+lane) - 2.0*factor(45, nm)
	}
	rd16, wr16, lane16, slot16 := small(16)
	const wire = 0.1 * 2.0 / 3 * 28.548 // pJ per bit over 2/3 of sqrt(815 mm2)
	want := map[string]map[string]float64{
		"gv100": {
			FMAFP32: fma32 * f16, FMAFP64: fma64 * f16, FMAFP16: 1.5 * f16, MACINT8: 0.3 * f16, MMAFP32: 2.0 * f16, MMAFP16: 1.5 * f16,
			SFUOp: 2.072 * fma32 * f16, IntOp: (3*0.1 + 3.2) / 4 * f16,
			RFRead: rd16, RFWrite: wr16, LaneSlot: lane16, MMASlot: slot16,
			L1Sector: 1.59 * 256, SharedWord: 1.59 * 5.32 / 5.85 * 16, SharedLane: 1.59 * 5.32 / 5.85 * 16,
			XbarSector: wire * 256, XbarRequest: wire * 64,
			L2SectorRead: (4.71 - 1.59 - wire) * 256, L2SectorWrite: (4.71 - 1.59 - wire) * 256,
			DRAMSectorRead: (2.24 + 0.30 + 0.17 + 13.11 - 4.71 - 3.92) * 256, DRAMSectorWrite: (2.24 + 0.30 + 0.17 + 4.48) * 256,
			DRAMActivate: 909,
		},
		"skylake-sp": {
			FMAFP32: fma32 * f14, FMAFP64: fma64 * f14, CPURegRead: 10 * f14, CPURegWrite: 10 * f14, CPUL1Word: 20 * f14,
			CPUL2Line: 800 * f14, CPUL3Line: 8 * 116 * f14, CPUMeshLine: 0.1 * 512 * 17.56, CPUDRAMLine: 10240,
		},
		"haswell-ep": {
			FMAFP32: fma32 * f22, FMAFP64: fma64 * f22, CPURegRead: 10 * f22, CPURegWrite: 10 * f22, CPUL1Word: 20 * f22,
			CPUL2Line: 8 * 52.5 * f22, CPUL3Line: 8 * 153 * f22, CPUMeshLine: 0.1 * 512 * 17.15, CPUDRAMLine: 10240,
		},
	}
	for name, c := range gpuTables {
		f, r28, wire := factor(45, c.nm), factor(28, c.nm), 0.1*2/3*math.Sqrt(c.die)
		rd, wr, lane, slot := small(c.nm)
		warp, cycle := gv[WarpInstruction].PJ*factor(16, c.nm), gv[SMCycle].PJ*factor(16, c.nm)
		if name == "gk110" { // measured on this generation; an SM issues six a cycle
			warp = 50*32 - 3*rd - wr - 32*fma32*f - 32*lane - cycle/6
		}
		want[name] = map[string]float64{
			FMAFP32: fma32 * f, FMAFP64: fma64 * f, FMAFP16: 1.5 * f, MACINT8: 0.3 * f, MMAFP32: 2.0 * f, MMAFP16: 1.5 * f,
			SFUOp: 2.072 * fma32 * f, IntOp: (3*0.1 + 3.2) / 4 * f, RFRead: rd, RFWrite: wr,
			WarpInstruction: warp, SMCycle: cycle, LaneSlot: lane, MMASlot: slot,
			L1Sector: c.l1 * 256, SharedWord: c.l1 * 5.32 / 5.85 * 16, SharedLane: c.l1 * 5.32 / 5.85 * 16,
			XbarSector: wire * 256, XbarRequest: wire * 64,
			L2SectorRead: (c.l2 - wire) * 256, L2SectorWrite: (c.l2 - wire) * 256,
			DRAMSectorRead: (c.device + c.phy*r28 + c.controller - 1.21) * 256, DRAMSectorWrite: (c.device + c.phy*r28 + c.controller - 1.21) * 256,
			DRAMActivate: 909 * c.rowKB,
		}
		want[name][MMATF32], want[name][MMAInt8] = 2.0*f, 0.3*f
		want[name][MMABF16], want[name][MMAFP8] = (1.1*64/121+0.9)*f, (1.1*16/121+0.9)*f
		static := readTable(t, name).Static
		leak := 38.6 * c.die / 815
		if name == "gv11b" {
			leak = 38.6 * 8 / 80
		}
		for s, w := range map[string]float64{Leakage: leak, BoardConstant: 32.325 * c.tdp / 250} {
			if got := float64(static[s].Power); math.Abs(got/w-1) > 0.01 {
				t.Errorf("%s: %s = %g W, scaling gives %.3g", name, s, got, w)
			}
		}
	}
	byFit := map[string]bool{CPUInstruction: true, CPUVectorLane: true, WarpInstruction: true, SMCycle: true, FP32Lane: true} // checked beside their fits
	for _, name := range sortedKeys(want) {
		table := readTable(t, name)
		for _, c := range sortedKeys(table.Events) {
			w, ok := want[name][c]
			if !ok && !byFit[c] {
				t.Errorf("%s: %s is not derived here", name, c)
			}
			if got := table.Events[c].PJ; ok && (got < 0.99*w || got > 1.01*w) {
				t.Errorf("%s: %s = %g pJ, derivation gives %.4g", name, c, got, w)
			}
		}
	}
}

// The two fitted CPU coefficients solve the equation they are said to be
// fitted on.
func TestFittedCPUCoefficients(t *testing.T) {
	var sx, sy, sxx, sxy float64
	for _, p := range []struct{ lanes, ghz float64 }{{8, 3.2}, {16, 2.8}, {32, 2.3}} {
		nj := (205 - 58) / 28.0 / p.ghz
		sx, sy, sxx, sxy = sx+p.lanes, sy+nj, sxx+p.lanes*p.lanes, sxy+p.lanes*nj
	}
	slope := (3*sxy - sx*sy) / (3*sxx - sx*sx)
	base := (sy - slope*sx) / 3
	e := readTable(t, "skylake-sp").Events
	perCycle := 3.2*e[CPUInstruction].PJ + 24
	if d := perCycle/1000/base - 1; d > 0.01 || d < -0.01 {
		t.Errorf("instructions: %.0f pJ per cycle, fit says %.0f", perCycle, 1000*base)
	}
	lanes := 32*(e[CPUVectorLane].PJ+e[FMAFP32].PJ) + 73*e[CPURegRead].PJ + 2.1*e[CPUL1Word].PJ
	if d := lanes/1000/(32*slope) - 1; d > 0.01 || d < -0.01 {
		t.Errorf("lanes: %.0f pJ per cycle, fit says %.0f", lanes, 32000*slope)
	}
}
