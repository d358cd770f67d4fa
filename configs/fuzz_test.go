package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzLoad: whatever stands in a file and in --set, Load ends with a machine
// whose dump is the same machine, or with one line of error.
func FuzzLoad(f *testing.F) {
	machines := testMachines(f)
	for _, text := range machines {
		f.Add(text, "")
	}
	for _, name := range Names() {
		text, err := embedded.ReadFile(name + suffix)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "name=x")
	}
	scripts, _ := filepath.Glob("testdata/load/*.txtar")
	for _, script := range scripts {
		a, err := txtar.ParseFile(script)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(string(file.Data), "")
		}
	}
	for _, s := range []string{
		"energy_table=none", "gpu.sm={count: 4}", "devices.0=x", "devices=[a, b]", "energy.events.fma_fp32={pj: 3}", "cpu.caches.1.size=1 MiB", "=", "a", "gpu=[{",
		"energy.events.=1", "energy={static: {x: {}}}", "energy.static.leakage.power=\x00", "gpu..=1", "tdp=1\n2 W", "description=\xff",
	} {
		f.Add("inherits: gpu.yaml", s)
		f.Add("inherits: cpu.yaml", s)
	}
	for _, text := range []string{
		"a: &a [*a]", "<<: *x", "? \n: ", "\xff\xfe", "\xef\xbb\xbfname: x", "%YAML 9.9\n---\n", "a: !!binary x", "a: !x y", "\"\\0\": 1", "a: 0x", "a: |\n", "- - - -",
		"name: \"\\uD800\"", "{", "[", "\"", "'", "@", "a:\tb", "\r", "a: 1\ra: 2", "!", "& ", "*", "{a: b}: c", "? ? ?", "inherits: self.yaml", "inherits: ../../x", "inherits: /",
		"inherits: gpu.yaml\nenergy_table: /dev/null",
	} {
		f.Add(text, "")
	}
	f.Fuzz(func(t *testing.T, text, set string) {
		files := map[string]string{"self.yaml": text, "gpu.yaml": machines["gpu.yaml"], "cpu.yaml": machines["cpu.yaml"]}
		var sets []string
		if set != "" {
			sets = []string{set}
		}
		m, err := loadFiles(files, "self.yaml", sets...)
		if err != nil {
			isMistake(t, err)
			return
		}
		dumpTwice(t, m)
	})
}

// Files that are huge or deep are refused at once.
func TestLoadExtremeFiles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"too large":      strings.Repeat("# comment\n", maxFileBytes/10+1),
		"comments":       strings.Repeat("# comment\n", maxFileBytes/10-1),
		"keys":           strings.Repeat("a: 1\n", 20000),
		"many keys":      manyKeys(20000),
		"long key":       strings.Repeat("k", 1000) + ": 1\n",
		"long text":      "name: " + strings.Repeat("x", maxFileBytes-10),
		"long number":    "inherits: volta\ndie_mm2: " + strings.Repeat("9", 100000),
		"long int":       "inherits: volta\ngpu: {sm: {count: " + strings.Repeat("9", 100000) + "}}",
		"long quantity":  "inherits: volta\ntdp: " + strings.Repeat("9", 100000) + " W",
		"long unit":      "inherits: volta\ntdp: 3 " + strings.Repeat("W", 100000),
		"long exponent":  "inherits: volta\ndie_mm2: 1e" + strings.Repeat("9", 100000),
		"long inherits":  "inherits: " + strings.Repeat("v", 5000),
		"flow lists":     strings.Repeat("[", 100000),
		"flow maps":      strings.Repeat("{a: ", 20000),
		"closed lists":   "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"block lists":    "a: " + strings.Repeat("- ", 20000),
		"indented":       indented(1000),
		"aliases":        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]",
		"alias to self":  "a: &a [*a]",
		"open quote":     "name: \"" + strings.Repeat("x\n", 20000),
		"question marks": strings.Repeat("? ", 9000),
	} {
		start := time.Now()
		_, err := loadFiles(map[string]string{"m.yaml": text}, "m.yaml")
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		isMistake(t, err)
		if len(err.Error()) > 2500 { // it may list all machines
			t.Errorf("%s: the message has %d characters", name, len(err.Error()))
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
		if testing.Verbose() {
			t.Logf("%-15s %8v %.120s", name, time.Since(start).Round(time.Microsecond), err)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("k", 1+i%7) + string(rune('a'+i%26)) + strings.Repeat("i", i/182) + ": 1\n")
		if b.Len() > maxFileBytes-1000 {
			break
		}
	}
	return b.String()
}

func indented(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// Load reads real files as the in-memory tests do.
func TestLoadFromDisk(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("base.yaml", "inherits: volta\nenergy_table: mine")
	write("energy/mine.yaml", "power_scope: chip\nevents: {fma_fp32: {pj: 7, column: payload}}\nstatic: {}")
	child := write("sub/child.yaml", "inherits: ../base.yaml\nname: child")
	m, err := Load(child, []string{"energy.events.fma_fp32.pj=8"})
	if err != nil || m.Name != "child" || m.Energy.Events["fma_fp32"].PJ != 8 || len(m.Energy.Events) != 1 {
		t.Errorf("%v %+v", err, m)
	}
	for path, want := range map[string]string{
		dir:                           ": cannot be read: is a directory",
		filepath.Join(dir, "no.yaml"): ": no such file, and no embedded machine of that name",
		filepath.Join(child, "x"):     ": cannot be read: not a directory",
		"\x00":                        `\x00: cannot be read: invalid argument`,
		"":                            "config: no machine named ('gpusim config list'",
		write("large.yaml", "# "+strings.Repeat("x", maxFileBytes)): ": file is larger than 1 MiB",
		write("broken.yaml", "name: [x\nkind: gpu\n"):               "broken.yaml:1:1: not valid YAML: ",
		write("folder.yaml", "inherits: "+dir):                      ": cannot be read: is a directory",
	} {
		_, err := Load(path, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: have %v, want %s", path, err, want)
			continue
		}
		isMistake(t, err)
	}
}
