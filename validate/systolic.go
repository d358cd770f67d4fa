package validate

import (
	"context"
	"fmt"
	"math"
	"strings"

	"gpusim/configs"
	"gpusim/nvdla/systolic"
	"gpusim/workloads"
)

// Columns by which tables of systolic arrays are known.
var (
	foldColumns    = []string{"layer", "dataflow", "rows", "cols", "total_cycles"}
	gemminiColumns = []string{"M", "K", "N", "rtl_cycles", "array"}
	eyerissColumns = []string{"layer", "processing_latency_ms", "c", "h", "w", "k", "r", "s", "rs_p", "rs_q"}
	tpuColumns     = []string{"app", "layers_fc", "layers_conv", "layers_vector", "weights_millions", "batch", "tops"}
)

func needModel(m *configs.Machine, model string) error {
	if m.Systolic == nil || m.Systolic.Model != model {
		return fmt.Errorf("%s is no systolic machine of model %s", m.Name, model)
	}
	return nil
}

// sims are the SRAMs behind the names of recorded SCALE-Sim runs with stalls:
// KiB of inputs, weights and outputs, and words a cycle to each.
var sims = []struct {
	name               string
	in, wt, out, words int
}{{"scale32user", 64, 64, 64, 10}, {"tpu128user", 4096, 4096, 8192, 60}, {"tpu256user", 6144, 6144, 2048, 10}}

// addFolds reads runs of SCALE-Sim. With words_per_cycle (or in a file of a known
// name) the array waits for its SRAMs, counted as that program counts; without it
// never does. The machine gives nothing but its kind: sizes stand in the row.
func (t *Tables) addFolds(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		flow, err := systolic.ParseDataflow(r.text("dataflow"))
		if err != nil {
			return err
		}
		a := systolic.Array{Rows: r.size("rows", -1), Cols: r.size("cols", -1), Flow: flow}
		l := r.folded()
		words := r.size("words_per_cycle", 0)
		in, wt, out := r.size("input_kib", 1), r.size("weight_kib", 1), r.size("output_kib", 1)
		for _, s := range sims {
			if words == 0 && strings.Contains(tab.File, s.name) {
				words, in, wt, out = s.words, s.in, s.wt, s.out
			}
		}
		mem := systolic.Memory{WaitTwice: true}
		mem.Input, mem.Weight, mem.Output = sram(in, words), sram(wt, words), sram(out, words)
		run := func(ctx context.Context, m *configs.Machine) (float64, string, error) {
			if err := needModel(m, "folds"); err != nil {
				return 0, "", err
			}
			if words == 0 {
				return float64(a.Map(l.Product).Cycles()), "folds", nil
			}
			r, err := a.Simulate(ctx, l, mem)
			return float64(r.Cycles()), "folds with stalls", err
		}
		class := r.text("config")
		if class == "" {
			class = fmt.Sprintf("%s %dx%d", flow, a.Rows, a.Cols)
		}
		t.addDirect(r, direct{device: "SCALE-Sim", class: class, metric: "cycles", work: fmt.Sprintf("%s: %dx%dx%d", r.text("layer"), l.M, l.N, l.K),
			measured: r.measured("total_cycles"), run: run})
		return nil
	})
}

// folded reads what a run of SCALE-Sim computed: a product, a convolution, or both,
// which then must be the same.
func (r *record) folded() (l systolic.Layer) {
	product, conv := r.text("m")+r.text("n")+r.text("k") != "", r.text("ifmap_h") != ""
	if product {
		l = systolic.GEMM(r.size("m", -1), r.size("n", -1), r.size("k", -1))
	}
	if !conv {
		if !product {
			r.fail("neither m, n and k nor ifmap_h, ifmap_w, filt_h, filt_w, channels, filters and stride")
		}
		return l
	}
	h, w, fh, fw := r.size("ifmap_h", -1), r.size("ifmap_w", -1), r.size("filt_h", -1), r.size("filt_w", -1)
	c := systolic.Conv(h, w, fh, fw, r.size("channels", -1), r.size("filters", -1), r.size("stride", -1))
	switch {
	case r.err != nil:
	case fh > h || fw > w:
		r.fail("a filter of %d x %d on an image of %d x %d", fh, fw, h, w)
	case float64(c.M) > 1<<31 || float64(fh)*float64(fw)*float64(c.Channels) > 1<<31:
		r.fail("the convolution is a product with a side above 2^31")
	case product && c.Product != l.Product:
		r.fail("the convolution is a product of %d x %d x %d, not of m, n and k", c.M, c.N, c.K)
	}
	return c
}

func sram(kib, words int) systolic.SRAM {
	return systolic.SRAM{Words: kib << 10, PerCycle: max(1, words)}
}

// addGemmini reads RTL cycles of Gemmini.
func (t *Tables) addGemmini(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		p := systolic.Product{M: r.size("M", -1), K: r.size("K", -1), N: r.size("N", -1)}
		t.addDirect(r, direct{device: "Gemmini", class: "gemmini", metric: "cycles", work: fmt.Sprintf("gemm %dx%dx%d", p.M, p.N, p.K), measured: r.measured("rtl_cycles"),
			run: func(_ context.Context, m *configs.Machine) (float64, string, error) {
				if err := needModel(m, "decoupled"); err != nil {
					return 0, "", err
				}
				return systolic.DecoupledOf(m.Systolic, "int8").Run(p).Cycles, "tiled_matmul", nil
			}})
		return nil
	})
}

// addEyeriss reads layers on Eyeriss with the cut that the chip ran them in.
func (t *Tables) addEyeriss(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		c := systolic.RSConv{N: r.size("batch", 1), C: r.size("c", -1), H: r.size("h", -1), W: r.size("w", -1), K: r.size("k", -1), R: r.size("r", -1), S: r.size("s", -1),
			Stride: r.size("stride", 1), Groups: r.size("groups", 1)}
		p := systolic.Pass{M: r.size("rs_m", -1), N: r.size("rs_n", -1), E: r.size("rs_e", -1), P: r.size("rs_p", -1), Q: r.size("rs_q", -1), R: r.size("rs_r", -1), T: r.size("rs_t", -1)}
		t.addDirect(r, direct{device: "Eyeriss", class: "eyeriss", metric: "time_us", work: r.text("layer"), measured: 1000 * r.measured("processing_latency_ms"),
			run: func(_ context.Context, m *configs.Machine) (float64, string, error) {
				if err := needModel(m, "row_stationary"); err != nil {
					return 0, "", err
				}
				run := systolic.RowStationaryOf(m.Systolic).Time(&c, p)
				return float64(run.Cycles) / float64(m.Systolic.Clock) * 1e6, p.String(), nil
			}})
		return nil
	})
}

// addTPU reads the applications of the TPU paper: each row gives the rate and the
// shares of cycles that are listed.
func (t *Tables) addTPU(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		app := systolic.TPUApp{
			Name: r.text("app"), FC: r.size("layers_fc", 0), Conv: r.size("layers_conv", 0), Vector: r.size("layers_vector", 0),
			Weights: 1e6 * r.measured("weights_millions"), Batch: r.size("batch", -1), Points: r.size("points", 1), Passes: r.size("passes", 1),
		}
		if r.err == nil && app.FC+app.Conv == 0 {
			return fmt.Errorf("no layer with weights")
		}
		for _, f := range []struct {
			column string
			of     func(r *systolic.TPURun, hz float64) float64
		}{
			{"tops", func(r *systolic.TPURun, hz float64) float64 { return 2 * r.MACs / (r.Cycles / hz) / 1e12 }},
			{"array_active_pct", func(r *systolic.TPURun, _ float64) float64 { return 100 * r.Active / r.Cycles }},
			{"weight_stall_pct", func(r *systolic.TPURun, _ float64) float64 { return 100 * r.Stall / r.Cycles }},
			{"weight_shift_pct", func(r *systolic.TPURun, _ float64) float64 { return 100 * r.Shift / r.Cycles }},
		} {
			v := r.number(f.column, 0)
			if v == 0 {
				continue // not listed, or 0 %, of which there is no error in percent
			}
			t.addDirect(r, direct{device: "TPU v1", class: "tpu1/" + f.column, metric: f.column, work: app.Name, measured: v,
				run: func(_ context.Context, m *configs.Machine) (float64, string, error) {
					if err := needModel(m, "tpu"); err != nil {
						return 0, "", err
					}
					u := systolic.TPUOf(m.Systolic, "int8")
					run := u.Run(app.Job(u))
					v := f.of(&run, u.Hz)
					if math.IsNaN(v) {
						return 0, "", fmt.Errorf("nothing ran")
					}
					return v, fmt.Sprintf("%d tiles", run.Tiles), nil
				}})
		}
		return nil
	})
}
