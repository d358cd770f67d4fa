package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gpusim/workloads"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

// evaluate computes formulas in float64, a row at a time.
func evaluate(w *workloads.Custom, e *workloads.Expr, row map[string][]float64) []float64 {
	out := make([]float64, w.Cols)
	if e.Name != "" {
		if v, ok := row[e.Name]; ok {
			return v
		}
		for _, l := range w.Lets {
			if l.Name == e.Name {
				row[e.Name] = evaluate(w, l.Expr, row)
			}
		}
		return row[e.Name]
	}
	var a [][]float64
	for _, x := range e.Args {
		a = append(a, evaluate(w, x, row))
	}
	for i := range out {
		switch {
		case e.Func == "":
			out[i] = e.Number
		case e.Func == "rowsum":
			out[i] = meanOf(a[0]) * float64(len(a[0]))
		case e.Func == "rowmean":
			out[i] = meanOf(a[0])
		case e.Func == "rowmax":
			out[i] = slices.Max(a[0])
		case e.Func == "erf":
			out[i] = math.Erf(a[0][i])
		case e.Func == "select":
			out[i] = a[2][i]
			if a[0][i] > 0 {
				out[i] = a[1][i]
			}
		case plain[e.Func] != nil:
			out[i] = plain[e.Func](a[0][i])
		default:
			out[i] = plain2[e.Func](a[0][i], a[1][i])
		}
	}
	return out
}

// checkCustom executes a described kernel and compares it with its formulas.
func checkCustom(t *testing.T, file, sizes string) {
	t.Helper()
	parsed, err := workloads.Parse("custom:" + file + sizes)
	if err != nil {
		t.Fatal(err)
	}
	w := parsed.Custom
	k, err := Custom(w, device)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, ks: []*tile.Kernel{k}, m: replay.New(k.Tensors), r: rand.New(rand.NewPCG(7, 7)), l: &workloads.Layer{Kind: workloads.KindSoftmax}}
	in := map[string][]float64{}
	for _, x := range w.Inputs {
		in[x.Name] = r.random(x.Name, w.DType, 0.5, 3)
	}
	r.execute(nil)
	var want []float64
	for i := range w.Rows {
		row := map[string][]float64{}
		for _, x := range w.Inputs {
			switch x.Shape {
			case "row":
				row[x.Name] = in[x.Name]
			case "col":
				row[x.Name] = slices.Repeat(in[x.Name][i:i+1], w.Cols)
			default:
				row[x.Name] = in[x.Name][i*w.Cols : (i+1)*w.Cols]
			}
		}
		want = append(want, evaluate(w, &workloads.Expr{Name: w.Output}, row)...)
	}
	r.near(parsed.Text, r.get(w.Output, w.DType), max(1e-5, epsilon(w.DType)), func(i int) float64 { return want[i] })
}

func TestCustomKernels(t *testing.T) {
	for _, sizes := range []string{"", ",rows=3,cols=2500", ",rows=2,cols=4096,dtype=fp16", ",rows=1,cols=1"} {
		checkCustom(t, "testdata/softcap.yaml", sizes)
	}
	for i, body := range []string{
		"inputs: [x]\noutput: y = x*x - 2/x + 1",
		"inputs: [x, z]\noutput: y = select(x - z, -x^2, gelu(z)) + max(x, 1) * 3",
		"inputs: [x]\nlet:\n  - m = rowmean(x)\n  - v = rowmean((x-m)^2)\noutput: y = (x - m) * rsqrt(v + 1e-5)",
		"inputs: [x, \"w: row\"]\noutput: y = x * w + 2^-1",
		"inputs: [x]\noutput: y = rowmax(x) + 0*x",
		"inputs: [x]\noutput: y = erf(x) + sigmoid(-x) * log(x) - abs(-x)",
	} {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("k%d.yaml", i))
		if err := os.WriteFile(file, []byte("rows: 5\ncols: 77\n"+body+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		checkCustom(t, file, "")
		checkCustom(t, file, ",cols=1500")
	}
}
