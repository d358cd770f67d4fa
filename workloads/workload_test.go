package workloads

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const base = "gemm:m=3,n=5,k=7,dtype=fp16,acc=fp32,ta=n,tb=n,batch=1,order=col"
	for _, c := range []struct{ in, text, short string }{
		{"gemm:3x5x7:fp16", base, "gemm:3x5x7:fp16"},
		{" GEMM:3X5X7:Half ", base, "gemm:3x5x7:fp16"},
		{"gemm:k=7,n=5,m=3,dtype=amp_fp16", base, "gemm:3x5x7:fp16"},
		{"gemm:3x5x7", "gemm:m=3,n=5,k=7,dtype=fp32,acc=fp32,ta=n,tb=n,batch=1,order=col", "gemm:3x5x7:fp32"},
		{"gemm:3x5x7:fp64", "gemm:m=3,n=5,k=7,dtype=fp64,acc=fp64,ta=n,tb=n,batch=1,order=col", "gemm:3x5x7:fp64"},
		{"gemm:3x5x7:fp8_e4m3", "gemm:m=3,n=5,k=7,dtype=fp8,acc=fp32,ta=n,tb=n,batch=1,order=col", "gemm:3x5x7:fp8"},
		{"gemm:3x5x7:int8", "gemm:m=3,n=5,k=7,dtype=int8,acc=int32,ta=n,tb=n,batch=1,order=col", "gemm:3x5x7:int8"},
		{
			"gemm:3x5x7:fp16,acc=fp16,ta=t,batch=4,kernel=volta_h884gemm_64x64",
			"gemm:m=3,n=5,k=7,dtype=fp16,acc=fp16,ta=t,tb=n,batch=4,order=col,kernel=volta_h884gemm_64x64",
			"gemm:3x5x7:fp16,acc=fp16,ta=t,batch=4,kernel=volta_h884gemm_64x64",
		},
		{"gemm:3x5x8:fp16,kernel=a,sparse=TRUE", "gemm:m=3,n=5,k=8,dtype=fp16,acc=fp32,ta=n,tb=n,batch=1,order=col,sparse=true,kernel=a", "gemm:3x5x8:fp16,sparse=true,kernel=a"},
		{"gemm:3x5x7:fp16,sparse=false", base, "gemm:3x5x7:fp16"},
		{"gemm:3x5x7:fp16,epilogue=relu,beta=-0.50", base + ",beta=-0.5,epilogue=relu", "gemm:3x5x7:fp16,beta=-0.5,epilogue=relu"},
		{"gemm:3x5x7:fp16,beta=0", base, "gemm:3x5x7:fp16"},
		// Row-major C = A x B' is column-major C' = B x A'.
		{"gemm:m=3,n=5,k=7,ta=n,tb=t,order=row", "gemm:m=5,n=3,k=7,dtype=fp32,acc=fp32,ta=t,tb=n,batch=1,order=col", "gemm:5x3x7:fp32,ta=t"},
	} {
		w, err := Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if w.Text != c.text || w.Short() != c.short || w.Kind != KindGEMM {
			t.Errorf("%s: got %q and %q, want %q and %q", c.in, w.Text, w.Short(), c.text, c.short)
		}
		for _, s := range []string{w.Text, w.Short()} {
			if again, err := Parse(s); err != nil || again.Text != w.Text {
				t.Errorf("%s does not round-trip: %v %v", s, again, err)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                                         "empty workload",
		"gemm":                                     "want KIND:PARAMETERS",
		"gemm:":                                    "is not MxNxK",
		"gemm:1x2":                                 "is not MxNxK",
		"gemm:1x2x0":                               "k=0 is out of range (allowed 1..2147483647)",
		"gemm:1x2x-3":                              "k=-3 is not a whole number of 1 or more",
		"gemm:1x2x2147483648":                      "k=2147483648 is out of range",
		"gemm:1x2x99999999999999999999":            "out of range",
		"gemm:1x2x3.5":                             "not a whole number",
		"gemm:1x2x":                                "out of range",
		"gemm:1x2x3,beta=one":                      "beta=one is not a number",
		"gemm:1x2x3,beta=Inf":                      "beta=Inf is not a number",
		"gemm:1x2x3:fp12":                          `unknown dtype "fp12" (did you mean "fp32"?)`,
		"conv:c=3,h=8,w=8,k=4,r=3,s=3,pad=-1":      "pad=-1 is not a whole number of 0 or more",
		"conv:c=3,h=8,w=8,k=4,r=3,s=3,stride=-1":   "stride=-1 is not a whole number of 1 or more",
		"gemm:m=1,n=2":                             "k is missing",
		"gemm:m=1,n=2,k=3,m=1":                     "m is given twice",
		"gemm:1x2x3,m=1":                           "m is given twice",
		"gemm:m=1,n=2,k=3,bacth=1":                 `unknown key "bacth" (did you mean "batch"?)`,
		"gemm:m=1,n=2,k=3,frobnicate=1":            `unknown key "frobnicate" (allowed: m, n, k,`,
		"gemm:m=1,n=2,k=3,ta=x":                    "ta=x (allowed: n, t)",
		"gemm:m=1,n=2,k=3,order=zig":               "order=zig (allowed: col, row)",
		"gemm:m=1,n=2,k=3,batch=0":                 "batch=0 is out of range",
		"gemm:m=1,n=2,k=3,batch=":                  "batch has no value",
		"gemm:m=1,n=2,k=3,,":                       "is not key=value",
		"gemm:1x2x3:fp32,acc=fp16":                 `fp32 is not accumulated in "fp16" (allowed: fp32)`,
		"gemm:1x2x3,kernel=a b":                    "letters, digits",
		"gemm:1x2x4,sparse=2:4":                    "sparse=2:4 (allowed: true, false)",
		"gemm:2147483647x2147483647x4":             "more than 2^63 operations",
		"gemm:9x9x2147483647,batch=2147483647":     "more than 2^63 operations",
		"conv:n=1":                                 "c is missing",
		"conv:c=1,h=2,w=2,k=1,r=3,s=3":             "the output is empty: a 3x3 filter (dilation 1x1) does not fit 2x2 points with padding 0x0",
		"conv:c=3,h=2,w=2,k=1,r=1,s=1,groups=2":    "groups=2 does not divide c=3 and k=1",
		"conv:c=3,h=2,w=2,k=1,r=1,s=1,pass=up":     "pass=up (allowed: fwd, bwd_data, bwd_weight)",
		"conv:n=9999999,c=999,h=9,w=9,k=1,r=1,s=1": "has more than 2^31 elements",
		"gem:1x2x3":                                `unknown kind "gem" (did you mean "gemm"?)`,
		"quux:1":                                   `unknown kind "quux" (supported: gemm, conv, elementwise, softmax,`,
	} {
		_, err := Parse(in)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v, want an *Error", in, err)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %q, want one line with %q", in, err, want)
		}
		if e.Unsupported != strings.Contains(want, "not supported yet") {
			t.Errorf("%q: Unsupported is %v", in, e.Unsupported)
		}
	}
}

// The byte limit is reachable without the operation limit only through
// OfGEMM's own arithmetic, so it is tested there.
func TestProductOverflow(t *testing.T) {
	if p, ok := product(MaxDim, MaxDim, 2); !ok || p != 2*int64(MaxDim)*int64(MaxDim) {
		t.Errorf("2*(2^31-1)^2 fits, got %d %v", p, ok)
	}
	if p, ok := product(MaxDim, MaxDim, 3); ok {
		t.Errorf("3*(2^31-1)^2 does not fit, got %d", p)
	}
}

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	const header = "device,precision_in,precision_acc,tensor_core,m,n,k,trans_a,trans_b,batch,time_us,source"
	for _, c := range []struct {
		arg  string
		want string // texts joined, or the error behind "!"
	}{
		{"gemm:1x2x3", "gemm:1x2x3:fp32"},
		{write("a.yaml", "- gemm:1x2x3\n- gemm:4x5x6:fp16\n"), "gemm:1x2x3:fp32 gemm:4x5x6:fp16"},
		{write("b.yaml", "workloads:\n  - gemm:1x2x3\n"), "gemm:1x2x3:fp32"},
		{write("c.yaml", "- gemm:1x2x3\n- gemm:1x2\n"), "!c.yaml:2: workload"},
		{write("d.yaml", "jobs: [gemm:1x2x3]\n"), "!want one key"},
		{write("e.yaml", "- {a: b}\n"), "!e.yaml:1: want a workload string"},
		{write("f.yaml", ""), "!empty file"},
		{write("g.yaml", "[]"), "!want a list"},
		{write("h.yaml", "- gemm:1x2x3\n---\n- gemm:1x2x3\n"), "!more than one document"},
		{write("i.yaml", "- [\n"), "!i.yaml: "},
		{write("a.csv", header+"\nV,fp32,fp32,false,1,2,3,N,T,1,5,DeepBench\nV,fp32,fp32,false,1,2,3,N,T,1,6,DeepBench\nV,fp32,fp32,false,1,2,3,N,T,1,5,NeuSight\n"),
			"gemm:1x2x3:fp32,tb=t gemm:2x1x3:fp32,ta=t"},
		{write("b.csv", header+"\nV,fp32,fp32,false,1,2,0,N,T,1,5,x\n"), "!b.csv:2: k: 0 is out of range"},
		{write("c.csv", header+"\nV,fp32,fp32,false,1,2,3,N,T,1,-5,x\n"), `!c.csv:2: time_us: "-5" is not a time above 0`},
		{write("d.csv", header+"\nV,fp32\n"), "!d.csv:2: 2 fields where the header has 12"},
		{write("e.csv", "a,b\n1,2\n"), "!e.csv:1: a table of an unknown kind (known kinds: measured GEMMs, measured convolutions, layers of a network, a SCALE-Sim topology"},
		{write("e2.csv", "layer,workload\nx,y\n"), "!e2.csv:1: a table of an unknown kind: for layers of a network it lacks the columns count (known kinds: "},
		{write("e3.csv", "device,m,n,k,time_us\nx,1,1,1,2\n"), "!e3.csv:1: a table of an unknown kind: for measured GEMMs it lacks the columns precision_in, precision_acc, "},
		{write("f.csv", header+"\n"), "!no rows"},
		{write("g.csv", header+",order\nV,fp32,fp32,false,1,2,3,N,T,1,5,x,row\n"), "gemm:2x1x3:fp32,ta=t"},
		{write("g2.csv", header+",beta\nV,fp32,fp32,false,1,2,3,N,T,1,5,x,1\nV,fp32,fp32,false,1,2,3,N,T,1,5,x,\n"), "gemm:1x2x3:fp32,tb=t,beta=1 gemm:1x2x3:fp32,tb=t"},
		{write("g3.csv", header+",beta\nV,fp32,fp32,false,1,2,3,N,T,1,5,x,much\n"), "!g3.csv:2: beta: much is not a number"},
		{write("h.csv", header+"\nV,fp32,fp32,maybe,1,2,3,N,T,1,5,x\n"), "!tensor_core: \"maybe\" is neither true nor false"},
		{write("net.onnx", "x"), "!the file ends within a field"},
		{filepath.Join(dir, "none.yaml"), "!cannot be read: no such file"},
	} {
		ws, err := Expand(c.arg)
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: got %v, want one line with %q", c.arg, err, want)
			}
			continue
		}
		var got []string
		for _, w := range ws {
			got = append(got, w.Short())
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q (%v), want %q", c.arg, got, err, c.want)
		}
	}
}

func TestListedFormsParse(t *testing.T) {
	base := ""
	for _, f := range List() {
		s := f.Form
		switch {
		case strings.Contains(s, "FILE"):
			continue
		case strings.HasPrefix(s, "  "):
			// Keys that the form above has already are given anew.
			for _, opt := range strings.Split(s[2:], ",") {
				key, _, _ := strings.Cut(opt, "=")
				if !strings.Contains(base, ","+key+"=") && !strings.HasPrefix(base, KindConv+":"+key+"=") {
					mustParse(t, base+","+opt)
				}
			}
		default:
			base = s
			mustParse(t, base)
		}
	}
}

func mustParse(t *testing.T, s string) {
	t.Helper()
	if _, err := Parse(s); err != nil {
		t.Error(err)
	}
}

func TestTypes(t *testing.T) {
	for _, d := range DTypes() {
		if elemBytes[d] == 0 || len(accs[d]) == 0 {
			t.Errorf("%s has no size or no accumulator", d)
		}
		if got, err := DType(strings.ToUpper(d)); err != nil || got != d {
			t.Errorf("%s: %q %v", d, got, err)
		}
	}
	for a, d := range aliases {
		if d != "int32" && !contains(dtypes, d) {
			t.Errorf("alias %s means %s, which is no type", a, d)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ in, want string }{{"bacth", "batch"}, {"odrer", "order"}, {"dtyp", "dtype"}, {"xyz", ""}, {strings.Repeat("a", 100), ""}} {
		got, ok := Nearest(c.in, gemmKeys)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: got %q %v", c.in, got, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"gemm:1x2x3:fp16", "gemm:m=1,n=2,k=3,dtype=half,ta=t,order=row,batch=9,kernel=a_1", "conv:n=1", "conv:n=4,c=3,h=9,w=8,k=8,r=3,s=1,groups=1,pad_h=1,stride=2,layout=nhwc,pass=bwd_data,algo=x", "gemm:,", "gemm:1x1x1:fp16,acc=fp16"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := Parse(s)
		if err != nil {
			if w.Shape() != nil || strings.TrimSpace(err.Error()) == "" {
				t.Fatalf("%q: workload %v beside error %v", s, w, err)
			}
			return
		}
		for _, text := range []string{w.Text, w.Short()} {
			again, err := Parse(text)
			if err != nil || !reflect.DeepEqual(again, w) || again.Text != w.Text {
				t.Fatalf("%q -> %q does not come back: %v %v", s, text, again, err)
			}
		}
	})
}
