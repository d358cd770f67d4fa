package systolic

import (
	"math"
	"testing"
)

func tpu1() *TPU {
	return &TPU{Rows: 256, Cols: 256, Hz: 700e6, WeightBytes: 1, MemoryRate: 34e9, FIFOTiles: 4, Accumulators: 4096,
		ShiftCycles: 256, HostRate: 10 * (1 << 30), SyncCycles: 3300, Cores: 1}
}

// app is a row of Table 1 of Jouppi et al., ISCA 2017, and what Table 3 has
// measured of it.
type app struct {
	name                     string
	fc, conv, vector         int
	weights                  float64 // millions
	batch, points            int
	passes                   int
	tops                     float64
	active, stall, shift, nm float64 // percent of cycles
}

// job derives the layers from Table 1 alone: all layers are equal and square,
// their width is the square root of the weights of a layer, rounded up to whole
// tiles of the array (that MLP0, MLP1 and LSTM0 leave 0.3, 1.2 and 0.0 % of the
// peak to unused units says that they nearly fill their tiles). Inputs and
// outputs of a batch are one vector of that width each. Convolutions are 3 x 3.
func (a *app) job() TPUJob {
	taps := 1.0
	n := a.fc
	if a.conv > 0 {
		taps, n = 9, a.conv
	}
	width := int(math.Ceil(math.Sqrt(a.weights*1e6/float64(n)/taps)/256)) * 256
	var j TPUJob
	for i := range max(n, n+a.vector) {
		if i%max(1, (n+a.vector)/n) == 0 && n > 0 && len(j.Layers)-vectors(j) < n {
			j.Layers = append(j.Layers, TPULayer{Rows: a.batch * a.points, K: width * int(taps), N: width, Passes: a.passes})
		} else {
			j.Layers = append(j.Layers, TPULayer{Rows: a.batch})
		}
	}
	bytes := float64(a.batch * a.points * width * a.passes)
	j.InBytes, j.OutByte = bytes, bytes
	return j
}

func vectors(j TPUJob) (n int) {
	for _, l := range j.Layers {
		if l.K == 0 {
			n++
		}
	}
	return n
}

// SyncCycles is fitted to the stalls on results (RAW) of MLP0 in Table 3: 3.3 %
// of the cycles over five layers. MLP1 and LSTM0 check it.
func TestTPU1Applications(t *testing.T) {
	for _, a := range []app{
		{name: "MLP0", fc: 5, weights: 20, batch: 200, points: 1, passes: 1, tops: 12.3, active: 12.7, stall: 53.9, shift: 15.9, nm: 17.5},
		{name: "MLP1", fc: 4, weights: 5, batch: 168, points: 1, passes: 1, tops: 9.7, active: 10.6, stall: 44.2, shift: 13.4, nm: 31.9},
		{name: "LSTM0", fc: 24, vector: 34, weights: 52, batch: 64, points: 1, passes: 2, tops: 3.7, active: 8.2, stall: 58.1, shift: 15.8, nm: 17.9},
		{name: "LSTM1", fc: 37, vector: 19, weights: 34, batch: 96, points: 1, passes: 2, tops: 2.8, active: 10.5, stall: 62.1, shift: 17.1, nm: 10.3},
		{name: "CNN0", conv: 16, weights: 8, batch: 8, points: 361, passes: 1, tops: 86, active: 78.2, stall: 0, shift: 0, nm: 21.8},
		{name: "CNN1", conv: 72, weights: 100, batch: 32, points: 55, passes: 1, tops: 14.1, active: 46.2, stall: 28.1, shift: 7, nm: 18.7},
	} {
		m := tpu1()
		r := m.Run(a.job())
		pct := func(v float64) float64 { return 100 * v / r.Cycles }
		tops := 2 * r.MACs / (r.Cycles / m.Hz) / 1e12
		if s := r.Active + r.Stall + r.Shift + r.Sync + r.Host; math.Abs(s-r.Cycles) > 1e-6*r.Cycles {
			t.Errorf("%s: parts sum to %.0f of %.0f cycles", a.name, s, r.Cycles)
		}
		t.Logf("%-5s width %4d: %5.2f TOPS (%5.2f, %+.1f %%); active %4.1f (%4.1f), weight stall %4.1f (%4.1f), shift %4.1f (%4.1f), rest %4.1f (%4.1f): sync %.1f host %.1f",
			a.name, a.job().Layers[0].N, tops, a.tops, 100*(tops/a.tops-1), pct(r.Active), a.active, pct(r.Stall), a.stall, pct(r.Shift), a.shift, pct(r.Sync+r.Host), a.nm, pct(r.Sync), pct(r.Host))
		if a.name == "LSTM1" || a.conv > 0 {
			continue
		}
		if math.Abs(tops/a.tops-1) > 0.15 {
			t.Errorf("%s: %.2f TOPS, measured %.2f", a.name, tops, a.tops)
		}
		for _, s := range []struct {
			name      string
			got, want float64
		}{{"active", pct(r.Active), a.active}, {"weight stall", pct(r.Stall), a.stall}, {"weight shift", pct(r.Shift), a.shift}} {
			if math.Abs(s.got-s.want) > 8 {
				t.Errorf("%s: %s %.1f %%, measured %.1f %%", a.name, s.name, s.got, s.want)
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
