package gpusim_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// layers is the house of RATIONALE.md, bottom first: a package may import
// packages of lower layers and of its own subtree, nothing above.
var layers = []string{"pool", "sim", "configs", "energy", "workloads", "memory", "tensorcore", "sm", "cpu", "nvdla", "nvlink", "", "validate", "microbench", "claims", "report", "sweep", "cmd"}

func layerOf(pkg string) int {
	top, _, _ := strings.Cut(pkg, "/")
	for i, l := range layers {
		if l == top {
			return i
		}
	}
	return -1
}

func TestImportsGoDown(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "out") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		if pkg == "." {
			pkg = ""
		}
		from := layerOf(pkg)
		if from < 0 {
			t.Errorf("%s: package %q stands in no layer", path, pkg)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, im := range f.Imports {
			p, _ := strconv.Unquote(im.Path.Value)
			if p != "gpusim" && !strings.HasPrefix(p, "gpusim/") {
				continue
			}
			p = strings.TrimPrefix(strings.TrimPrefix(p, "gpusim"), "/")
			seen++
			to := layerOf(p)
			if to > from || (to == from && !sameTree(pkg, p)) {
				t.Errorf("%s imports gpusim/%s, which is not below it", path, p)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Fatal("found no import of our own packages: the test looks in the wrong place")
	}
}

func sameTree(a, b string) bool {
	x, _, _ := strings.Cut(a, "/")
	y, _, _ := strings.Cut(b, "/")
	return x == y
}
