package sweep

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The second level is the front of the first and its neighbours, and no more than asked.
func TestSecondLevel(t *testing.T) {
	t.Parallel()
	text := strings.Replace(small, "steps: 4, log: true", "steps: 8", 1) + "refine: {fidelity: sampled, points: 9}\n"
	sp := space(t, text)
	rows, r, err := table(t, context.Background(), sp, store(t), Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	fidelity, point := column(t, sp, "fidelity"), column(t, sp, "point")
	var second []int
	for _, row := range rows[32:] {
		if row[fidelity] != "sampled" {
			t.Errorf("%v stands behind the first level", row)
		}
		n, _ := strconv.Atoi(row[point])
		second = append(second, n)
	}
	if len(rows) != 32+9 || len(r.Levels) != 2 || r.Levels[1].Finished != 9 || !slices.IsSorted(second) {
		t.Fatalf("%d rows, levels %+v, points %v", len(rows), r.Levels, second)
	}
	var f front
	for _, row := range rows[:32] {
		n, _ := strconv.Atoi(row[point])
		us, _ := strconv.ParseFloat(row[column(t, sp, "time_us")], 64)
		uj, _ := strconv.ParseFloat(row[column(t, sp, "energy_uj")], 64)
		f.add(member{point: n, value: []float64{us, uj}})
	}
	for _, m := range f.members {
		if !slices.Contains(second, m.point) {
			t.Errorf("point %d of the front is not looked at again", m.point)
		}
	}
	for _, n := range second { // each touches another of them
		near := false
		for _, o := range second {
			steps := 0
			for a, v := range sp.At(n) {
				steps += max(v-sp.At(o)[a], sp.At(o)[a]-v)
			}
			near = near || steps == 1
		}
		if !near {
			t.Errorf("point %d is nobody's neighbour", n)
		}
	}
	if len(r.Correlations) != 2 || r.Correlations[0][1] != 9 || r.Correlations[0][0] < 0.8 {
		t.Errorf("rank correlations %v", r.Correlations)
	}
	if !strings.Contains(r.Text(), "rank correlation of time between analytic and sampled") {
		t.Error(r.Text())
	}
}
