package validate

import (
	"context"
	"os"
	"strings"
	"testing"

	"gpusim/configs"
)

// published validates the shipped rows of one machine.
func published(t *testing.T, machine string) *Report {
	t.Helper()
	m, err := configs.Load(machine, nil)
	if err != nil {
		t.Fatal(err)
	}
	tab := &Tables{}
	here := func(device string) bool { name, ok := configs.ForDevice(device); return ok && name == machine }
	if err := tab.LoadPublished(here, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	rep, err := tab.Run(context.Background(), Options{Machine: func(string) (*configs.Machine, error) { return m, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// The errors over the shipped rows stay as they were measured; a change of a
// model that makes them worse shows here.
func TestAcceleratorErrors(t *testing.T) {
	for _, c := range []struct {
		machine   string
		rows      int
		mape, max float64
	}{
		{"nvdla-small", 20, 1, 3.5}, {"nvdla-small-256-full", 6, 2, 4.5}, {"nvdla-large", 104, 0, 0}, {"nvdla-2048", 2, 6, 12}, {"nvdla-32", 2, 9, 16},
		{"eyeriss", 5, 5, 6}, {"gemmini", 6, 3.5, 8}, {"scalesim", 173, 0, 0},
	} {
		rep := published(t, c.machine)
		s := rep.Total()
		if s.Rows != c.rows || s.MAPE > c.mape || s.Max > c.max {
			t.Errorf("%s: %d rows, %d skipped, mean %.2f, max %.2f %%; want %d rows, at most %g and %g", c.machine, s.Rows, len(rep.Skipped), s.MAPE, s.Max, c.rows, c.mape, c.max)
		}
	}
	for _, r := range published(t, "tpu1").Rows {
		hard := r.Workload == "MLP0" || r.Workload == "MLP1" || r.Workload == "LSTM0"
		if hard && r.Metric == "tops" && (r.ErrorPct > 15 || r.ErrorPct < -15) {
			t.Errorf("tpu1 %s: %+.1f %%", r.Workload, r.ErrorPct)
		}
		if d := r.Simulated - r.Measured; hard && r.Metric != "tops" && (d > 8 || d < -8) {
			t.Errorf("tpu1 %s: %s is %.1f, measured %.1f", r.Workload, r.Metric, r.Simulated, r.Measured)
		}
	}
}

// Files with the headers of recorded runs are taken as they stand.
func TestRecordedHeaders(t *testing.T) {
	for file, rows := range map[string]int{
		"nvdla_rtl_cycles_nv_small": 9, "nvdla_sdp_rtl_cycles": 17, "scalesim_scale32user_ws_gemmsq": 9, "scalesim_tpu128_ws_resnet50": 54, "nvdla_perf_m64_cb128_bw1": 104, "gemmini_rtl_cycles": 6,
	} {
		path := "../../shared/reference/" + file + ".csv"
		if _, err := os.Stat(path); err != nil {
			t.Skip("no recorded runs beside the repository")
		}
		tab := &Tables{}
		if err := tab.LoadFile(path); err != nil {
			t.Error(err)
		} else if tab.Len() != rows {
			t.Errorf("%s: %d rows, want %d", file, tab.Len(), rows)
		}
	}
}

// Layer dimensions say as much as m, n and k: the recorded runs have both, and come
// out the same with either half of their columns.
func TestFoldColumns(t *testing.T) {
	const (
		head    = "layer,dataflow,rows,cols,ifmap_h,ifmap_w,filt_h,filt_w,channels,filters,stride,m,n,k,total_cycles,stall_cycles\n"
		conv    = "layer,dataflow,rows,cols,ifmap_h,ifmap_w,filt_h,filt_w,channels,filters,stride,total_cycles,stall_cycles\n"
		product = "layer,dataflow,rows,cols,m,n,k,total_cycles,stall_cycles\n"
	)
	m, err := configs.Load("scalesim", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		head + "Conv1,ws,32,32,224,224,11,11,3,96,4,3025,96,363,112283,0\n",
		conv + "Conv1,ws,32,32,224,224,11,11,3,96,4,112283,0\n",
		product + "Conv1,ws,32,32,3025,96,363,112283,0\n",
		head + "Conv1,ws,32,32,224,224,11,11,3,96,4,,,,112283,0\n",
	} {
		tab, err := load(t, text)
		if err != nil {
			t.Error(err)
			continue
		}
		rep, err := tab.Run(t.Context(), Options{Machine: func(string) (*configs.Machine, error) { return m, nil }})
		if err != nil || len(rep.Rows) != 1 || rep.Rows[0].ErrorPct != 0 || rep.Rows[0].Workload != "Conv1: 3025x96x363" || rep.Rows[0].Class != "ws 32x32" {
			t.Errorf("%s%+v %v", text, rep, err)
		}
	}
}

// Mistakes in these tables name file, line and column.
func TestDirectMistakes(t *testing.T) {
	const foldConv = "layer,dataflow,rows,cols,ifmap_h,ifmap_w,filt_h,filt_w,channels,filters,stride,total_cycles\n"
	for _, c := range []struct{ text, want string }{
		{"layer,dataflow,rows,cols,m,n,k,total_cycles\na,xs,1,1,1,1,1,1\n", `t.csv:2: dataflow "xs" (allowed: os, ws, is)`},
		{"layer,dataflow,rows,cols,m,n,k,total_cycles\na,os,0,1,1,1,1,1\n", `t.csv:2: rows: "0" is not a whole number of 1 or more`},
		{"layer,dataflow,rows,cols,m,n,k,total_cycles\na,os,1,1,1,1,,1\n", "t.csv:2: k: empty"},
		{"layer,dataflow,rows,cols,total_cycles\na,os,1,1,1\n", "t.csv:2: neither m, n and k nor ifmap_h"},
		{foldConv + "a,os,1,1,5,5,3,3,1,1,,1\n", "t.csv:2: stride: empty"},
		{foldConv + "a,os,1,1,5,5,7,3,1,1,1,1\n", "t.csv:2: a filter of 7 x 3 on an image of 5 x 5"},
		{foldConv + "a,os,1,1,99999,99999,1,1,1,1,1,1\n", "t.csv:2: the convolution is a product with a side above 2^31"},
		{"config,c,h,w,k,r,s,cycles\nnv_small,8,4,4,8,9,9,10\n", "t.csv:2: "},
		{"config,trace,elements,cycles\nnv_small,sdp,1,1\n", `t.csv:2: trace: "sdp" is not named like`},
		{"M,K,N,rtl_cycles,array\n1,1,1,0,16x16\n", "t.csv:2: rtl_cycles: 0 is no measured value"},
	} {
		_, err := load(t, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

// A row of a machine of another kind is skipped with the reason.
func TestDirectOnOtherMachines(t *testing.T) {
	tab, err := load(t, "config,c,h,w,k,r,s,cycles\nnv_small,8,4,4,8,1,1,10\n")
	if err != nil {
		t.Fatal(err)
	}
	m, err := configs.Load("tpu1", nil)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := tab.Run(context.Background(), Options{Machine: func(string) (*configs.Machine, error) { return m, nil }})
	if err != nil || len(rep.Rows) != 0 || len(rep.Skipped) != 1 || rep.Skipped[0].Reason != "tpu1 is no NVDLA" {
		t.Errorf("%+v, %v", rep, err)
	}
}
