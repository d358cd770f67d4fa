package validate

import (
	"math"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
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
	if b.network == nil || b.network.batch != 8 || math.Abs(b.power.us-8/1291.0*1e6) > 1e-6 {
		t.Errorf("%+v %+v", b, b.power)
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
