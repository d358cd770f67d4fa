package validate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

func readPower(text string) (*Tables, error) {
	tab, err := workloads.ReadTable("power.csv", []byte(text))
	if err != nil {
		return nil, err
	}
	var t Tables
	return &t, t.add(tab)
}

const powerHead = "device,kernel,dtype,m,n,k,model,batch,throughput,time_us,clock_mhz,values,power_w,power_scope\n"

// A row of power is a product or a network; what is misspelt names its line.
func TestPowerTable(t *testing.T) {
	tables, err := readPower(powerHead + "QV100,a,fp16,64,64,64,,,,12.5,1417,zeros,100,board\nTesla P4,b,int8,,,,resnet50,8,1291,,,,57,board\n")
	if err != nil {
		t.Fatal(err)
	}
	if n := tables.Len(); n != 2 {
		t.Fatalf("%d rows", n)
	}
	a, b := &tables.rows[0], &tables.rows[1]
	if a.power.us != 12.5 || a.power.clock != 1417e6 || a.values != "zeros" || a.metric != "power_w" || a.class != "power/board" || a.work.GEMM.M != 64 {
		t.Errorf("%+v %+v", a, a.power)
	}
	if b.network == nil || b.network.net.Batch != 8 || math.Abs(b.power.us-8/1291.0*1e6) > 1e-6 {
		t.Errorf("%+v %+v", b, b.power)
	}
	tables, err = readPower(powerHead + "Tesla P4,b,int8,,,,\"resnet50(layout=nchw,batch=4)\",8,1291,,,,57,board\nTesla P4,b,int8,,,,resnet50(lay=nchw),8,1291,,,,57,board\n")
	if err != nil || len(tables.rows) != 1 || len(tables.skipped) != 1 || !strings.Contains(tables.skipped[0].Reason, `unknown key "lay"`) {
		t.Fatalf("%+v %v", tables, err)
	}
	if r := &tables.rows[0]; r.network.net.Layout != "nchw" || math.Abs(r.power.us-4/1291.0*1e6) > 1e-6 {
		t.Errorf("%+v", r.network.net)
	}
	for row, message := range map[string]string{
		"QV100,a,fp17,64,64,64,,,,,,,100,board":    "dtype",
		"QV100,a,fp16,64,64,64,,,,,,,0,board":      "power_w",
		",a,fp16,64,64,64,,,,,,,100,board":         "device",
		"QV100,a,fp16,64,64,64,,,,,,ones,10,board": "ones",
	} {
		if _, err := readPower(powerHead + row + "\n"); err == nil || !strings.Contains(err.Error(), message) || !strings.Contains(err.Error(), "power.csv:2") {
			t.Errorf("%s: want an error of line 2 with %q, got %v", row, message, err)
		}
	}
}

// Powers of another scope than the simulated one are skipped and counted; they leave the
// statistics of the others as they are.
func TestPowerScopes(t *testing.T) {
	tables, err := readPower(powerHead +
		"V,a,fp16,64,64,64,,,,12.5,,,100,board\n" +
		"V,a,fp16,64,64,64,,,,12.5,,,100,chip\n" +
		"V,a,fp16,64,64,64,,,,12.5,,,100,foo\n" +
		"V,a,fp16,64,64,64,,,,12.5,,,100,\n" +
		"V,a,fp16,64,64,64,,,,12.5,,,100,wall\n" +
		"V,,fp16,,,,tpu-mlp1,8,,,,,100,wall\n" +
		"V,,fp16,,,,tpu-mlp1,8,1000,,,,100,wall\n" +
		"P,a,fp16,64,64,64,,,,12.5,,,100,board\n")
	if err != nil {
		t.Fatal(err)
	}
	volta, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func(_ context.Context, m *configs.Machine, _ workloads.Workload, _ gpusim.Options) (gpusim.Result, error) {
		return gpusim.Result{TimeUS: 10, ClockMHz: 1312, Batch: 8, Energy: energy.Ledger{Scope: m.Energy.PowerScope}}, nil
	}
	rep, err := tables.Run(t.Context(), Options{Run: run, Machine: func(device string) (*configs.Machine, error) {
		if device == "P" { // a machine without energies
			return &configs.Machine{Name: "plain"}, nil
		}
		return volta, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`4 power_scope "foo": the power of volta is of board or chip`,
		`5 power_scope "": the power of volta is of board or chip`,
		"6 power at the wall is compared for networks with a throughput",
		"7 power at the wall is compared for networks with a throughput",
		"8 volta has no model of what stands between the board and the wall",
		"9 plain has no table of energies",
	}
	var got []string
	for _, s := range rep.Skipped {
		got = append(got, fmt.Sprintf("%d %s", s.Line, s.Reason))
	}
	if !slices.Equal(got, want) {
		t.Errorf("skipped\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := rep.Total(); s.Rows != 2 || math.IsNaN(s.MAPE) || math.IsNaN(s.WMAPE) || math.IsNaN(s.Median) || math.IsNaN(s.Bias) || rep.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// A row whose simulation gives no number is skipped, whatever it is of.
func TestNoNumber(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		var rep Report
		rep.take(Row{File: "t.csv", Line: 3, Metric: "tops", Measured: 1, Simulated: v}, "")
		if len(rep.Rows) != 0 || len(rep.Skipped) != 1 || rep.Skipped[0] != (Skip{"t.csv", 3, "the simulation gives no tops"}) {
			t.Errorf("%g: %+v", v, rep)
		}
	}
}

// Over the simulated time and clock the average power is the ledger's. Over twice the
// time what moves with events halves, clock trees and static power stay. A lower clock
// takes less, the chip less than the board.
func TestAveragePower(t *testing.T) {
	m, err := configs.Load("quadro-v100", nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse("gemm:256x256x256:fp16")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gpusim.Run(t.Context(), m, w, gpusim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	power := func(us float64, clock configs.Freq, scope string) float64 {
		return gpusim.AveragePower(m, &r, us, clock, scope)
	}
	same := power(r.TimeUS, 0, "board")
	if want := r.Energy.TotalUJ / r.TimeUS; math.Abs(same/want-1) > 1e-9 {
		t.Errorf("%g W, the ledger says %g", same, want)
	}
	stays := 0.0
	for _, row := range r.Energy.Rows {
		if row.Column == "static" || row.Component == "sm_cycle" {
			stays += row.EnergyUJ / r.TimeUS
		}
	}
	if got, want := power(2*r.TimeUS, 0, "board"), stays+(same-stays)/2; math.Abs(got/want-1) > 1e-9 {
		t.Errorf("%g W over twice the time, want %g", got, want)
	}
	if low, high := power(r.TimeUS, 1132e6, "board"), power(r.TimeUS, 1417e6, "board"); low >= high {
		t.Errorf("%g W at 1132 MHz, %g at 1417", low, high)
	}
	if chip := power(r.TimeUS, 0, "chip"); chip >= same {
		t.Errorf("%g W of the chip, %g of the board", chip, same)
	}
}
