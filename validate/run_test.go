package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

const header = "device,precision_in,precision_acc,tensor_core,m,n,k,trans_a,trans_b,batch,time_us,source,kernel\n"

// fake takes m microseconds and counts its calls.
func fake(calls *atomic.Int64) Runner {
	return func(_ context.Context, _ *configs.Machine, w workloads.Workload, o gpusim.Options) (gpusim.Result, error) {
		calls.Add(1)
		g := w.GEMM
		switch g.K {
		case 13:
			return gpusim.Result{}, errors.New("deadlock")
		case 17:
			return gpusim.Result{}, &gpusim.InputError{Err: errors.New("no such kernel")}
		case 19:
			panic("boom")
		}
		kernel, splits := "auto_128x64", 2
		if o.Kernel != "" {
			kernel, splits = o.Kernel, o.Splits
		}
		return gpusim.Result{TimeUS: float64(g.M) + 1, Layers: []gpusim.Layer{
			{Name: "gemm", Kernel: kernel, CTATile: "128x64x8", Grid: fmt.Sprintf("1x2x%d", splits*g.Batch), TimeUS: float64(g.M)},
			{Name: "gemm", Kernel: "reduce", TimeUS: 1},
		}}, nil
	}
}

func load(t *testing.T, text string) (*Tables, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tab := &Tables{}
	return tab, tab.LoadFile(path)
}

func machines(device string) (*configs.Machine, error) {
	if device == "unknown" {
		return nil, nil
	}
	return &configs.Machine{Name: "m-" + device}, nil
}

func TestRun(t *testing.T) {
	tab, err := load(t, header+
		"V,fp32,fp32,false,100,64,64,N,N,1,101,x,auto_128x64_nn g1x2x3 b128\n"+ // line 2
		"V,fp32,fp32,false,100,64,64,N,N,1,202,x,\n"+ // shares line 2's simulation
		"V,fp16,fp32,true,51,9,30,N,T,1,50,DeepBench,\n"+ // runs as 56x16x32
		"unknown,fp32,fp32,false,1,2,3,N,N,1,1,x,\n"+
		"V,fp32,fp32,false,1,2,13,N,N,1,1,x,\n"+
		"V,fp32,fp32,false,1,2,17,N,N,1,1,x,\n"+
		"V,fp32,fp32,false,1,2,19,N,N,1,1,x,\n"+
		"V,fp32,fp32,true,1,2,3,N,N,1,1,x,\n"+
		"V,fp16,fp16,true,200,64,64,N,N,2,201.6,x,z_128x64 g1x2x4\n")
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for _, workers := range []int{1, 4} {
		var calls atomic.Int64
		rep, err := tab.Run(context.Background(), Options{Run: fake(&calls), Machine: machines, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if calls.Load() != 6 {
			t.Errorf("%d simulations for 7 rows of which two are the same", calls.Load())
		}
		var got strings.Builder
		for _, r := range rep.Rows {
			fmt.Fprintf(&got, "%d %s %s %g %g tile %v split %v\n", r.Line, r.Class, r.Workload, r.Measured, r.Simulated, r.TileHit, r.SplitHit)
		}
		want := "2 fp32 gemm:100x64x64:fp32 101 101.6 tile true split false\n" +
			"3 fp32 gemm:100x64x64:fp32 202 101.6 tile false split false\n" +
			"4 fp16-tc gemm:56x16x32:fp16,tb=t 50 60 tile false split false\n" +
			"10 fp16-tc/acc16 gemm:200x64x64:fp16,acc=fp16,batch=2 201.6 201.6 tile true split true\n"
		if got.String() != want {
			t.Errorf("rows:\n%swant\n%s", got.String(), want)
		}
		var skips []string
		for _, s := range rep.Skipped {
			skips = append(skips, fmt.Sprintf("%d %s", s.Line, s.Reason))
		}
		wantSkips := `5 no machine file answers to the device "unknown"|6 simulation failed: deadlock|7 no such kernel|8 simulation failed: internal fault: boom|9 fp32 on matrix units is not modelled`
		if strings.Join(skips, "|") != wantSkips || rep.Failed != 2 || rep.Interrupted {
			t.Errorf("skipped %s, failed %d", strings.Join(skips, "|"), rep.Failed)
		}
		if m := rep.Match(); fmt.Sprint(m) != "{2 2 2 1 0 0 map[]}" {
			t.Errorf("match %+v", m)
		}
		text, err := rep.JSON(0)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(text)
		} else if first != string(text) {
			t.Error("the report depends on the number of workers")
		}
	}
}

func TestForceRecorded(t *testing.T) {
	tab, err := load(t, header+"V,fp32,fp32,false,100,64,64,N,N,2,101,x,rec_128x64_nn g1x2x6 b128\nV,fp32,fp32,false,100,64,64,N,N,2,101,x,\n")
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	rep, err := tab.Run(context.Background(), Options{Run: fake(&calls), Machine: machines, ForceRecorded: true})
	if err != nil || len(rep.Rows) != 2 || rep.Rows[0].Kernel != "rec_128x64_nn" || !rep.Rows[0].SplitHit || rep.Rows[1].Kernel != "auto_128x64" {
		t.Errorf("%+v %v", rep, err)
	}
}

// TestForceCutName: of a name that is cut before its tile, the grid tells the kernel.
func TestForceCutName(t *testing.T) {
	tab, err := load(t, header+"V,fp32,fp32,false,512,2048,6144,T,N,1,388,x,sm80_xmma_gemm_f32f32_f32f32_f32_tn_n_tilesize64 g32x8x1 b128 nk1\n")
	if err != nil {
		t.Fatal(err)
	}
	hopper := func(string) (*configs.Machine, error) { return configs.Load("hopper", nil) }
	var calls atomic.Int64
	rep, err := tab.Run(context.Background(), Options{Run: fake(&calls), Machine: hopper, ForceRecorded: true})
	const want = "sm80_xmma_gemm_f32f32_f32f32_f32_tilesize64x64"
	if err != nil || len(rep.Rows) != 1 || rep.Rows[0].Kernel != want {
		t.Errorf("%+v %v, want %s", rep.Rows, err, want)
	}
}

func TestInterrupt(t *testing.T) {
	var text strings.Builder
	text.WriteString(header)
	for i := range 50 {
		fmt.Fprintf(&text, "V,fp32,fp32,false,%d,64,64,N,N,1,101,x,\n", i+1)
	}
	tab, err := load(t, text.String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var calls atomic.Int64
	run := func(c context.Context, m *configs.Machine, w workloads.Workload, o gpusim.Options) (gpusim.Result, error) {
		if w.GEMM.M == 10 {
			cancel()
			return gpusim.Result{}, c.Err()
		}
		return fake(&calls)(c, m, w, o)
	}
	rep, err := tab.Run(ctx, Options{Run: run, Machine: machines, Workers: 1})
	if err != nil || !rep.Interrupted || rep.Failed != 0 || len(rep.Skipped) != 0 {
		t.Fatalf("%+v %v", rep, err)
	}
	// The queue may hand out one more after the cancellation.
	if n := len(rep.Rows); n < 9 || n > 11 {
		t.Errorf("%d rows finished, want those before the interrupt", n)
	}
}

func TestLoadErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{header + "V,fp32,fp32,false,1,2,3,N,N,1,0,x,\n", "t.csv:2: time_us:"},
		{header + "V,fp32,fp32,false,1,2,3,N,N,1,5,x,\nV,fp99,fp32,false,1,2,3,N,N,1,5,x,\n", "t.csv:3: precision_in: unknown dtype"},
		{header + "V,fp32,fp32,false,1,2,3,N,N,1,5,\"x,\n", "t.csv:2: "},
		{"a,b\n1,2\n", "t.csv:1: a table of an unknown kind (known kinds: measured GEMMs, "},
		{"device,op,shape,time_us\nV,add,2x2,1\n", "t.csv:1: a table of an unknown kind: for measured element-wise operators it lacks the columns precision, source"},
		{"", "empty file"},
		{strings.TrimSuffix(header, "\n") + ",method\nV,fp32,fp32,false,1,2,3,N,N,1,5,x,,hot\n", `t.csv:2: method: unknown method "hot"`},
	} {
		_, err := load(t, c.text)
		var e *workloads.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

// The shipped table must stay readable, and every class of it simulable.
func TestPublished(t *testing.T) {
	tab := &Tables{}
	if err := tab.LoadPublished(every, every); err != nil {
		t.Fatal(err)
	}
	if tab.Len() != 363+2326+356+104+17+242+354+43+43+68+20+12+7 { // the last five: Xeon Phi, power of boards and dies, at the wall, of NVDLA
		t.Errorf("%d rows", tab.Len())
	}
	only := &Tables{}
	if err := only.LoadPublished(func(d string) bool { return strings.Contains(d, "V100-PCIE") }, every); err != nil || only.Len() != 191+39+1+4 {
		t.Errorf("%d rows of the PCIe board, %v", only.Len(), err)
	}
	// A NeuSight row is row-major: y = x W^T of 3072x768x2048 runs as 768x3072x2048, transposed.
	if got := only.rows[0].work.Short(); got != "gemm:768x3072x2048:fp32,ta=t" {
		t.Errorf("first row is %s", got)
	}
	// Recorded grids fit our reading of the shapes, row for row: tiles count
	// along m and n of the column-major product.
	for i := range only.rows {
		r, g := &only.rows[i].recorded, only.rows[i].work.GEMM
		if g == nil { // a layer
			continue
		}
		if r.TileM == 0 || ceil(g.M, r.TileM) != r.Grid[0] || ceil(g.N, r.TileN) != r.Grid[1] || r.Splits(g.Batch) == 0 {
			t.Errorf("line %d: %+v does not fit m=%d n=%d batch=%d", only.rows[i].line, *r, g.M, g.N, g.Batch)
		}
	}
}

func every(string) bool { return true }

func ceil(a, b int) int { return (a + b - 1) / b }

// The JSON object is a contract: names, order, nothing missing.
func TestJSONKeys(t *testing.T) {
	tab, err := load(t, header+"V,fp32,fp32,false,100,64,64,N,N,1,101,x,\nunknown,fp32,fp32,false,100,64,64,N,N,1,101,x,\n")
	if err != nil {
		t.Fatal(err)
	}
	rep, err := tab.Run(context.Background(), Options{Run: fake(new(atomic.Int64)), Machine: machines})
	if err != nil {
		t.Fatal(err)
	}
	text, err := rep.JSON(1.5)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	check := func(o map[string]any, keys string) {
		for _, k := range strings.Fields(keys) {
			if _, ok := o[k]; !ok {
				t.Errorf("no key %q in %v", k, o)
			}
		}
	}
	check(o, "rows skipped mape wmape median p90 max bias log_r wall_s classes per_row skipped_rows suites")
	check(o["classes"].([]any)[0].(map[string]any), "class rows mape median p90 max bias")
	check(o["per_row"].([]any)[0].(map[string]any), "line class metric measured simulated error_pct kernel")
	check(o["skipped_rows"].([]any)[0].(map[string]any), "line reason")
	if o["log_r"] != nil || o["rows"].(float64) != 1 || o["skipped"].(float64) != 1 || o["wall_s"].(float64) != 1.5 {
		t.Errorf("%s", text)
	}
}
