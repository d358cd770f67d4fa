package library

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// TestAlgorithmsOfNeuSight holds the share of NeuSight's 961 rows of five devices of which
// the kernel's name tells the algorithm that we take, and its mean over the algorithms.
// Beliefs are fitted to every other row, from the first on; the others have to do nearly as
// well.
func TestAlgorithmsOfNeuSight(t *testing.T) {
	const folder = "../../../shared/reference"
	type count struct{ hits, rows int }
	share := func(c count) float64 { return float64(c.hits) / float64(max(1, c.rows)) }
	algos, halves := map[string]count{}, [2]count{}
	seen := 0
	for _, d := range [][2]string{{"v100_pcie32", "v100-pcie"}, {"p100_pcie16", "p100-pcie16"}, {"t4", "turing"}, {"p4", "p4"}, {"a100_pcie80", "a100-pcie80"}} {
		f, err := os.Open(filepath.Join(folder, "conv_neusight_"+d[0]+".csv"))
		if err != nil {
			t.Skipf("measured rows are not here: %v", err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		m, err := configs.Load(d[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows[1:] {
			size := func(name string) int {
				n, err := strconv.Atoi(r[slices.Index(rows[0], name)])
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			w, err := workloads.OfConv(workloads.Conv{
				N: size("n"), C: size("c"), H: size("h"), W: size("w"), K: size("k"), R: size("r"), S: size("s"),
				PadH: size("pad_h"), PadW: size("pad_w"), StrideH: size("stride_h"), StrideW: size("stride_w"), DType: "fp32",
			})
			if err != nil {
				t.Fatal(err)
			}
			call, err := ChooseConv(m.GPU, w.Conv, "")
			if err != nil {
				t.Fatal(err)
			}
			want, _, _ := strings.Cut(r[slices.Index(rows[0], "algorithm")], ":")
			got := AlgoClass(call.Algo)
			a := algos[want]
			a.rows, halves[seen%2].rows = a.rows+1, halves[seen%2].rows+1
			if got == want {
				a.hits, halves[seen%2].hits = a.hits+1, halves[seen%2].hits+1
			}
			algos[want] = a
			seen++
		}
	}
	mean := 0.0
	for algo, c := range algos {
		t.Logf("%s: %d of %d", algo, c.hits, c.rows)
		mean += share(c) / float64(len(algos))
	}
	t.Logf("fitted half %.3f, other %.3f, mean of algorithms %.3f", share(halves[0]), share(halves[1]), mean)
	if seen != 961 || len(algos) != 4 || share(halves[0]) < 0.77 || share(halves[1]) < 0.75 || mean < 0.69 {
		t.Errorf("%d rows of %d algorithms: fitted half %.3f, other half %.3f, mean of algorithms %.3f", seen, len(algos), share(halves[0]), share(halves[1]), mean)
	}
}
