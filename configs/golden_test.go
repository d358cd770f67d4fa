package configs

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected lines in testdata/load")

// loadFiles loads a machine whose files on disk are the given ones only.
func loadFiles(files map[string]string, name string, sets ...string) (*Machine, error) {
	l := loader{readDisk: func(path string) ([]byte, error) {
		if text, ok := files[filepath.Clean(path)]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}}
	src, err := l.locate(name)
	if err != nil {
		return nil, err
	}
	return l.load(src, sets)
}

// TestLoadGolden runs the scripts in testdata/load. A script is an archive of
// files behind lines
//
//	load NAME [--set key=value]... [--get key]...
//
// each followed by what comes of it, indented: the error, or the values of the
// keys, or ok. The machines in testdata/machines are there too; they hold on to
// the values that the scripts know, so that the shipped ones can change.
func TestLoadGolden(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal(err, "no scripts")
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(script)
			if err != nil {
				t.Fatal(err)
			}
			files := testMachines(t)
			for _, f := range a.Files {
				files[f.Name] = string(f.Data)
			}
			have := runScript(t, string(a.Comment), files)
			if have == string(a.Comment) {
				return
			}
			if *update {
				a.Comment = []byte(have)
				if err := os.WriteFile(script, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := strings.Split(string(a.Comment), "\n")
			for i, line := range strings.Split(have, "\n") {
				if i >= len(want) || line != want[i] {
					t.Fatalf("%s:%d (run with -update to take it over)\nhave %s\nwant %s", script, i+1, line, want[min(i, len(want)-1)])
				}
			}
			t.Errorf("%s has lines too many", script)
		})
	}
}

func testMachines(t testing.TB) map[string]string {
	paths, err := filepath.Glob("testdata/machines/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(err, "no machines")
	}
	files := make(map[string]string)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(text)
	}
	return files
}

var embeddedPlace = regexp.MustCompile(`(configs/[a-z0-9/-]+\.yaml):\d+:\d+`)

// stable takes out of a message what changes with the shipped machines.
func stable(message string) string {
	message = embeddedPlace.ReplaceAllString(message, "$1:LINE:COL")
	return strings.ReplaceAll(message, strings.Join(EnergyTables(), ", "), "TABLES")
}

func runScript(t *testing.T, script string, files map[string]string) string {
	var out strings.Builder
	for _, line := range strings.SplitAfter(script, "\n") {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out.WriteString(line)
		command, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "load ")
		if !ok {
			continue
		}
		words := strings.Split(command, " --")
		var sets, gets []string
		for _, w := range words[1:] {
			if s, ok := strings.CutPrefix(w, "set "); ok {
				sets = append(sets, s)
			} else if g, ok := strings.CutPrefix(w, "get "); ok {
				gets = append(gets, g)
			} else {
				t.Fatalf("what is --%s?", w)
			}
		}
		m, err := loadFiles(files, words[0], sets...)
		if err != nil {
			isMistake(t, err)
			out.WriteString("  " + stable(err.Error()) + "\n")
			continue
		}
		if len(gets) == 0 {
			out.WriteString("  ok\n")
		}
		values := valuesOf(m)
		for _, g := range gets {
			v, ok := values[g]
			if !ok {
				v = "(not there)"
			}
			out.WriteString("  " + g + " = " + v + "\n")
		}
	}
	return out.String()
}

// isMistake checks the form of an error: ours, one line, of readable length.
func isMistake(t interface {
	Helper()
	Errorf(string, ...any)
}, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%T is not an *Error: %v", err, err)
		return
	}
	if e.Reason == "" || e.File == "" || utf8.RuneCountInString(err.Error()) > 12000 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
		t.Errorf("not a readable line: %.300q", err)
	}
}

// valuesOf lists the values of a machine by their dotted keys.
func valuesOf(m *Machine) map[string]string {
	values := make(map[string]string)
	flatten(reflect.ValueOf(m).Elem(), "", func(path, text string) { values[path] = text })
	return values
}
