package sweep

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
)

const small = `name: small
base: scalesim
workloads:
  - run: gemm:m=64,n=64,k=64,dtype=int8
  - {run: "gemm:m=128,n=16,k=256,dtype=int8", weight: 2}
axes:
  - key: systolic.rows
    values: [8, 16, 32, 64]
  - key: systolic.cols
    range: {from: 8, to: 64, steps: 4, log: true}
objectives: [time, energy]
fidelity: analytic
`

func space(t *testing.T, text string) *Space {
	t.Helper()
	s, err := Parse("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	sp, err := NewSpace(s)
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

func store(t *testing.T) *Store {
	t.Helper()
	s, err := OpenStore(filepath.Join(t.TempDir(), "p.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// table runs a sweep and gives its rows.
func table(t *testing.T, ctx context.Context, sp *Space, s *Store, o Options) (rows [][]string, r *Result, err error) {
	t.Helper()
	r, err = sp.Run(ctx, s, o, func(rec *record) error {
		rows = append(rows, sp.row(rec))
		return nil
	})
	return rows, r, err
}

func column(t *testing.T, sp *Space, name string) int {
	i := slices.Index(sp.columns(), name)
	if i < 0 {
		t.Fatalf("no column %s", name)
	}
	return i
}

// Each row is what a run of that machine gives.
func TestRowsAreRuns(t *testing.T) {
	t.Parallel()
	sp := space(t, small)
	rows, r, err := table(t, context.Background(), sp, store(t), Options{Workers: 3})
	if err != nil || len(rows) != 16 || r.Levels[0].Finished != 16 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	work := []string{"gemm:m=64,n=64,k=64,dtype=int8", "gemm:m=128,n=16,k=256,dtype=int8"}
	for _, row := range rows {
		m, err := configs.Load("scalesim", []string{"systolic.rows=" + row[0], "systolic.cols=" + row[1]})
		if err != nil {
			t.Fatal(err)
		}
		us, uj := 0.0, 0.0
		for i, text := range work {
			w, err := sp.spec.expand()
			if err != nil || w[i].weight != float64(i+1) {
				t.Fatal(err)
			}
			run, err := gpusim.Run(context.Background(), m, w[i].Workload, gpusim.Options{Fidelity: gpusim.Analytic})
			if err != nil {
				t.Fatal(text, err)
			}
			us += float64(i+1) * run.TimeUS
			uj += float64(i+1) * run.Energy.TotalUJ
		}
		for name, want := range map[string]float64{"time_us": us, "energy_uj": uj} {
			var have float64
			if _, err := fmt.Sscan(row[column(t, sp, name)], &have); err != nil || math.Abs(have-want) > 1e-9*want {
				t.Errorf("%v: %s is %v, a run gives %v", row[:2], name, have, want)
			}
		}
	}
	for _, m := range r.Front {
		for _, row := range rows {
			var us, uj float64
			_, _ = fmt.Sscan(row[column(t, sp, "time_us")], &us)
			_, _ = fmt.Sscan(row[column(t, sp, "energy_uj")], &uj)
			if us < m.value[0]*(1-1e-9) && uj < m.value[1]*(1-1e-9) {
				t.Errorf("point %d is on the front, but %v is better", m.point, row[:2])
			}
		}
	}
}

// What is read does not depend on workers, on interruptions or on what the store holds.
func TestSameRowsHoweverItRan(t *testing.T) {
	t.Parallel()
	for _, search := range []string{"", "search: {method: random, seed: 3}\nbudget: {points: 7}\n", "search: {method: lhs, seed: 5}\nbudget: {points: 6}\n",
		"search: {method: nsga2, seed: 1, population: 4}\nbudget: {points: 10}\n"} {
		text := small + search
		want, first, err := table(t, context.Background(), space(t, text), store(t), Options{Workers: 1})
		if err != nil || len(want) == 0 {
			t.Fatal(err)
		}
		shared := store(t)
		for i := 0; ; i++ { // stopped again and again, after a few points more each time
			ctx, cancel := context.WithCancelCause(context.Background())
			n := 0
			rows, r, err := table(t, ctx, space(t, text), shared, Options{Workers: 2, Progress: func(c Counts) {
				if n++; n > 3*(i+1) {
					cancel(context.Canceled)
				}
			}})
			cancel(nil)
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if err == nil {
				if fmt.Sprint(rows) != fmt.Sprint(want) || r.Text() != first.Text() || !bytes.Equal(r.plot(), first.plot()) {
					t.Errorf("%q: after interruptions\n%v\nfor\n%v", search, rows, want)
				}
				break
			}
		}
		again, r, err := table(t, context.Background(), space(t, text), shared, Options{})
		if err != nil || fmt.Sprint(again) != fmt.Sprint(want) || r.Levels[0].Found < len(want) {
			t.Errorf("%q: %d of %d points found again, %v", search, r.Levels[0].Found, len(want), err)
		}
	}
}

func TestSweepsSharePoints(t *testing.T) {
	t.Parallel()
	s := store(t)
	if _, _, err := table(t, context.Background(), space(t, small), s, Options{}); err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(strings.Replace(small, "name: small", "name: other", 1), "[8, 16, 32, 64]", "[32, 48]", 1)
	rows, r, err := table(t, context.Background(), space(t, other), s, Options{})
	if err != nil || r.Levels[0].Found != 4 || len(rows) != 8 {
		t.Errorf("%d points of another sweep were found, %v", r.Levels[0].Found, err)
	}
	if i := column(t, space(t, other), "workload"); rows[0][i] != "other" {
		t.Errorf("a shared point has the workload %q", rows[0][i])
	}
}

func TestConstraintsAndFormulas(t *testing.T) {
	t.Parallel()
	text := strings.Replace(small, "objectives", "constraints:\n  - macs_per_clk <= 1024 and rows >= 2 * base(rows) / 8\nformulas:\n  - {key: systolic.memory_bandwidth, value: macs_per_clk * 1 MB/s}\nobjectives", 1)
	sp := space(t, text)
	base, _ := sp.machine.Value("systolic.rows")
	rows, r, err := table(t, context.Background(), sp, store(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var a, b float64
		_, _ = fmt.Sscan(row[0], &a)
		_, _ = fmt.Sscan(row[1], &b)
		if a*b > 1024 || a < base/4 {
			t.Errorf("%v is outside the constraints", row[:2])
		}
	}
	if c := r.Levels[0]; c.Outside == 0 || c.Outside+c.Finished != 16 {
		t.Errorf("%+v", c)
	}
	m, err := sp.load([]int{2, 1})
	if v, _ := m.Value("systolic.memory_bandwidth"); err != nil || v != 32*16*1e6 {
		t.Errorf("the formula gives %v, %v", v, err)
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	known := func(name string) error {
		if name == "a" || name == "b.c" {
			return nil
		}
		return fmt.Errorf("unknown name %q", name)
	}
	on := func(a float64) *env {
		return &env{value: func(name string) (float64, error) {
			if name == "a" {
				return a, nil
			}
			return 7, nil
		}}
	}
	e := on(3)
	e.base = on(2)
	for text, want := range map[string]float64{
		"1 + 2 * 3": 7, "(1 + 2) * 3": 9, "2 ^ 3 ^ 2": 512, "-a ^ 2": -9, "a - 1 - 1": 1, "12 / a / 2": 2, "b.c": 7, "base(a)": 2, "a * base(a + 1)": 9,
		"a > 2 and a < 4": 1, "a > 2 and not a < 4": 0, "a == 4 or a == 3": 1, "same(a)": 0, "same(a, 60%)": 1, "max(a, base(a)) + min(1, 2)": 4,
		"6 MiB / 1 KiB": 6144, "900 GB/s / 1 GB/s": 900, "1.5 GHz": 1.5e9, "2e3": 2000, "50% * a": 1.5, "floor(2.7) + ceil(0.2) + round(1.5)": 5, "log2(8) * sqrt(4) - abs(0 - 1)": 5,
	} {
		x, err := parseExpr(text, known)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v, err := x.eval(e); err != nil || math.Abs(v-want) > 1e-9 {
			t.Errorf("%s is %v, %v, want %v", text, v, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "column 1: the expression ends too early", "a +": "column 4", "a b": "column 3: unexpected", "sin(a)": `column 1: unknown function "sin"`,
		"max(a)": "max takes 2 arguments", "x": `column 1: unknown name "x"`, "12 furlongs": "column 1", "(a": "want )", strings.Repeat("(", 200) + "a": "nested", strings.Repeat("-", 300) + "a": "nested",
	} {
		if _, err := parseExpr(text, known); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s: %v, want %q", text, err, want)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"key: systolic.rows", "key: systolic.row", `s.yaml:7:10: axes.0.key: unknown key systolic.row (did you mean "systolic.rows"?)`},
		{"{from: 8, to: 64, steps: 4", "{from: 80, to: 64, steps: 4", "s.yaml:10:12: axes.1.range: the range is empty: it goes from 80 to 64"},
		{"{from: 8, to", "{from: 0, to", "a log range begins above 0"},
		{"axes:", "axis:", `s.yaml:6:1: axis: unknown key (did you mean "axes"?)`},
		{"[time, energy]", "[time, enrgy]", `objectives.1: no objective "enrgy" (did you mean "energy"?)`},
		{"[time, energy]", "[]", "objectives: the list is empty"},
		{"fidelity: analytic", "fidelity: analytical", `unknown value "analytical"`},
		{"fidelity: analytic", "rows: 8", "s.yaml:12:1: rows: unknown key (allowed: name, description, base, "},
		{"key: systolic.rows", "key: gpu.sm.count", "axes.0.key: kind is systolic, so there may be no gpu section"},
		{"base: scalesim", "base: scalesin", `s.yaml:2:7: base: scalesin: no such file`},
		{"run: gemm:m=64", "run: gem:m=64", "s.yaml:4:10: workloads.0.run: "},
		{"fidelity: analytic", "constraints: [rows < columns]", `constraints.0: column 8: unknown name "columns"`},
		{"fidelity: analytic", "search: {method: random}", "budget.points: missing"},
		{"values: [8, 16, 32, 64]", "values: [8, 8]", "axes.0: the value 8 stands twice"},
		{"key: systolic.cols", "key: systolic.rows", `axes.1: two axes have the name "rows"`},
		{"[8, 16, 32, 64]", "[8, 0]", "s.yaml:8:17: axes.0.values.1: axis rows, systolic.rows=0: 0 is out of range (allowed 1..4096)"},
		{"[8, 16, 32, 64]", "[8, 8 GB]", "s.yaml:8:17: axes.0.values.1: axis rows, systolic.rows=8 GB: want a whole number"},
		{"key: systolic.rows\n    values: [8, 16, 32, 64]", "name: both\n    linked: [{key: systolic.rows, values: [8, 9]}, {key: systolic.clock, values: [1 GHz, 1 GB]}]",
			"s.yaml:8:90: axes.0.linked.1.values.1: axis both, systolic.clock=1 GB: "},
		{"to: 64, steps", "to: 8000, steps", "s.yaml:10:12: axes.1.range: axis cols, systolic.cols=8000: 8000 is out of range"},
		{"name: small", "name: ../small", "is not a name"},
		{"fidelity: analytic", "refine: {fidelity: sampled, points: 3}", "a second level needs fidelity: analytic"},
	} {
		if !strings.Contains(small, c.from) {
			t.Fatalf("no %q", c.from)
		}
		s, err := Parse("s.yaml", []byte(strings.Replace(small, c.from, c.to, 1)))
		if err == nil {
			_, err = NewSpace(s)
		}
		var e *configs.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v\nwant %s", c.to, err, c.want)
		}
	}
	for to, want := range map[string]string{
		"constraints: [rows > 1000]\nfidelity: analytic":        `constraints.0: none of 16 points satisfies the constraints; "rows > 1000" rejects 16 of them`,
		"set: [\"systolic.types=[int16]\"]\nfidelity: analytic": "none of 16 points could be simulated; the first: gemm:m=64",
	} {
		_, _, err := table(t, context.Background(), space(t, strings.Replace(small, "fidelity: analytic", to, 1)), store(t), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A point that fails is a row with its reason and does not stop the others.
func TestFailedPoints(t *testing.T) {
	t.Parallel()
	sp := space(t, strings.NewReplacer("systolic.rows", "systolic.dataflow", "[8, 16, 32, 64]", "[ws, rs]").Replace(small))
	rows, r, err := table(t, context.Background(), sp, store(t), Options{})
	if err != nil || len(rows) != 8 || r.Levels[0].Failed != 4 || r.Levels[0].Finished != 4 {
		t.Fatalf("%+v, %v", r.Levels, err)
	}
	if last := rows[7]; !strings.HasPrefix(last[column(t, sp, "error")], "systolic.dataflow=rs: rs with model folds") || last[column(t, sp, "time_us")] != "" {
		t.Errorf("%v", last)
	}
}

func TestStoresOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "p.sqlite")
	s, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put("k", &Outcome{Error: "no"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Put("k", &Outcome{Error: "other"}); err != nil { // the first stays, in the file at the latest
		t.Fatal(err)
	}
	if _, err := s.db.Exec("UPDATE meta SET value = 'gpusim-points-0' WHERE name = 'format'"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused := func(path, want string) {
		t.Helper()
		before, _ := os.ReadFile(path)
		_, err := OpenStore(path)
		var e *StoreError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s was changed", path)
		}
	}
	refused(path, "of another version (gpusim-points-0; this gpusim reads "+storeFormat+")")
	text, _ := os.ReadFile(path)
	damaged := filepath.Join(dir, "damaged")
	for i := 4096; i < len(text); i += 7 {
		text[i] ^= 0x5a
	}
	if err := os.WriteFile(damaged, text, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(damaged, "damaged")
	if err := os.WriteFile(damaged, bytes.Repeat([]byte("not a database "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(damaged, "damaged or no store")
}

func TestPermutationsMeetAll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 10, 64, 1000, 4097} {
		seen := make([]bool, n)
		p := newPermutation(n, 42)
		inOrder := 0
		for i := range n {
			v := p.at(i)
			if v < 0 || v >= n || seen[v] {
				t.Fatalf("%d of %d comes twice", v, n)
			}
			if seen[v] = true; v == i {
				inOrder++
			}
		}
		if n > 10 && inOrder > n/5 {
			t.Errorf("%d of %d are in their place", inOrder, n)
		}
	}
}

// Each axis of a Latin hypercube is met once in each part.
func TestLatinHypercube(t *testing.T) {
	t.Parallel()
	sp := space(t, strings.Replace(small, "[8, 16, 32, 64]", "[8, 9, 10, 11, 12, 13, 14, 15]", 1)+"search: {method: lhs, seed: 9}\nbudget: {points: 8}\n")
	met := map[int]int{}
	for p := range sp.numbers() {
		met[sp.At(p)[0]]++
	}
	if len(met) != 8 {
		t.Errorf("%v", met)
	}
}

func TestTableReads(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(strings.NewReader(tableOf(t, small))).ReadAll()
	if err != nil || len(rows) != 17 || !slices.Equal(rows[0][:3], []string{"rows", "cols", "machine"}) {
		t.Errorf("%d rows, %v: %v", len(rows), rows[0], err)
	}
}
