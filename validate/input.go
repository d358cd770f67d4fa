package validate

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

//go:embed data/*.csv
var data embed.FS

// Embedded tables that are validated by default.
const (
	publishedRows   = "v100_gemm_published.csv"
	publishedOthers = "gemm_published.csv"
	publishedReduce = "allreduce_published.csv"
	publishedCopies = "p2p_published.csv"
	publishedSuites = "qv100_cutlass_cycles.csv"
	publishedLayers = "elementwise_published.csv"
	publishedConvs  = "conv_published.csv"
	publishedNets   = "networks_published.csv"
	publishedPower  = "power_published.csv"
	publishedWall   = "power_wall_published.csv"
)

// publishedAccelerators are the embedded tables of machines with a fixed array.
var publishedAccelerators = []string{
	"nvdla_rtl.csv", "nvdla_sdp_rtl.csv", "nvdla_primer.csv", "nvdla_sheet.csv", "tpu1_applications.csv", "eyeriss_alexnet.csv", "gemmini_rtl.csv", "scalesim_runs.csv",
}

// row is one measured row that can be simulated.
type row struct {
	file     string
	line     int
	device   string // for systems of several devices their file's name
	class    string // that it is judged in
	work     workloads.Workload
	metric   string // of the figures, such as time_us
	measured float64
	method   Method
	kernel   string // kernel name, grid and block as recorded, may be empty
	recorded Recorded
	hasName  bool
	algo     string        // class of a convolution's algorithm, from the recorded kernel's name; may be empty
	network  *networkRow   // of whole networks: work follows from the machine
	values   energy.Values // of the operands that the source takes
	power    *measuredOver // of rows of power
	reading  reading       // nil: the method applied to the kernels' times
	extra    []Extra
}

// Skip is a well-formed row that was not simulated.
type Skip struct {
	File   string
	Line   int
	Reason string
}

// Tables are the measured tables of one validation.
type Tables struct {
	files   []string
	rows    []row
	suites  []Suite
	direct  []direct
	skipped []Skip
	systems map[string]*configs.Machine // that rows have named, by file name; nil where it cannot be loaded
}

// Files names the tables in the order in which they were read.
func (t *Tables) Files() []string { return t.files }

// Len is the number of rows that can be simulated.
func (t *Tables) Len() int { return len(t.rows) + len(t.direct) }

// Suites is the number of suites of programs.
func (t *Tables) Suites() int { return len(t.suites) }

// LoadFile reads a measured table. A malformed one is a *workloads.Error.
func (t *Tables) LoadFile(path string) error {
	tab, err := workloads.LoadTable(path)
	if err != nil {
		return err
	}
	return t.add(tab)
}

// LoadPublished reads the tables that ship with the program: rows of the
// devices for which rows says yes, and suites likewise.
func (t *Tables) LoadPublished(rows, suites func(device string) bool) error {
	for _, name := range append([]string{publishedRows, publishedOthers, publishedReduce, publishedCopies, publishedSuites, publishedLayers, publishedConvs, publishedNets, publishedPower, publishedWall}, publishedAccelerators...) {
		tab, err := publishedTable(name)
		if err != nil {
			return err
		}
		var one Tables
		if err := one.add(tab); err != nil {
			return err
		}
		one.direct = slices.DeleteFunc(one.direct, func(d direct) bool { return !rows(d.device) })
		one.rows = slices.DeleteFunc(one.rows, func(r row) bool { return !rows(r.device) })
		if len(one.rows) == 0 && (name == publishedReduce || name == publishedCopies) {
			continue // tables of systems count where one of them is asked for
		}
		t.files, t.rows = append(t.files, one.files...), append(t.rows, one.rows...)
		t.suites, t.skipped = append(t.suites, one.suites...), append(t.skipped, one.skipped...)
		t.direct = append(t.direct, one.direct...)
	}
	t.suites = slices.DeleteFunc(t.suites, func(s Suite) bool { return !suites(s.Device) })
	return nil
}

func publishedTable(name string) (*workloads.Table, error) {
	text, err := data.ReadFile("data/" + name)
	if err != nil {
		return nil, err
	}
	return workloads.ReadTable(name, text)
}

// tableKind is a kind of measured tables.
type tableKind struct {
	columns []string
	also    string                                // further columns that the kind knows; others are carried through
	read    func(*Tables, *workloads.Table) error // nil: no model takes it yet
	reason  string                                // why not
}

// tableKinds are known by columns that no kind before them has.
var tableKinds = []tableKind{
	{suiteColumns, "", (*Tables).addSuites, ""},
	{powerColumns, "model batch throughput time_us clock_mhz values gpusim_kernel trans_a trans_b", (*Tables).addPower, ""},
	{workloads.GEMMColumns, "kernel order", (*Tables).addGEMMs, ""},
	{workloads.ConvColumns, "layout", (*Tables).addConvs, ""},
	{workloads.LayerColumns, "kernel", (*Tables).addLayers, ""},
	{allReduceColumns, "algbw_gbps busbw_gbps algo", (*Tables).addAllReduces, ""},
	{copyColumns, "samples", (*Tables).addCopies, ""},
	{networkColumns, "power_w power_scope", (*Tables).addNetworks, ""},
	{foldColumns, "m n k ifmap_h ifmap_w filt_h filt_w channels filters stride stall_cycles config words_per_cycle input_kib weight_kib output_kib", (*Tables).addFolds, ""},
	{gemminiColumns, "dataflow", (*Tables).addGemmini, ""},
	{eyerissColumns, "batch stride groups rs_m rs_n rs_e rs_r rs_t", (*Tables).addEyeriss, ""},
	{tpuColumns, "points passes array_active_pct weight_stall_pct weight_shift_pct", (*Tables).addTPU, ""},
	{rtlColumns, "config", (*Tables).addRTL, ""},
	{singlePointColumns, "", (*Tables).addSinglePoint, ""},
	{primerColumns, "power_avg_mw_16nm", (*Tables).addPrimer, ""},
	{sheetColumns, "config fc_batch layer stride_h stride_w outH_after_pool outW_after_pool dram_cycles mac_cycles", (*Tables).addSheet, ""},
	{nvdlaColumns, "n pad_h pad_w stride_h stride_w dilation_h dilation_w groups mode", (*Tables).addNVDLA, ""},
	{[]string{"suite", "workload", "hw_cycles"}, "", nil, "cycles of programs without the columns m, n, k, dtype, kernel and launches"},
	{[]string{"config", "cycles"}, "", nil, "cycles of NVDLA without the columns c, h, w, k, r and s"},
	{[]string{"device", "kernel", "dtype", "power_w"}, "", nil, "power without the columns m, n, k and power_scope"},
}

// add reads a table of whatever kind.
func (t *Tables) add(tab *workloads.Table) error {
	t.files = append(t.files, tab.File)
	rows, direct := len(t.rows), len(t.direct)
	for _, k := range tableKinds {
		switch {
		case !tab.HasAll(k.columns):
		case k.read != nil:
			err := k.read(t, tab)
			carry(tab, append(strings.Fields(k.also), k.columns...), t.rows[rows:], t.direct[direct:])
			return err
		default:
			for i := range tab.Rows {
				t.skipped = append(t.skipped, Skip{tab.File, tab.Line(i), k.reason})
			}
			return nil
		}
	}
	return tab.UnknownKind(commonKinds)
}

func (t *Tables) addSuites(tab *workloads.Table) error {
	s, err := readSuites(tab)
	t.suites = append(t.suites, s...)
	return err
}

// timed is the row of a measured time; the method follows from what is known of
// its source.
func timed(tab *workloads.Table, m *workloads.Measured, class, source string) (row, error) {
	r := row{
		file: tab.File, line: m.Line, device: m.Device, class: class, work: m.Workload,
		metric: "time_us", measured: m.TimeUS, kernel: m.Kernel,
	}
	r.values = valuesOf(source, m.Workload)
	var err error
	if r.method, err = MethodFor(m.Method, source, m.Device); err != nil {
		return r, &workloads.Error{File: tab.File, Line: m.Line, Reason: "method: " + err.Error()}
	}
	return r, nil
}

// addGEMMs reads a table of measured products.
func (t *Tables) addGEMMs(tab *workloads.Table) error {
	rows, err := tab.Measured()
	if err != nil {
		return err
	}
	for _, m := range rows {
		r, err := timed(tab, &m, class(m.Workload.GEMM.DType, m.Workload.GEMM.Acc, m.TensorCore), m.Source)
		if err != nil {
			return err
		}
		if reason := unsupported(&m, r.method); reason != "" {
			t.skipped = append(t.skipped, Skip{tab.File, m.Line, reason})
			continue
		}
		if r.work, err = padded(&m); err != nil {
			return &workloads.Error{File: tab.File, Line: m.Line, Reason: err.Error()}
		}
		r.recorded, r.hasName = ParseRecorded(m.Kernel)
		t.rows = append(t.rows, r)
	}
	return nil
}

// unsupported says why a well-formed row cannot be judged on any machine.
func unsupported(m *workloads.Measured, how Method) string {
	switch {
	case how.Name == Cold:
		return "cold caches are not modelled"
	case m.TensorCore && (m.Precision == "fp32" || m.Precision == "fp64"):
		return m.Precision + " on matrix units is not modelled"
	case !m.TensorCore && m.Precision == "fp16" && strings.Contains(strings.ToLower(m.Device), "v100"):
		return "fp16 beside the Tensor Cores is not modelled"
	}
	return ""
}

// padded is the product that ran where the table lists what was asked for.
func padded(m *workloads.Measured) (workloads.Workload, error) {
	g := *m.Workload.GEMM
	pm, pn, pk := paddedDims(m.Source, m.Precision, m.TensorCore)
	if pm == 1 && pn == 1 && pk == 1 {
		return m.Workload, nil
	}
	up := func(v, p int) int { return (v + p - 1) / p * p }
	g.M, g.N, g.K = up(g.M, pm), up(g.N, pn), up(g.K, pk)
	w, err := workloads.OfGEMM(g)
	if err != nil {
		return w, fmt.Errorf("padded to multiples of %d, %d and %d: %w", pm, pn, pk, err)
	}
	return w, nil
}
