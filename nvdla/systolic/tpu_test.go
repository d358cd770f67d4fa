package systolic

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func tpu1() *TPU {
	return &TPU{Rows: 256, Cols: 256, Hz: 700e6, WeightBytes: 1, MemoryRate: 34e9, FIFOTiles: 4, Accumulators: 4096,
		ShiftCycles: 256, HostRate: 10 * (1 << 30), SyncCycles: 3300, Cores: 1}
}

// app is a row of Table 1 and what Table 3 has measured of it.
type app struct {
	TPUApp
	tops                     float64
	active, stall, shift, nm float64 // percent of cycles
}

// SyncCycles is fitted to the stalls on results (RAW) of MLP0 in Table 3: 3.3 %
// of the cycles over five layers. MLP1 and LSTM0 check it.
func TestTPU1Applications(t *testing.T) {
	for _, a := range []app{
		{TPUApp{Name: "MLP0", FC: 5, Conv: 0, Vector: 0, Weights: 20e6, Batch: 200, Points: 1, Passes: 1}, 12.3, 12.7, 53.9, 15.9, 17.5},
		{TPUApp{Name: "MLP1", FC: 4, Conv: 0, Vector: 0, Weights: 5e6, Batch: 168, Points: 1, Passes: 1}, 9.7, 10.6, 44.2, 13.4, 31.9},
		{TPUApp{Name: "LSTM0", FC: 24, Conv: 0, Vector: 34, Weights: 52e6, Batch: 64, Points: 1, Passes: 2}, 3.7, 8.2, 58.1, 15.8, 17.9},
		{TPUApp{Name: "LSTM1", FC: 37, Conv: 0, Vector: 19, Weights: 34e6, Batch: 96, Points: 1, Passes: 2}, 2.8, 10.5, 62.1, 17.1, 10.3},
		{TPUApp{Name: "CNN0", FC: 0, Conv: 16, Vector: 0, Weights: 8e6, Batch: 8, Points: 361, Passes: 1}, 86, 78.2, 0, 0, 21.8},
		{TPUApp{Name: "CNN1", FC: 0, Conv: 72, Vector: 0, Weights: 100e6, Batch: 32, Points: 55, Passes: 1}, 14.1, 46.2, 28.1, 7, 18.7},
	} {
		m := tpu1()
		job := a.Job(m)
		r := m.Run(job)
		pct := func(v float64) float64 { return 100 * v / r.Cycles }
		tops := 2 * r.MACs / (r.Cycles / m.Hz) / 1e12
		if s := r.Active + r.Stall + r.Shift + r.Sync + r.Host; math.Abs(s-r.Cycles) > 1e-6*r.Cycles {
			t.Errorf("%s: parts sum to %.0f of %.0f cycles", a.Name, s, r.Cycles)
		}
		t.Logf("%-5s width %4d: %5.2f TOPS (%5.2f, %+.1f %%); active %4.1f (%4.1f), weight stall %4.1f (%4.1f), shift %4.1f (%4.1f), rest %4.1f (%4.1f): sync %.1f host %.1f",
			a.Name, job.Layers[0].N, tops, a.tops, 100*(tops/a.tops-1), pct(r.Active), a.active, pct(r.Stall), a.stall, pct(r.Shift), a.shift, pct(r.Sync+r.Host), a.nm, pct(r.Sync), pct(r.Host))
		if a.Name == "LSTM1" || a.Conv > 0 {
			continue
		}
		if math.Abs(tops/a.tops-1) > 0.15 {
			t.Errorf("%s: %.2f TOPS, measured %.2f", a.Name, tops, a.tops)
		}
		for _, s := range []struct {
			name      string
			got, want float64
		}{{"active", pct(r.Active), a.active}, {"weight stall", pct(r.Stall), a.stall}, {"weight shift", pct(r.Shift), a.shift}} {
			if math.Abs(s.got-s.want) > 8 {
				t.Errorf("%s: %s %.1f %%, measured %.1f %%", a.Name, s.name, s.got, s.want)
			}
		}
	}
}

// A 600 x 600 matrix takes nine tiles of 2 us (Jouppi et al., section 7), and
// four of 8 us with an array of twice the width.
func TestTPUTiles(t *testing.T) {
	j := TPUJob{Layers: []TPULayer{{Rows: 96, K: 600, N: 600}}}
	m := tpu1()
	m.SyncCycles = 0
	small := m.Run(j)
	wide := *m
	wide.Rows, wide.Cols, wide.ShiftCycles = 512, 512, 512
	big := wide.Run(j)
	us := func(r TPURun) float64 { return r.Cycles / 700 }
	if small.Tiles != 9 || us(small) < 17 || us(small) > 19 {
		t.Errorf("%d tiles, %.1f us, want 9 and 18", small.Tiles, us(small))
	}
	if big.Tiles != 4 || us(big) < 30 || us(big) > 34 {
		t.Errorf("%d tiles, %.1f us, want 4 and 32", big.Tiles, us(big))
	}
	// Enough rows hide the weights: the array is never idle but at the beginning.
	r := m.Run(TPUJob{Layers: []TPULayer{{Rows: 2048, K: 2048, N: 2048}}})
	if r.Active/r.Cycles < 0.98 || r.Active != 64*2048 {
		t.Errorf("active %.0f of %.0f cycles", r.Active, r.Cycles)
	}
}

// The closed form and the tile by tile model agree within a third where layers have
// several tiles.
func TestTPUClosedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := tpu1()
		m.SyncCycles = rapid.SampledFrom([]int{0, 300, 3300}).Draw(t, "sync")
		var j TPUJob
		for range rapid.IntRange(1, 6).Draw(t, "layers") {
			j.Layers = append(j.Layers, TPULayer{Rows: rapid.IntRange(1, 5000).Draw(t, "rows"), K: rapid.IntRange(600, 3000).Draw(t, "k"),
				N: rapid.IntRange(600, 3000).Draw(t, "n"), Passes: rapid.IntRange(1, 2).Draw(t, "passes")})
		}
		r, c := m.Run(j).Cycles, m.Closed(j)
		if c > 1.35*r || r > 1.35*c {
			t.Fatalf("closed form %.0f cycles, tile by tile %.0f", c, r)
		}
	})
}

// Twice the memory rate, a deeper FIFO or a faster host never slow a job.
func TestTPUMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := TPUJob{InBytes: 1e5, OutByte: 1e5}
		for range rapid.IntRange(1, 5).Draw(t, "layers") {
			j.Layers = append(j.Layers, TPULayer{Rows: rapid.IntRange(1, 4000).Draw(t, "rows"), K: rapid.IntRange(1, 2000).Draw(t, "k"), N: rapid.IntRange(1, 2000).Draw(t, "n")})
		}
		base := tpu1().Run(j).Cycles
		for name, change := range map[string]func(*TPU){
			"memory": func(m *TPU) { m.MemoryRate *= 2 }, "fifo": func(m *TPU) { m.FIFOTiles *= 2 }, "host": func(m *TPU) { m.HostRate *= 2 },
			"shift": func(m *TPU) { m.ShiftCycles /= 2 }, "sync": func(m *TPU) { m.SyncCycles /= 2 },
		} {
			m := tpu1()
			change(m)
			if got := m.Run(j).Cycles; got > base+1e-6 {
				t.Fatalf("%s: %.0f cycles, before %.0f", name, got, base)
			}
		}
	})
}
