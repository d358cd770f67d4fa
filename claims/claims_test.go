package claims

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/energy/area"
	"gpusim/workloads"
)

// Every entry says what it must, no claim stands twice, and each command that it
// names is one that gpusim takes: machines load with their overrides, workloads parse.
func TestEntries(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range All() {
		for what, s := range map[string]string{"topic": e.Topic, "claim": e.Claim, "command": e.Command, "read": e.Read, "unit": e.Unit, "expected": e.Expected} {
			if s == "" || strings.TrimSpace(s) != s {
				t.Errorf("%s: %s is %q", e.Claim, what, s)
			}
		}
		if e.eval == nil || seen[e.Claim] {
			t.Errorf("%s: stands twice, or has no rule", e.Claim)
		}
		seen[e.Claim] = true
		for _, line := range strings.Split(e.Command, "; ") {
			checkCommand(t, line)
		}
	}
	// What the project set out to show.
	all := ""
	for c := range seen {
		all += c + "\n"
	}
	for _, word := range []string{
		"5,120", "1 nJ", "1 % of a CPU", "3 cycles", "200 cycles", "over half its energy", "hides memory latency", "becomes GEMM", "as efficient as a TPU", "programmable", "Cores cost area",
		"costs less", "orders of magnitude", "Vector extensions", "quick answer", "Idle Tensor Cores", "Kepler was poor at FP16", "INT8", "FP16 for training", "INT4", "INT1",
		"Sharing a GPU", "tenth of Volta", "over 10 TOPS", "20 TOPS on its accelerators", "DGX-2", "16,000 CPU", "Kepler to Turing", "optimised graph", "edge device",
	} {
		if !strings.Contains(all, word) {
			t.Errorf("no claim speaks of %q", word)
		}
	}
}

// checkCommand takes a command line apart as a shell would and holds that machines
// and workloads in it exist.
func checkCommand(t *testing.T, line string) {
	t.Helper()
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	if len(words) < 3 || words[0] != "gpusim" {
		t.Errorf("%q is no command of gpusim", line)
		return
	}
	var machines, sets []string
	at := 2
	switch words[1] {
	case "run", "compare", "area", "microbench":
	case "config":
		at = 3
	default:
		t.Errorf("%q: unknown command", line)
		return
	}
	for i := at; i < len(words); i++ {
		switch w := words[i]; {
		case w == "-w":
			i++
			if _, err := workloads.Parse(words[i]); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		case w == "--set":
			i++
			sets = append(sets, words[i])
		case strings.HasPrefix(w, "-"):
			i++ // with a value
		default:
			machines = append(machines, w)
		}
	}
	if len(machines) == 0 {
		t.Errorf("%q names no machine", line)
	}
	for _, name := range machines {
		if _, err := configs.Load(name, sets); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want Verdict
	}{{0.5, Agrees}, {2, Agrees}, {2.1, Partly}, {0.3, Partly}, {5, Disagrees}, {0.1, Disagrees}, {math.NaN(), Disagrees}} {
		if have := judge(c.v, 0.5, 2, 0.25, 4); have != c.want {
			t.Errorf("%g: %s, want %s", c.v, have, c.want)
		}
	}
	if atLeast(100, 100, 10) != Agrees || atLeast(99, 100, 10) != Partly || atLeast(9, 100, 10) != Disagrees {
		t.Error("atLeast")
	}
}

func fixed(name string, v float64, err error) Entry {
	return Entry{Topic: "t", Claim: name, Command: "gpusim config show volta", Read: "r", Unit: "u", Expected: "e", eval: func(*Lab) (answer, error) {
		if math.IsInf(v, 0) {
			panic("a model\nbroke")
		}
		return answer{v, Agrees, "a | b"}, err
	}}
}

// A run that fails, and a model that panics, are the reason of their own row only;
// the rows stand in the order of the entries however many work on them.
func TestFailuresAreReasons(t *testing.T) {
	entries := []Entry{fixed("one", 1, nil), fixed("two", 2, errors.New("no kernel\nfor it")), fixed("three", math.Inf(1), nil), fixed("four", 4.25, nil)}
	var first []byte
	for _, workers := range []int{1, 3, 0} {
		n := 0
		rows, err := Evaluate(context.Background(), entries, workers, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Verdict == NotModelled {
				n++
			}
		}
		if n != 2 || rows[1].Note != "no kernel for it" || !strings.Contains(rows[2].Note, "internal fault") || rows[3].Value != 4.25 {
			t.Errorf("%+v", rows)
		}
		text := CSV(rows)
		if first == nil {
			first = text
		}
		if !bytes.Equal(first, text) {
			t.Errorf("the number of workers matters\n%s\n%s", first, text)
		}
		recs, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil || len(recs) != 5 || strings.Join(recs[0], ",") != "claim,command,value,unit,expected,verdict,note" || recs[2][2] != "" || recs[4][2] != "4.25" {
			t.Errorf("%v %v", recs, err)
		}
		if md := string(Markdown(rows)); strings.Count(md, "\n| ") != 5 || !strings.Contains(md, `a \| b`) || !strings.Contains(md, "4 claims: 2 agree") {
			t.Error(md)
		}
	}
}

// What was answered before an interrupt is kept, and nothing of what it ended.
func TestInterruptKeepsAnswers(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	ended := Entry{eval: func(*Lab) (answer, error) {
		stop()
		return answer{}, ctx.Err()
	}}
	rows, err := Evaluate(ctx, []Entry{fixed("one", 1, nil), ended, fixed("three", 3, nil)}, 1, nil)
	if !errors.Is(err, context.Canceled) || len(rows) != 1 || rows[0].Value != 1 {
		t.Errorf("%+v, %v", rows, err)
	}
	if rows, err = Evaluate(ctx, []Entry{fixed("one", 1, nil)}, 1, nil); !errors.Is(err, context.Canceled) || len(rows) != 0 {
		t.Errorf("%+v, %v", rows, err)
	}
}

// Claims that need no long run give the figures that follow from the machine files,
// and change when these do.
func TestCheapClaims(t *testing.T) {
	lab := newLab(context.Background())
	value := func(claim string) Row {
		i := slices.IndexFunc(All(), func(e Entry) bool { return strings.Contains(e.Claim, claim) })
		if i < 0 {
			t.Fatalf("no claim has %q in it", claim)
		}
		return lab.answer(All()[i])
	}
	if r := value("5,120"); r.Value != 5120 || r.Verdict != Agrees {
		t.Errorf("%+v", r)
	}
	if r := value("3 cycles"); r.Value != 4 || r.Verdict != Partly {
		t.Errorf("%+v", r)
	}
	if r := value("200 cycles"); r.Value < 150 || r.Value > 300 {
		t.Errorf("%+v", r)
	}
	// Area of Tensor Cores: as the area ledger has it.
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := area.Of(m)
	if err != nil {
		t.Fatal(err)
	}
	if r := value("Tensor Cores cost area"); math.Abs(r.Value-100*l.Component("sm_tensor").MM2/l.TotalMM2) > 1e-12 || r.Verdict != Agrees {
		t.Errorf("%+v", r)
	}
	if r := value("costs less"); r.Value <= 0 || r.Value >= 1 || r.Verdict == Disagrees {
		t.Errorf("%+v", r)
	}
	// A processor: few runs, all in closed form.
	scalar, vector := value("1 nJ per instruction"), value("1 nJ per instruction, with AVX2")
	if !(vector.Value > scalar.Value) {
		t.Errorf("an AVX2 instruction takes %g nJ, a scalar one %g", vector.Value, scalar.Value)
	}
	if r := value("Vector extensions"); !(r.Value > 1) {
		t.Errorf("%+v", r)
	}
	if r := value("DGX-2 with NVSwitch"); !(r.Value > 0.5 && r.Value <= 1.5) {
		t.Errorf("%+v", r)
	}
	if r := value("Kepler was poor at INT8"); r.Verdict != Agrees {
		t.Errorf("%+v", r)
	}
}
