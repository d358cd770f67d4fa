package gpusim

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

// All packages that a run reaches, and all files of theirs, are in the hash.
func TestModelHashSeesAllSources(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	files := 0
	var visit func(pkg string)
	visit = func(pkg string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		entries, err := os.ReadDir(path.Join(".", pkg))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := path.Join(pkg, e.Name())
			if e.IsDir() || strings.HasSuffix(name, "_test.go") || path.Ext(name) != ".go" && path.Ext(name) != ".yaml" {
				continue
			}
			files++
			text, err := sources.ReadFile(name)
			if disk, _ := os.ReadFile(name); err != nil || string(text) != string(disk) {
				t.Errorf("%s counts, but is not in the hash: %v", name, err)
			}
			if path.Ext(name) != ".go" {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, im := range f.Imports {
				if p, _ := strconv.Unquote(im.Path.Value); strings.HasPrefix(p, "gpusim/") {
					visit(strings.TrimPrefix(p, "gpusim/"))
				}
			}
		}
	}
	visit(".")
	if len(seen) < 15 || files < 150 {
		t.Errorf("only %d packages with %d files found", len(seen), files)
	}
	above := 0
	_ = fs.WalkDir(sources, ".", func(p string, d fs.DirEntry, _ error) error {
		if strings.HasPrefix(p, "report") || strings.HasPrefix(p, "cmd") || strings.HasPrefix(p, "sweep/") {
			above++
		}
		return nil
	})
	if above > 0 || len(ModelHash()) != 64 {
		t.Errorf("%d files above the models count; the hash is %q", above, ModelHash())
	}
}
