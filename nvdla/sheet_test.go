package nvdla

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// recordedRow is a layer of a recorded sheet.
type recordedRow struct {
	network, name string
	index         int // within the network
	layer         SheetLayer
	config        SheetConfig
	want          map[string]float64
}

func recordedSheet(t *testing.T, file string) []recordedRow {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Skip("no recorded sheets beside the repository")
	}
	defer f.Close()
	recs, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []recordedRow
	count := map[string]int{}
	for _, rec := range recs[1:] {
		get := func(name string) string {
			for i, h := range recs[0] {
				if h == name {
					return rec[i]
				}
			}
			t.Fatalf("no column %s", name)
			return ""
		}
		num := func(name string) float64 {
			v, err := strconv.ParseFloat(get(name), 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return v
		}
		net := get("network")
		if get("C") == "" {
			continue
		}
		i := count[net]
		count[net]++
		r := recordedRow{network: net, name: get("layer"), index: i, want: map[string]float64{}}
		n := func(name string) int { return int(num(name)) }
		r.layer = SheetLayer{C: n("C"), H: n("H"), W: n("W"), K: n("K"), R: n("R"), S: n("S"), SamePad: get("same_pad") == "1",
			StrideH: n("stride_h"), StrideW: n("stride_w"), OutH: n("outH_after_pool"), OutW: n("outW_after_pool"),
			FC: strings.HasPrefix(get("kind"), "fc"), Elementwise: strings.Contains(get("kind"), "elwise")}
		r.config = SheetConfig{MACs: n("macs"), CBUFKiB: num("cbuf_kb"), GBps: num("dram_gbps"), MHz: num("freq_mhz"), FCBatch: n("fc_batch"), ElemByte: 1}
		for _, c := range []string{"in_kib", "out_kib", "weight_kib", "dram_traffic_kib", "dram_cycles", "mac_cycles", "max_cycles"} {
			r.want[c] = num(c)
		}
		out = append(out, r)
	}
	return out
}

// Every cell of the four recorded sheets, 106 layers each.
func TestSheet(t *testing.T) {
	files, _ := filepath.Glob("../../shared/reference/nvdla_perf_[xm]*.csv")
	if len(files) == 0 {
		t.Skip("no recorded sheets beside the repository")
	}
	cells := 0
	for _, f := range files {
		for _, r := range recordedSheet(t, f) {
			rules, err := SheetRulesOf(r.network, r.index)
			if err != nil {
				t.Fatal(err)
			}
			got := Sheet(r.layer, r.config, rules)
			for name, v := range map[string]float64{
				"in_kib": got.InKiB, "out_kib": got.OutKiB, "weight_kib": got.WeightKiB, "dram_traffic_kib": got.TrafficKiB,
				"dram_cycles": got.DRAMCycles, "mac_cycles": got.MACCycles, "max_cycles": got.Cycles,
			} {
				cells++
				if math.Abs(v-r.want[name]) > 1e-9*math.Max(1, r.want[name]) {
					t.Errorf("%s %s %s: %s %v, sheet %v", filepath.Base(f), r.network, r.name, name, v, r.want[name])
				}
			}
		}
	}
	t.Logf("%d cells", cells)
}

// The built-in ResNet-50 is the sheet's, layer by layer.
func TestSheetResNet50(t *testing.T) {
	own, i := sheetResNet50(), 0
	for _, r := range recordedSheet(t, "../../shared/reference/nvdla_perf_xlsx_default.csv") {
		if r.network != "ResNet50" {
			continue
		}
		l := r.layer
		if l.R == 1 { // padding does not matter
			l.SamePad = own[i].SamePad
		}
		if i < len(own) && l != own[i] {
			t.Errorf("layer %d %s: %+v, sheet %+v", i, r.name, own[i], l)
		}
		i++
	}
	if i != len(own) {
		t.Errorf("%d layers, sheet %d", len(own), i)
	}
}

// ResNet-50 in the seven sizes of the primer: its frames a second to the last
// printed digit.
func TestPrimer(t *testing.T) {
	for _, p := range []struct {
		macs       int
		cbuf, gbps float64
		fps        string
	}{
		{2048, 512, 20, "269"}, {1024, 256, 15, "153"}, {512, 256, 10, "93"}, {256, 256, 5, "46"},
		{128, 256, 2, "20"}, {64, 128, 1, "7.3"}, {32, 128, 0.5, "3.6"},
	} {
		c := SheetConfig{MACs: p.macs, CBUFKiB: p.cbuf, GBps: p.gbps, MHz: 1000, FCBatch: 1, ElemByte: 1}
		digits := 0
		if strings.Contains(p.fps, ".") {
			digits = 1
		}
		if got := strconv.FormatFloat(SheetImagesPerSecond(c), 'f', digits, 64); got != p.fps {
			t.Errorf("%d MACs: %s frames a second, primer %s", p.macs, got, p.fps)
		}
	}
}
