package systolic

import (
	"math"
	"testing"
)

func eyeriss() *RowStationary {
	return &RowStationary{Rows: 12, Cols: 14, FilterWords: 224, InputWords: 12, SumWords: 24, BufferBytes: 100 << 10, WordBytes: 2, BusWords: 4}
}

// AlexNet at batch 4 on the chip: processing latency of Table V of Chen et al.,
// JSSC 2017, at 200 MHz; the cuts of Table III, as recalled.
func TestEyerissAlexNet(t *testing.T) {
	a := eyeriss()
	sum := 0.0
	for _, l := range []struct {
		name   string
		conv   RSConv
		pass   Pass
		ms     float64
		active int
	}{
		{"CONV1", RSConv{4, 3, 227, 227, 96, 11, 11, 4, 1}, Pass{M: 96, N: 1, E: 7, P: 16, Q: 1, R: 1, T: 2}, 16.5, 154},
		{"CONV2", RSConv{4, 96, 31, 31, 256, 5, 5, 1, 2}, Pass{M: 64, N: 1, E: 27, P: 16, Q: 2, R: 1, T: 1}, 39.2, 135},
		{"CONV3", RSConv{4, 256, 15, 15, 384, 3, 3, 1, 1}, Pass{M: 64, N: 4, E: 13, P: 16, Q: 4, R: 1, T: 4}, 21.8, 156},
		{"CONV4", RSConv{4, 384, 15, 15, 384, 3, 3, 1, 2}, Pass{M: 64, N: 4, E: 13, P: 16, Q: 3, R: 2, T: 2}, 16.0, 156},
		{"CONV5", RSConv{4, 384, 15, 15, 256, 3, 3, 1, 2}, Pass{M: 64, N: 4, E: 13, P: 16, Q: 3, R: 2, T: 2}, 10.0, 156},
	} {
		r := a.Time(&l.conv, l.pass)
		if err := a.check(&l.conv, l.pass); err != nil {
			t.Logf("%s: the published cut does not fit: %v", l.name, err)
		}
		own, err := a.Map(&l.conv)
		if err != nil {
			t.Fatal(err)
		}
		ms, ownMS := float64(r.Cycles)/200e3, float64(own.Cycles)/200e3
		e := 100 * (ms/l.ms - 1)
		sum += math.Abs(e) / 5
		t.Logf("%s: %.2f ms (%.1f, %+.1f %%), DRAM %.1f MB, buffer %.1f MB; own cut %+v %.2f ms (%+.1f %%)", l.name, ms, l.ms, e,
			float64(r.DRAMBytes)/1e6, 2*float64(r.BufferWords)/1e6, own.Pass, ownMS, 100*(ownMS/l.ms-1))
		if math.Abs(e) > 8 {
			t.Errorf("%s: %.2f ms, measured %.1f", l.name, ms, l.ms)
		}
		if r.Active != l.active {
			t.Errorf("%s: %d elements, published %d", l.name, r.Active, l.active)
		}
	}
	t.Logf("mean error %.1f %%", sum)
}
