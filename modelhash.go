package gpusim

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// sources are the packages below this one with their data: all that a result can
// depend on beside its input. A test holds that none is missing.
//
//go:embed *.go configs cpu energy memory nvdla nvlink pool sim sm tensorcore workloads
var sources embed.FS

// ModelHash tells models apart: it changes with every change of a source or a data
// file that results can depend on, with the libraries that do arithmetic or order events,
// with Go and with the processor architecture, and with nothing else. Results with the
// same hash of model and input are the same.
var ModelHash = sync.OnceValue(func() string {
	h := sha256.New()
	add := func(parts ...string) {
		for _, p := range parts {
			h.Write([]byte(p))
			h.Write([]byte{0})
		}
	}
	add(runtime.GOARCH, runtime.Version())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if strings.HasPrefix(d.Path, "github.com/sarchlab/akita") || strings.HasPrefix(d.Path, "gonum.org/") {
				add(d.Path, d.Version, d.Sum)
			}
		}
	}
	_ = fs.WalkDir(sources, ".", func(p string, d fs.DirEntry, err error) error { // in the order of names
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || p == "configs/sweeps"):
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(p, "_test.go") || path.Ext(p) == ".md":
			return nil
		}
		text, err := sources.ReadFile(p)
		add(p, string(text))
		return err
	})
	return hex.EncodeToString(h.Sum(nil))
})
