package validate

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/nvdla"
	"gpusim/workloads"
)

// Columns by which tables of NVDLA are known.
var (
	rtlColumns         = []string{"trace", "rtl_cycles", "W", "H", "C", "S", "R", "K", "out_points"}
	singlePointColumns = []string{"config", "trace", "elements", "cycles"}
	primerColumns      = []string{"macs_int8", "conv_buffer_kb", "dram_bw_gbps", "resnet50_int8_fps"}
	sheetColumns       = []string{"macs", "cbuf_kb", "freq_mhz", "dram_gbps", "network", "kind", "C", "H", "W", "K", "R", "S", "same_pad", "max_cycles"}
	nvdlaColumns       = []string{"config", "c", "h", "w", "k", "r", "s", "cycles"}
)

func needNVDLA(m *configs.Machine) error {
	if m.NVDLA == nil {
		return fmt.Errorf("%s is no NVDLA", m.Name)
	}
	return nil
}

// convolution simulates a convolution with the event-driven pipeline.
func convolution(c nvdla.Conv) func(context.Context, *configs.Machine) (float64, string, error) {
	return func(ctx context.Context, m *configs.Machine) (float64, string, error) {
		if err := needNVDLA(m); err != nil {
			return 0, "", err
		}
		r, err := nvdla.Run(ctx, m.NVDLA, c)
		return float64(r.Cycles), "conv_" + string(r.Mode), err
	}
}

// addRTL reads RTL cycles of the traces that NVDLA's repository has for nv_small:
// convolutions in direct mode of which the output's number of points is known, and
// passes of the single-point processor.
func (t *Tables) addRTL(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		trace, config := r.text("trace"), r.text("config")
		class := config
		if config == "" {
			config, class = "nv_small", strings.TrimSuffix(filepath.Base(tab.File), ".csv")
		}
		d := direct{device: config, class: class, metric: "cycles", work: trace, measured: r.measured("rtl_cycles")}
		if strings.HasPrefix(trace, "sdp_") {
			s, err := singlePoint(trace)
			if err != nil {
				return err
			}
			d.run = passes(s)
			t.addDirect(r, d)
			return nil
		}
		c := nvdla.Conv{
			N: 1, C: r.size("C", -1), H: r.size("H", -1), W: r.size("W", -1), K: r.size("K", -1), R: r.size("R", -1), S: r.size("S", -1),
			Groups: 1, ElemBytes: 1, Mode: nvdla.Direct,
		}
		points := r.size("out_points", -1)
		if r.err != nil {
			return nil
		}
		c, ok := nvdla.Derive(c, points, strings.Contains(trace, "dilation"))
		if !ok {
			t.skipped = append(t.skipped, Skip{tab.File, r.line, fmt.Sprintf("no stride, padding and dilation give %d output points", points)})
			return nil
		}
		d.work += fmt.Sprintf(" (%dx%d points, stride %dx%d, dilation %d)", c.P, c.Q, c.StrideH, c.StrideW, c.DilH)
		d.run = convolution(c)
		t.addDirect(r, d)
		return nil
	})
}

// singlePoint reads a trace's name such as sdp_3x3x33_bn_mem: width, height,
// channels, and what is done.
func singlePoint(trace string) (s nvdla.SinglePoint, err error) {
	if _, err := fmt.Sscanf(trace, "sdp_%dx%dx%d", &s.W, &s.H, &s.C); err != nil || s.W < 1 || s.H < 1 || s.C < 1 {
		return s, fmt.Errorf("trace: %q is not named like sdp_3x3x33_bn_mem", trace)
	}
	s.ElemBytes = 1
	s.Operand = strings.Contains(trace, "_mem")
	s.Elementwise = strings.Contains(trace, "_ew")
	s.LUT = strings.Contains(trace, "_lut") || strings.Contains(trace, "_le_")
	return s, nil
}

func passes(s nvdla.SinglePoint) func(context.Context, *configs.Machine) (float64, string, error) {
	return func(_ context.Context, m *configs.Machine) (float64, string, error) {
		if err := needNVDLA(m); err != nil {
			return 0, "", err
		}
		v, err := nvdla.RunSinglePoint(m.NVDLA, s)
		return float64(v), "sdp", err
	}
}

// addSinglePoint reads RTL cycles of the single-point processor.
func (t *Tables) addSinglePoint(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		s, err := singlePoint(r.text("trace"))
		if err != nil {
			return err
		}
		config := r.text("config")
		t.addDirect(r, direct{device: config, class: config, metric: "cycles", work: r.text("trace"), measured: r.measured("cycles"), run: passes(s)})
		return nil
	})
}

// addPrimer reads the frames per second of ResNet-50 that NVDLA's primer lists.
// They are those of the performance sheet.
func (t *Tables) addPrimer(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		c := nvdla.SheetConfig{MACs: r.size("macs_int8", -1), CBUFKiB: r.measured("conv_buffer_kb"), GBps: r.measured("dram_bw_gbps"), MHz: 1000, FCBatch: 1, ElemByte: 1}
		t.addDirect(r, direct{device: fmt.Sprintf("nvdla-%d", c.MACs), class: "primer", metric: "images_per_s", work: "resnet50, performance sheet",
			measured: r.measured("resnet50_int8_fps"), run: func(_ context.Context, m *configs.Machine) (float64, string, error) {
				if err := needNVDLA(m); err != nil {
					return 0, "", err
				}
				return nvdla.SheetImagesPerSecond(c), "sheet", nil
			}})
		if r.text("power_avg_mw_16nm") != "" {
			fps := r.measured("resnet50_int8_fps")
			t.addDirect(r, direct{device: fmt.Sprintf("nvdla-%d", c.MACs), class: "power/primer", metric: metricPower, work: "resnet50 at the printed rate, without DRAM",
				measured: r.measured("power_avg_mw_16nm") / 1e3, run: func(ctx context.Context, m *configs.Machine) (float64, string, error) {
					net, err := workloads.Parse("model:resnet50,batch=1,dtype=int8")
					if err != nil {
						return 0, "", err
					}
					res, err := gpusim.RunProducts(ctx, m, net, gpusim.Options{})
					if err != nil {
						return 0, "", err
					}
					return gpusim.AveragePower(m, &res, 1e6/fps, 0, gpusim.ScopeChip), "convolutions", nil
				}})
		}
		return nil
	})
}

// addNVDLA reads cycles of layers on a configuration.
func (t *Tables) addNVDLA(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		config := r.text("config")
		if config == "" {
			return fmt.Errorf("config: empty")
		}
		c := nvdla.Conv{
			N: r.size("n", 1), C: r.size("c", -1), H: r.size("h", -1), W: r.size("w", -1), K: r.size("k", -1), R: r.size("r", -1), S: r.size("s", -1),
			StrideH: r.size("stride_h", 1), StrideW: r.size("stride_w", 1), DilH: r.size("dilation_h", 1), DilW: r.size("dilation_w", 1),
			Groups: r.size("groups", 1), ElemBytes: 1, Mode: nvdla.Mode(r.text("mode")),
		}
		w, err := workloads.OfConv(workloads.Conv{
			N: c.N, C: c.C, H: c.H, W: c.W, K: c.K, R: c.R, S: c.S, PadH: r.size("pad_h", 0), PadW: r.size("pad_w", 0), StrideH: c.StrideH, StrideW: c.StrideW,
			DilH: c.DilH, DilW: c.DilW, Groups: c.Groups, DType: "int8",
		})
		if r.err != nil {
			return nil
		}
		if err != nil {
			return err
		}
		c.P, c.Q = w.Conv.P(), w.Conv.Q()
		t.addDirect(r, direct{device: config, class: config, metric: "cycles", work: w.Short(), measured: r.measured("cycles"), run: convolution(c)})
		return nil
	})
}

// addSheet reads rows of NVDLA's performance sheet: a network's layers in order.
func (t *Tables) addSheet(tab *workloads.Table) error {
	place := map[string]int{}
	return t.records(tab, func(r *record) error {
		key := r.text("config") + "/" + r.text("network")
		if r.text("C") == "" { // traffic between layers, which its column for the on-chip SRAM counts
			t.skipped = append(t.skipped, Skip{tab.File, r.line, "no layer"})
			return nil
		}
		i := place[key]
		place[key]++
		rules, err := nvdla.SheetRulesOf(r.text("network"), i)
		if err != nil {
			return err
		}
		c := nvdla.SheetConfig{MACs: r.size("macs", -1), CBUFKiB: r.measured("cbuf_kb"), GBps: r.measured("dram_gbps"), MHz: r.measured("freq_mhz"), FCBatch: r.size("fc_batch", 1), ElemByte: 1}
		l := nvdla.SheetLayer{
			C: r.size("C", -1), H: r.size("H", -1), W: r.size("W", -1), K: r.size("K", -1), R: r.size("R", -1), S: r.size("S", -1), SamePad: r.text("same_pad") == "1",
			StrideH: r.size("stride_h", 1), StrideW: r.size("stride_w", 1), OutH: r.size("outH_after_pool", -1), OutW: r.size("outW_after_pool", -1),
			FC: strings.HasPrefix(r.text("kind"), "fc"), Elementwise: strings.Contains(r.text("kind"), "elwise"),
		}
		t.addDirect(r, direct{device: "nv_large", class: "sheet/" + r.text("network"), metric: "cycles", work: r.text("layer"), measured: r.measured("max_cycles"),
			run: func(_ context.Context, m *configs.Machine) (float64, string, error) {
				if err := needNVDLA(m); err != nil {
					return 0, "", err
				}
				return nvdla.Sheet(l, c, rules).Cycles, "sheet", nil
			}})
		return nil
	})
}
