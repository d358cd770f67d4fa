package workloads

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// MaxDim is the largest size of a matrix side: libraries take 32-bit integers.
const MaxDim = math.MaxInt32

// GEMM is a matrix product with the column-major BLAS meaning: op(A) is M x K,
// op(B) K x N, C M x N.
type GEMM struct {
	M, N, K, Batch int
	DType, Acc     string // canonical types of the elements and the accumulators
	TransA, TransB bool
	Order          string  // how the sizes are meant, col or row; always col after Parse and OfGEMM
	Beta           float64 // C is op(A) op(B) + Beta C: of anything but 0, C is read
	Epilogue       string  // what the kernel does to C before it writes it: steps such as bias+gelu, the bias a value for each of its m rows; empty for none
	Kernel         string  // forces a kernel of the catalogue; empty lets the library choose
	Sparse         bool    // of op(B), column-major, two of every four values along k are zeros that are not stored (2:4)
}

// gemmKeys lists the keys of the long form in canonical order.
var gemmKeys = []string{"m", "n", "k", "dtype", "acc", "ta", "tb", "batch", "order", "beta", "epilogue", "sparse", "kernel"}

// OfGEMM checks a product, fills in what is left empty (accumulator, batch,
// order) and turns a row-major one into the column-major one that computes
// the same: row-major (m,n,k,ta,tb) is column-major (n,m,k,tb,ta), because a
// row-major matrix is a column-major one transposed and C' = B'A'.
func OfGEMM(g GEMM) (Workload, error) {
	fail := func(format string, a ...any) (Workload, error) {
		return Workload{}, &Error{Text: g.typed(), Reason: fmt.Sprintf(format, a...)}
	}
	if g.Batch == 0 {
		g.Batch = 1
	}
	for _, d := range []struct {
		key string
		v   int
	}{{"m", g.M}, {"n", g.N}, {"k", g.K}, {"batch", g.Batch}} {
		if d.v < 1 || d.v > MaxDim {
			return fail("%s=%d is out of range (allowed 1..%d)", d.key, d.v, MaxDim)
		}
	}
	var err error
	if g.DType, err = DType(g.DType); err != nil {
		return fail("%v", err)
	}
	if g.Acc, err = Accumulator(g.DType, g.Acc); err != nil {
		return fail("%v", err)
	}
	switch g.Order {
	case "row":
		g.M, g.N, g.TransA, g.TransB, g.Order = g.N, g.M, g.TransB, g.TransA, "col"
	case "", "col":
		g.Order = "col"
	default:
		return fail("order=%s (allowed: col, row)", g.Order)
	}
	if !finite(g.Beta) {
		return fail("beta=%g is not a number that C can be multiplied by", g.Beta)
	}
	if g.Epilogue, err = epilogue(g.Epilogue); err != nil {
		return fail("%v", err)
	}
	if err := kernelName(g.Kernel); err != nil {
		return fail("%v", err)
	}
	if err := g.checkSize(); err != nil {
		return fail("%v", err)
	}
	return Workload{Kind: KindGEMM, GEMM: &g, Text: g.String()}, nil
}

// checkSize refuses products whose counts would not fit 64-bit integers.
func (g *GEMM) checkSize() error {
	if _, ok := product(2, g.M, g.N, g.K, g.Batch); !ok {
		return fmt.Errorf("%d x %d x %d x batch %d needs more than 2^63 operations", g.M, g.N, g.K, g.Batch)
	}
	for _, t := range []struct {
		name string
		r, c int
	}{{"A", g.M, g.K}, {"B", g.K, g.N}, {"C", g.M, g.N}} {
		if _, ok := product(elemBytes[g.DType], t.r, t.c, g.Batch); !ok {
			return fmt.Errorf("matrix %s of %d x %d x batch %d needs more than 2^63 bytes", t.name, t.r, t.c, g.Batch)
		}
	}
	return nil
}

// product multiplies positive integers and says whether the result fits int64.
func product(factors ...int) (int64, bool) {
	p := uint64(1)
	for _, f := range factors {
		hi, lo := bits.Mul64(p, uint64(f))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, false
		}
		p = lo
	}
	return int64(p), true
}

// String gives the canonical long form.
func (g *GEMM) String() string {
	return fmt.Sprintf("gemm:m=%d,n=%d,k=%d,dtype=%s,acc=%s,ta=%s,tb=%s,batch=%d,order=%s",
		g.M, g.N, g.K, g.DType, g.Acc, letter(g.TransA), letter(g.TransB), g.Batch, g.Order) + g.options()
}

// options are the keys that most products do not have.
func (g *GEMM) options() (s string) {
	if g.Beta != 0 {
		s = ",beta=" + strconv.FormatFloat(g.Beta, 'g', -1, 64)
	}
	if g.Epilogue != "" {
		s += ",epilogue=" + g.Epilogue
	}
	if g.Sparse {
		s += ",sparse=true"
	}
	if g.Kernel != "" {
		s += ",kernel=" + g.Kernel
	}
	return s
}

// typed is the product as far as it is known, for error messages.
func (g *GEMM) typed() string {
	return fmt.Sprintf("gemm:m=%d,n=%d,k=%d,dtype=%s", g.M, g.N, g.K, g.DType)
}

// Type is the type of the elements.
func (g *GEMM) Type() string { return g.DType }

// Batches is the number of products.
func (g *GEMM) Batches() int { return g.Batch }

// Unforced is the product without a kernel name.
func (g *GEMM) Unforced() Shape {
	c := *g
	c.Kernel = ""
	return &c
}

// Short leaves out everything that is a default.
func (g *GEMM) Short() string {
	s := fmt.Sprintf("gemm:%dx%dx%d:%s", g.M, g.N, g.K, g.DType)
	if acc, _ := Accumulator(g.DType, ""); g.Acc != acc {
		s += ",acc=" + g.Acc
	}
	if g.TransA {
		s += ",ta=t"
	}
	if g.TransB {
		s += ",tb=t"
	}
	if g.Batch != 1 {
		s += ",batch=" + strconv.Itoa(g.Batch)
	}
	return s + g.options()
}

func letter(trans bool) string {
	if trans {
		return "t"
	}
	return "n"
}

// gemmKind reads what stands behind "gemm:" in either form.
var gemmKind = kind{
	name: KindGEMM,
	parse: func(rest string) (Workload, error) {
		g, err := parseGEMM(rest)
		if err != nil {
			return Workload{}, err
		}
		return OfGEMM(g)
	},
	forms: []Form{
		{"gemm:m=4096,n=4096,k=4096,dtype=fp16", "matrix product C = op(A) x op(B), column-major as in BLAS"},
		{"  acc=fp32", "accumulator type (default: what the library uses)"},
		{"  ta=n,tb=t", "n plain, t transposed (default n)"},
		{"  batch=16", "independent products of the same shape (default 1)"},
		{"  order=row", "m, n, ta, tb are meant row-major (default col)"},
		{"  beta=1", "C = op(A) x op(B) + beta C: C is read unless beta is 0, the default"},
		{"  epilogue=bias+gelu", "done to C before it is written: bias (per feature: a row of C), add (of a matrix like C), relu or gelu (default none)"},
		{"  sparse=true", "2:4 sparsity: of every four values of op(B) along k (order=row: of op(A)) two are zeros and not stored"},
		{"  kernel=NAME", "forces one kernel of the machine's catalogue"},
		{"gemm:4096x4096x4096:fp16", "the same, short; further key=value may follow after a comma"},
	},
}

func parseGEMM(s string) (GEMM, error) {
	g := GEMM{DType: "fp32", Batch: 1}
	seen := map[string]bool{}
	if first, rest, more := strings.Cut(s, ","); !strings.Contains(first, "=") {
		if err := g.parseShape(first, seen); err != nil {
			return g, err
		}
		if s = rest; !more {
			return g, nil
		}
	}
	return g, pairs(s, gemmKeys, gemmKeys[:3], seen, g.set)
}

// parseShape reads MxNxK or MxNxK:DTYPE.
func (g *GEMM) parseShape(s string, seen map[string]bool) error {
	shape, dtype, typed := strings.Cut(s, ":")
	dims := strings.Split(strings.ToLower(strings.TrimSpace(shape)), "x")
	if len(dims) != 3 {
		return fmt.Errorf("%q is not MxNxK (example: 4096x4096x4096)", shape)
	}
	for i, d := range dims {
		if err := g.set(gemmKeys[i], d); err != nil {
			return err
		}
		seen[gemmKeys[i]] = true
	}
	if typed {
		seen["dtype"] = true
		return g.set("dtype", dtype)
	}
	return nil
}

// set assigns one key.
func (g *GEMM) set(key, value string) (err error) {
	switch key {
	case "m":
		g.M, err = dim(key, value)
	case "n":
		g.N, err = dim(key, value)
	case "k":
		g.K, err = dim(key, value)
	case "batch":
		g.Batch, err = dim(key, value)
	case "dtype":
		g.DType, err = DType(value)
	case "acc":
		g.Acc = value // checked when the type is known
	case "ta":
		g.TransA, err = trans(key, value)
	case "tb":
		g.TransB, err = trans(key, value)
	case "order":
		if g.Order = strings.ToLower(value); g.Order != "col" && g.Order != "row" {
			err = fmt.Errorf("order=%s (allowed: col, row)", value)
		}
	case "beta":
		g.Beta, err = factor(key, value)
	case "epilogue":
		g.Epilogue = value
	case "sparse":
		if g.Sparse, err = strconv.ParseBool(value); err != nil {
			err = fmt.Errorf("sparse=%s (allowed: true, false)", value)
		}
	case "kernel":
		g.Kernel, err = value, kernelName(value)
	}
	return err
}

// dim reads a size: decimal digits only.
func dim(key, s string) (int, error) { return wholeNumber(key, s, 1) }

func wholeNumber(key, s string, least int) (int, error) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%s=%s is not a whole number of %d or more", key, s, least)
		}
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > MaxDim {
		return 0, fmt.Errorf("%s=%s is out of range (allowed %d..%d)", key, s, least, MaxDim)
	}
	return v, nil
}

// factor reads a number that a matrix is multiplied by.
func factor(key, s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !finite(v) {
		return 0, fmt.Errorf("%s=%s is not a number", key, s)
	}
	return v, nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func trans(key, s string) (bool, error) {
	switch strings.ToLower(s) {
	case "n":
		return false, nil
	case "t":
		return true, nil
	}
	return false, fmt.Errorf("%s=%s (allowed: n, t)", key, s)
}

// kernelName keeps names free of what would break the canonical form.
func kernelName(s string) error {
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.') {
			return fmt.Errorf("kernel=%s: letters, digits, '_', '-' and '.' only", s)
		}
	}
	return nil
}

// Ops counts multiply and add as two.
func (g *GEMM) Ops() int64 {
	p, _ := product(2, g.M, g.N, g.K, g.Batch) // OfGEMM has checked that it fits
	return p
}

// Bytes is the size of A, B and C in memory, each once, C twice where it is read too, and
// of what the epilogue reads. Sums of integers stay what they are. Of a sparse B half is
// stored, with two bits for each value.
func (g *GEMM) Bytes() float64 {
	m, n, k := float64(g.M), float64(g.N), float64(g.K)
	in := float64(elemBytes[g.DType])
	out := in
	if g.Acc == "int32" {
		out = 4
	}
	b := in * k * n
	if g.Sparse {
		b = (in/2 + sparseIndex(g.DType)) * k * n
	}
	c := out * m * n
	if g.Beta != 0 {
		c *= 2
	}
	return float64(g.Batch)*(in*m*k+b+c) + out*epilogueElements(g.Epilogue, m, float64(g.Batch)*m*n)
}

// sparseIndex is the bytes of metadata for each value of a sparse matrix, zeros
// counted: of a type that keeps two of four, four bits for these; of tf32, which keeps
// one of two, four bits for two.
func sparseIndex(dtype string) float64 {
	if dtype == "tf32" {
		return 1.0 / 4
	}
	return 1.0 / 8
}
