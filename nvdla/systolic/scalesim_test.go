package systolic

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// sims are the configurations behind the names of the recorded SCALE-Sim runs.
var sims = []struct {
	name string
	mem  Memory
	user bool
}{
	{"scale32user", same(64, 64, 64, 10), true},
	{"scale32", same(64, 64, 64, 10), false},
	{"tpu128user", same(4096, 4096, 8192, 60), true},
	{"tpu128", same(4096, 4096, 8192, 10), false},
	{"tpu256user", same(6144, 6144, 2048, 10), true},
	{"tpu256", same(6144, 6144, 2048, 10), false},
}

func same(in, wt, out, perCycle int) Memory {
	return Memory{Input: SRAM{in << 10, perCycle}, Weight: SRAM{wt << 10, perCycle}, Output: SRAM{out << 10, perCycle}}
}

// Every recorded run of SCALE-Sim (CALC mode: no stalls; USER mode: stalls of
// the double-buffered SRAMs).
func TestScaleSim(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/reference/scalesim_*_*_*.csv")
	if len(files) == 0 {
		t.Skip("no recorded runs beside the repository")
	}
	layers, user, stalled := 0, 0, 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		head := strings.Split(lines[0], ",")
		base := strings.TrimPrefix(filepath.Base(f), "scalesim_")
		for _, line := range lines[1:] {
			rec := strings.Split(line, ",")
			text := func(name string) string {
				for i, h := range head {
					if h == name {
						return rec[i]
					}
				}
				t.Fatalf("%s: no column %s", f, name)
				return ""
			}
			num := func(name string) int {
				v, err := strconv.Atoi(text(name))
				if err != nil {
					t.Fatalf("%s: %s: %v", f, name, err)
				}
				return v
			}
			a := Array{Rows: num("rows"), Cols: num("cols"), Flow: Dataflow(text("dataflow"))}
			l := GEMM(num("m"), num("n"), num("k"))
			if text("ifmap_h") != "" {
				l = Conv(num("ifmap_h"), num("ifmap_w"), num("filt_h"), num("filt_w"), num("channels"), num("filters"), num("stride"))
			}
			m := a.Map(l.Product)
			total, stall := num("total_cycles"), num("stall_cycles")
			if int(m.Cycles()) != total-stall {
				t.Errorf("%s %s: %d cycles without stalls, recorded %d", base, rec[0], m.Cycles(), total-stall)
			}
			if acc := m.Accesses(); int(acc.Inputs) != num("sram_ifmap_reads") || int(acc.Weights) != num("sram_filter_reads") {
				t.Errorf("%s %s: %+v SRAM reads, recorded %s and %s", base, rec[0], acc, text("sram_ifmap_reads"), text("sram_filter_reads"))
			}
			layers++
			for _, s := range sims {
				if !s.user || !strings.HasPrefix(base, s.name+"_") {
					continue
				}
				once := simulate(t, a, l, s.mem)
				mem := s.mem
				mem.WaitTwice = true
				r := simulate(t, a, l, mem)
				user++
				if int(r.Stall) != stall {
					t.Errorf("%s %s: stall %d, recorded %d", base, rec[0], r.Stall, stall)
				}
				if stall == 0 && once.Stall != 0 || once.Stall > r.Stall {
					t.Errorf("%s %s: stall %d with waits counted once, %d twice", base, rec[0], once.Stall, r.Stall)
				}
				if stall > 0 {
					stalled++
					t.Logf("%s %s: stall %d; waits counted once: %d, total %+.1f %%", base, rec[0], r.Stall, once.Stall, 100*(float64(once.Cycles())/float64(total)-1))
				}
			}
		}
	}
	t.Logf("%d layers, %d of them in USER mode, %d with stalls", layers, user, stalled)
}
