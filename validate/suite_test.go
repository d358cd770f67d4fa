package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

const suiteHeader = "device,suite,workload,m,n,k,dtype,kernel,launches,hw_cycles,other_err_pct,source\n"

func alike(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

// Two programs of 1 and 4 cycles that a simulator takes to be equal: their
// shares of the geometric mean are 1/2 and 2, simulated 1 and 1.
func TestRatioErrors(t *testing.T) {
	for _, factor := range []float64{1, 7, 1e-3} {
		e := suiteError("x", []float64{1, 4}, []float64{factor, factor})
		if !alike(e.RatioMAPE, 75) || !alike(e.RatioMax, 100) {
			t.Errorf("factor %g: ratio errors %g, at most %g; want 75 and 100", factor, e.RatioMAPE, e.RatioMax)
		}
		want := (math.Abs(factor-1) + math.Abs(factor-4)/4) / 2 * 100
		if !alike(e.CycleMAPE, want) {
			t.Errorf("factor %g: cycles off by %g %%, want %g", factor, e.CycleMAPE, want)
		}
	}
	if e := suiteError("x", []float64{1}, []float64{2}); !math.IsNaN(e.RatioMAPE) || !alike(e.CycleMAPE, 100) {
		t.Errorf("one program has no ratio: %+v", e)
	}
}

// clocked takes m cycles of a clock of 2 GHz.
func clocked(t *testing.T) Runner {
	return func(_ context.Context, _ *configs.Machine, w workloads.Workload, o gpusim.Options) (gpusim.Result, error) {
		switch {
		case w.GEMM.K == 13:
			return gpusim.Result{}, errors.New("deadlock")
		case w.GEMM.Kernel == "":
			return gpusim.Result{TimeUS: 1, ClockMHz: 2000}, nil
		case w.GEMM.Kernel != "lib" || o.Splits != 1:
			t.Errorf("%s runs with k split %d times", w.Text, o.Splits)
		}
		return gpusim.Result{TimeUS: float64(w.GEMM.M) / 2000, ClockMHz: 2000}, nil
	}
}

func TestSuites(t *testing.T) {
	tab, err := load(t, suiteHeader+
		"V,S,a,100,64,64,fp32,lib,3,600,25,x\n"+ // 300 cycles simulated, the other says 750
		"V,S,b,400,64,64,fp32,lib,3,600,-50,x\n"+ // 1200, the other 300
		"V,S,c,400,64,13,fp32,lib,3,600,900,x\n"+
		"unknown,T,d,400,64,64,fp32,lib,3,600,10,x\n")
	if err != nil || tab.Suites() != 2 || tab.Len() != 0 {
		t.Fatal(err)
	}
	rep, err := tab.Run(context.Background(), Options{Run: clocked(t), Machine: machines})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for i := range rep.Suites {
		for _, e := range rep.Suites[i].Errors() {
			fmt.Fprintf(&got, "%s %s: %s %d %.4g %.4g %.4g %.4g\n", rep.Suites[i].Name, rep.Suites[i].Machine, e.Tool, e.Rows, e.RatioMAPE, e.RatioMax, e.CycleMAPE, e.CycleBias)
		}
	}
	// Own shares are 1/2 and 2 where 1 and 1 were measured; the other's are
	// the square root of 2.5 and its inverse. What we could not simulate does
	// not count for the other either.
	want := "S m-V: gpusim 2 75 100 75 25\n" +
		"S m-V: other 2 47.43 58.11 37.5 -12.5\n" +
		"T : other 1 NaN NaN 10 10\n"
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
	if len(rep.Skipped) != 2 || rep.Skipped[0].Line != 4 || rep.Skipped[1].Line != 5 || rep.Failed != 1 || len(rep.Rows) != 0 {
		t.Errorf("%+v", rep)
	}
	if ratios := rep.Suites[0].RatioErrors(); !alike(ratios[0], -50) || !alike(ratios[1], 100) || !math.IsNaN(ratios[2]) {
		t.Errorf("ratio errors %v", ratios)
	}

	// A second run of the same tables starts from nothing.
	if again, err := tab.Run(context.Background(), Options{Run: fakeError, Machine: machines}); err != nil || again.Suites[0].Machine != "" {
		t.Errorf("%+v %v", again, err)
	}

	text, err := rep.JSON(0)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Suites []struct {
			Suite, Device, Machine string
			Tools                  []map[string]any
			PerRow                 []map[string]any `json:"per_row"`
		}
	}
	if err := json.Unmarshal(text, &o); err != nil || len(o.Suites) != 2 || o.Suites[0].Tools[1]["ratio_mape"] == nil ||
		o.Suites[0].PerRow[0]["simulated_cycles"] != 300.0 || o.Suites[0].PerRow[2]["ratio_error_pct"] != nil {
		t.Errorf("%s %v", text, err)
	}
	if csv := string(rep.SuitesCSV()); !strings.Contains(csv, "\n2,S,a,lib,3,600,300,-50,-50,") || !strings.Contains(csv, "\n4,S,c,lib,3,600,,,,") {
		t.Error(csv)
	}
}

func fakeError(context.Context, *configs.Machine, workloads.Workload, gpusim.Options) (gpusim.Result, error) {
	return gpusim.Result{}, errors.New("deadlock")
}

func TestSuiteTableErrors(t *testing.T) {
	for _, c := range []struct{ row, want string }{
		{"V,S,a,0,64,64,fp32,lib,3,600,25,x", `t.csv:2: m: "0" is not a whole number above 0`},
		{"V,S,a,1,64,x,fp32,lib,3,600,25,x", `t.csv:2: k: "x" is not`},
		{"V,S,a,1,64,64,fp99,lib,3,600,25,x", "fp99"},
		{"V,S,a,1,64,64,fp32,lib,1.5,600,25,x", "t.csv:2: launches: "},
		{"V,S,a,1,64,64,fp32,lib,3,0,25,x", `t.csv:2: hw_cycles: "0" is not a number above 0`},
		{"V,S,a,1,64,64,fp32,lib,3,NaN,25,x", "t.csv:2: hw_cycles: "},
		{"V,S,a,1,64,64,fp32,lib,3,600,-100,x", `t.csv:2: other_err_pct: "-100" is not a number above -100`},
		{"V,S,a,1,64,64,fp32,lib,3,600,,x", "t.csv:2: other_err_pct: "},
		{"V,S,a,1,64,64,fp32,lib,3,600", "t.csv:2: "},
	} {
		_, err := load(t, suiteHeader+c.row+"\n")
		var e *workloads.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.row, err, c.want)
		}
	}
}

// The shipped suites: every program runs on the machine for their board, its
// name is its shape, and the number of launches fits what silicon can do.
func TestPublishedSuites(t *testing.T) {
	tab := &Tables{}
	if err := tab.LoadPublished(func(string) bool { return false }, every); err != nil {
		t.Fatal(err)
	}
	m, err := configs.Load("quadro-v100", nil)
	if err != nil {
		t.Fatal(err)
	}
	closest := math.Inf(1)
	for _, s := range tab.suites {
		if len(s.Rows) != 10 {
			t.Errorf("%s has %d programs", s.Name, len(s.Rows))
		}
		for _, r := range s.Rows {
			g := r.work.GEMM
			if _, shape, _ := strings.Cut(r.Program, "-"); shape != fmt.Sprintf("%dx%dx%d", g.M, g.N, g.K) {
				t.Errorf("%s is %dx%dx%d", r.Program, g.M, g.N, g.K)
			}
			// The busiest SM has to do its tiles' arithmetic in each launch.
			perClk := 64.0
			if g.DType == "fp16" {
				perClk = 512
			}
			tiles := ceil(ceil(g.M, 128)*ceil(g.N, 128), m.GPU.SM.Count)
			launches := r.Measured * perClk / float64(tiles*128*128*g.K)
			if float64(r.Launches) > launches {
				t.Errorf("%s: %d launches, at most %.2f fit the measured cycles", r.Program, r.Launches, launches)
			}
			closest = math.Min(closest, launches)
		}
	}
	if closest >= 8 {
		t.Errorf("the cycles leave room for %.2f launches, so they do not say that there were 7", closest)
	}
	rep, err := tab.Run(context.Background(), Options{
		Run: gpusim.Run, Fidelity: gpusim.Analytic, Machine: func(string) (*configs.Machine, error) { return m, nil },
	})
	if err != nil || len(rep.Skipped) > 0 || len(rep.Suites) != 2 {
		t.Fatalf("%+v %v", rep.Skipped, err)
	}
	for i := range rep.Suites {
		for _, e := range rep.Suites[i].Errors() {
			if e.Rows != 10 || !(e.RatioMAPE >= 0) {
				t.Errorf("%s: %+v", rep.Suites[i].Name, e)
			}
		}
	}
}
