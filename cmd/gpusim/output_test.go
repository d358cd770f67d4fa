package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A command whose output cannot be written fails, whatever it prints; what it writes
// into a folder is there all the same.
func TestOutputThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	for _, line := range []string{
		"-h", "version", "config list", "config show volta", "config schema", "config check volta", "workload list", "workload show gemm:1x2x3", "workload check gemm:1x2x3",
		"workload show model:alexnet", "energy sram", "area turing", "run volta -w gemm:1x2x3", "run volta -w gemm:1x2x3 --format csv --out " + dir, "compare volta skylake-8180 -w gemm:1x2x3",
	} {
		var errs bytes.Buffer
		if code := fakeApp(full{}, &errs).main(context.Background(), strings.Fields(line)); code != exitFailure || !strings.HasSuffix(errs.String(), "gpusim: no space left on device\n") {
			t.Errorf("%s: code %d, %q", line, code, errs.String())
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
		t.Error(err)
	}
	// A failure of the command itself is told instead.
	var errs bytes.Buffer
	if code := fakeApp(full{}, &errs).main(context.Background(), []string{"config", "show", "nonesuch"}); code != exitBadInput {
		t.Errorf("code %d, %s", code, errs.String())
	}
}
