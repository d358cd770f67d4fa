package report

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/validate"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", name, got)
	}
}

// ledger has 60 uJ of payload, 20 of DRAM and 20 of leakage.
func ledger() energy.Ledger {
	return energy.Ledger{Scope: "chip", TotalUJ: 100, Rows: []energy.Row{
		{Component: "mma_fma_fp32", Column: energy.Payload, Events: 60_000_000, PJPerEvent: 1, EnergyUJ: 60},
		{Component: "dram_sector_read", Column: energy.DRAM, Events: 20_000, PJPerEvent: 1000, EnergyUJ: 20, DownUJ: 7.5, UpUJ: 24},
		{Component: "leakage", Column: energy.Static, EnergyUJ: 20},
	}}
}

func entries() []Entry {
	m := &configs.Machine{Name: "toy", Description: "a machine for tests", DieMM2: 100}
	nan := math.NaN()
	base := gpusim.Result{Machine: "old-cpu", DType: "fp32", TimeUS: 50, Energy: energy.Ledger{TotalUJ: 1000, Rows: []energy.Row{{}}}}
	long := "gemm:m=64,n=64,k=64,dtype=fp32,acc=fp32,ta=n,tb=n,batch=1,order=col,kernel=a_rather_long_kernel_name"
	return []Entry{
		{
			Machine: m, Workload: "gemm:m=100,n=100,k=100,dtype=fp16", Label: "gemm:100x100x100:fp16", Baseline: &base,
			Result: gpusim.Result{
				Machine: "toy", DType: "fp16", Batch: 1, GPUs: 1, TimeUS: 2, TimeLoUS: 1, TimeHiUS: 3, Ops: 2e6, PeakTOPS: 4, Bound: "compute",
				Energy: ledger(), ClockMHz: 1380, DRAMBytes: 640_000, L2HitPct: 12.5, Fidelity: gpusim.Sampled, SimulatedPct: 50, WarpInsts: 12345,
				Layers: []gpusim.Layer{
					{Name: "gemm_nn", Kernel: "k_128x64", Grid: "1x2x1", CTATile: "128x64x8", Waves: 0.0125, Occupancy: 0.25, TimeUS: 1.5, Ops: 2e6, Bound: "compute",
						WarpInsts: 12000, DRAMBytes: 600_000, L2HitPct: 12.5, Energy: ledger(), Stalls: []gpusim.Stall{{Reason: "issued", Slots: 60}, {Reason: "barrier", Slots: 20}}},
					{Name: "gemm_nn", Kernel: "reduce", Grid: "4x1x1", CTATile: "", Waves: nan, Occupancy: 1, TimeUS: 0.5, Bound: "dram",
						WarpInsts: 345, DRAMBytes: 40_000, L2HitPct: nan, Energy: ledger(), Stalls: []gpusim.Stall{{Reason: "issued", Slots: 20}}},
				},
			},
		},
		{
			Machine: m, Workload: long, Label: long,
			Result: gpusim.Result{
				Machine: "toy", DType: "fp32", Batch: 1, GPUs: 1, TimeUS: 1234567.891, TimeLoUS: 1234567.891, TimeHiUS: 1234567.891, Ops: 524288, PeakTOPS: nan,
				Bound: "latency", ClockMHz: nan, DRAMBytes: nan, L2HitPct: nan, Fidelity: gpusim.Analytic, SimulatedPct: 0, WarpInsts: nan,
			},
		},
		{Machine: m, Workload: "gemm:m=1", Err: errors.New("deadlock:\n warp 3 waits")},
	}
}

// contract are the column names of the public contract, in its order.
var contract = map[string]string{
	"summary.csv": "machine,workload,dtype,batch,gpus,time_us,time_lo_us,time_hi_us,ops,tops,peak_pct,images_per_s,bound,energy_uj,energy_lo_uj,energy_hi_uj,pj_per_op,power_w,power_scope,payload_energy_pct,clock_mhz,area_mm2,tops_per_w,tops_per_mm2,dram_bytes,l2_hit_pct,fallback_us,baseline_machine,baseline_dtype,speedup,energy_ratio,fidelity,simulated_pct,warp_instructions,error",
	"energy.csv":  "machine,workload,layer,component,events,pj_per_event,energy_uj,share_pct",
	"stalls.csv":  "machine,workload,layer,reason,issue_slots,share_pct",
}

func read(t *testing.T, data []byte) []map[string]string {
	t.Helper()
	recs, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, r := range recs[1:] {
		m := map[string]string{}
		for i, name := range recs[0] {
			m[name] = r[i]
		}
		out = append(out, m)
	}
	return out
}

func TestColumns(t *testing.T) {
	files := map[string]string{}
	all, err := RunFiles(entries())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		files[f.Name], _, _ = strings.Cut(string(f.Data), "\n")
		if !slices.Contains(resultNames, f.Name) {
			t.Errorf("%s is not known as a result's file", f.Name)
		}
	}
	if files["summary.csv"] != contract["summary.csv"] || files["stalls.csv"] != contract["stalls.csv"] {
		t.Errorf("headers changed: %v", files)
	}
	if files["layers.csv"] != contract["summary.csv"]+",layer,kernel,grid,cta_tile,waves,occupancy" {
		t.Errorf("layers.csv: %s", files["layers.csv"])
	}
	if files["energy.csv"] != contract["energy.csv"]+",ledger,energy_lo_uj,energy_hi_uj" {
		t.Errorf("energy.csv: %s", files["energy.csv"])
	}
	// The contract's own text, where it is at hand.
	text, err := os.ReadFile("../../shared/INTERFACE.md")
	if err != nil {
		t.Log("the contract is not at hand:", err)
		return
	}
	for name, want := range contract {
		m := regexp.MustCompile("`" + regexp.QuoteMeta(name) + "`[^`]*`([a-z0-9_,]+)`").FindStringSubmatch(string(text))
		if m == nil || m[1] != want {
			t.Errorf("%s: the contract says %v", name, m)
		}
	}
}

func TestDerivedFigures(t *testing.T) {
	rows := read(t, SummaryCSV(entries()))
	if len(rows) != 3 || rows[0]["workload"] != "gemm:m=1" {
		t.Fatalf("rows are not sorted by key: %v", rows)
	}
	for name, want := range map[string]string{
		"tops": "1", "peak_pct": "25", "energy_uj": "100", "energy_lo_uj": "87.5", "energy_hi_uj": "126", // 7.5 less and 24 more of DRAM; static 20 uJ at half and at 1.5 times the time, in quadrature
		"pj_per_op": "50", "power_w": "50", "payload_energy_pct": "60", "tops_per_w": "0.02", "tops_per_mm2": "0.01",
		"speedup": "25", "energy_ratio": "10", "baseline_machine": "old-cpu", "baseline_dtype": "fp32", "power_scope": "chip",
		"images_per_s": "", "fallback_us": "", "error": "", "dram_bytes": "640000", "warp_instructions": "12345",
	} {
		if got := rows[1][name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"peak_pct", "energy_uj", "power_w", "pj_per_op", "payload_energy_pct", "clock_mhz", "speedup", "energy_ratio", "baseline_machine"} {
		if got := rows[2][name]; got != "" {
			t.Errorf("%s does not apply but is %q", name, got)
		}
	}
	if rows[2]["simulated_pct"] != "0" {
		t.Errorf("a real zero is %q", rows[2]["simulated_pct"])
	}
	for name, got := range rows[0] {
		if want := map[string]string{"machine": "toy", "workload": "gemm:m=1", "area_mm2": "100", "error": "deadlock: warp 3 waits"}[name]; got != want {
			t.Errorf("failed row: %s = %q, want %q", name, got, want)
		}
	}
}

// What only moves data has no operations, and what is no chip no area: nothing that
// follows from them is 0.
func TestWhatDoesNotApplyIsEmpty(t *testing.T) {
	e := entries()[:1]
	e[0].Result.Ops, e[0].Result.Layers[0].Ops = 0, 0
	e[0].Machine = &configs.Machine{Name: "array"}
	for _, rows := range [][]map[string]string{read(t, SummaryCSV(e)), read(t, LayersCSV(e)), read(t, CompareCSV(e))} {
		for _, name := range []string{"ops", "tops", "peak_pct", "tops_per_w", "pj_per_op", "area_mm2", "tops_per_mm2"} {
			if got := rows[0][name]; got != "" {
				t.Errorf("%s does not apply but is %q", name, got)
			}
		}
		if rows[0]["time_us"] == "" || rows[0]["power_w"] == "" {
			t.Errorf("%v", rows[0])
		}
	}
}

func energyCSV(t *testing.T) []byte {
	t.Helper()
	b, err := EnergyCSV(entries())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMixedScopesAreRefused(t *testing.T) {
	es := entries()
	es[0].Result.Layers[1].Energy.Scope = "board"
	if _, err := RunFiles(es); err == nil || !strings.Contains(err.Error(), "layer gemm_nn") {
		t.Error(err)
	}
}

func TestSharesSumUp(t *testing.T) {
	for _, c := range []struct {
		data  []byte
		value string
		total float64
	}{{energyCSV(t), "energy_uj", 200}, {StallsCSV(entries()), "issue_slots", 100}} {
		var pct, sum float64
		keys := map[string]bool{}
		for _, r := range read(t, c.data) {
			p, err1 := strconv.ParseFloat(r["share_pct"], 64)
			v, err2 := strconv.ParseFloat(r[c.value], 64)
			if err1 != nil || err2 != nil {
				t.Fatal(r)
			}
			pct, sum = pct+p, sum+v
			key := r["workload"] + r["layer"] + r["component"] + r["reason"]
			if keys[key] {
				t.Errorf("two rows for %s", key)
			}
			keys[key] = true
		}
		if math.Abs(pct-100) > 1e-9 || math.Abs(sum-c.total) > 1e-9 {
			t.Errorf("%s: shares sum to %g %%, values to %g", c.value, pct, sum)
		}
	}
	for _, r := range read(t, energyCSV(t)) {
		if r["component"] == "leakage" && (r["events"] != "" || r["pj_per_event"] != "") {
			t.Errorf("leakage has events: %v", r)
		}
	}
}

func TestSummaryJSON(t *testing.T) {
	var rows []map[string]any
	text := SummaryJSON(entries())
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(rows) != 3 || rows[0]["tops"] != 1.0 || rows[0]["machine"] != "toy" || rows[1]["peak_pct"] != nil || rows[2]["error"] != "deadlock: warp 3 waits" {
		t.Errorf("%v", rows)
	}
	names := strings.Split(contract["summary.csv"], ",")
	for _, r := range rows {
		if len(r) != len(names) {
			t.Errorf("%d keys, want %d", len(r), len(names))
		}
		for _, n := range names {
			if _, ok := r[n]; !ok {
				t.Errorf("no %s", n)
			}
		}
	}
}

func TestText(t *testing.T) {
	text := Text(entries())
	for _, l := range strings.Split(text, "\n") {
		if len(l) > tableWidth {
			t.Errorf("%d columns: %s", len(l), l)
		}
	}
	golden(t, "text.golden", text)
}

// What looks wrong at first sight is explained.
func TestRemarks(t *testing.T) {
	e := entries()[0]
	if text := block(&e); strings.Contains(text, "above") {
		t.Errorf("nothing is above anything: %s", text)
	}
	e.Machine = &configs.Machine{Name: "toy", TDP: 10, GPU: &configs.GPU{}}
	e.Result.PeakTOPS = 0.5
	text := block(&e)
	for _, want := range []string{"above 100 % of peak", "50.00 W is above the limit of 10 W"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	for _, l := range strings.Split(text, "\n") {
		if len(l) > tableWidth {
			t.Errorf("%d columns: %s", len(l), l)
		}
	}
}

func TestValidationText(t *testing.T) {
	r := &validate.Report{
		Rows: []validate.Row{
			{File: "a.csv", Line: 2, Class: "fp32", Metric: "time_us", Workload: "gemm:1x2x3:fp32", Measured: 10, Simulated: 11, ErrorPct: 10, Kernel: "k1"},
			{File: "a.csv", Line: 3, Class: "fp16-tc", Metric: "time_us", Workload: "gemm:1x2x3:fp16", Measured: 1000, Simulated: 500, ErrorPct: -50, Kernel: "k2"},
		},
		Skipped:  []validate.Skip{{File: "a.csv", Line: 4, Reason: "why not"}, {File: "a.csv", Line: 5, Reason: "why not"}},
		Machines: []*configs.Machine{{Name: "toy"}},
	}
	golden(t, "validation.golden", ValidationText(r, []validate.Suite{suite(math.NaN(), math.NaN())}))
	s := suite(100, 300)
	s.Machine = "toy"
	golden(t, "suites.golden", ValidationText(&validate.Report{Suites: []validate.Suite{s}, Machines: r.Machines}, nil))
}

// suite has two programs of 100 and 400 cycles that others took for 110 and 440.
func suite(first, second float64) validate.Suite {
	return validate.Suite{
		Name: "S", Device: "D", Others: []string{"accelsim_sass", "new"},
		Rows: []validate.SuiteRow{
			{Program: "p", Kernel: "k", Measured: 100, Simulated: first, Others: []float64{110, 100}},
			{Program: "q", Kernel: "k", Measured: 400, Simulated: second, Others: []float64{440, 200}},
		},
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		v          float64
		csv, human string
	}{
		{0, "0", "0"}, {math.Copysign(0, -1), "0", "0"}, {1, "1", "1.00"}, {-2.5, "-2.5", "-2.50"}, {1234567, "1234567", "1,234,567"}, {999.96, "999.96", "1,000.0"},
		{0.00123456, "0.00123456", "0.001235"}, {1.0 / 3, "0.333333333333", "0.3333"}, {1e15, "1e+15", "1e+15"}, {137438953472, "137438953472", "137,438,953,472"},
		{math.NaN(), "", "-"}, {math.Inf(1), "", "-"},
	} {
		if got := num(c.v).text; got != c.csv {
			t.Errorf("num(%g) = %q, want %q", c.v, got, c.csv)
		}
		if got := human(c.v); got != c.human {
			t.Errorf("human(%g) = %q, want %q", c.v, got, c.human)
		}
	}
}

func TestWriteFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	write := func(text string) error {
		files, err := WithManifest([]File{{Name: "x.csv", Data: []byte(text)}}, Manifest{Started: time.Unix(0, 0).UTC()})
		if err != nil {
			t.Fatal(err)
		}
		return WriteFolder(dir, files)
	}
	for _, text := range []string{"one", "two"} {
		if err := write(text); err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(filepath.Join(dir, "x.csv"))
		var m Manifest
		raw, _ := os.ReadFile(filepath.Join(dir, ManifestName))
		if err := json.Unmarshal(raw, &m); err != nil || string(got) != text || m.Files["x.csv"] != Hash(got) || m.Tool != "gpusim" {
			t.Errorf("%q %+v %v", got, m, err)
		}
	}
	if n := names(t, dir); !slices.Equal(n, []string{"manifest.json", "x.csv"}) {
		t.Errorf("left over: %v", n)
	}
}

// Somebody else's table is not overwritten; one of an earlier run is.
func TestFoldersOfOthers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "summary.csv")
	if err := os.WriteFile(path, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckFolder(dir); err == nil || !strings.Contains(err.Error(), "holds summary.csv but no manifest.json") {
		t.Error(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "theirs" || !slices.Equal(names(t, dir), []string{"summary.csv"}) {
		t.Errorf("%q, %v", text, names(t, dir))
	}
	if err := WriteResults(dir, []File{{Name: "summary.csv"}}, Manifest{}); err != nil {
		t.Fatal(err)
	}
	if err := CheckFolder(dir); err != nil {
		t.Error(err)
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteFolderLeavesNothing(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"below a file": filepath.Join(file, "x"), "a file": file} {
		if err := WriteFolder(dir, []File{{Name: "x.csv"}}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if err := CheckFolder(dir); err == nil {
			t.Errorf("%s passes the check", name)
		}
	}
	// The second file cannot be put in place: the first must not stay either.
	dir := filepath.Join(root, "out")
	if err := os.MkdirAll(filepath.Join(dir, "y.csv"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := WriteFolder(dir, []File{{Name: "x.csv", Data: []byte("1")}, {Name: "y.csv", Data: []byte("2")}}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
	if n := names(t, dir); !slices.Equal(n, []string{"y.csv"}) {
		t.Errorf("half-written: %v", n)
	}
	fresh := filepath.Join(root, "fresh", "deep")
	if err := WriteFolder(fresh, []File{{Name: "no/such/place.csv"}}); err == nil {
		t.Error("a file in a missing folder was written")
	}
	if err := CheckFolder(fresh); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(root, "fresh")); err == nil {
		t.Error("folders made for nothing stay")
	}
}
