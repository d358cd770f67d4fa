package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// An interrupt keeps what is finished: table, folder, exit code 130. Of a comparison
// workloads are kept that all machines have finished.
func TestInterrupted(t *testing.T) {
	for _, c := range []struct {
		args    string
		at      string // kind of machine on which the third workload meets the interrupt
		says    string
		without string
		lines   int
	}{
		{"run volta -w gemm:1x1x1 -w gemm:2x2x2 -w gemm:3x3x3 -w gemm:4x4x4", "gpu", "interrupted; 2 of 4 workloads finished", "gemm:4x4x4", 3},
		{"compare volta skylake-8180 -w gemm:1x1x1 -w gemm:2x2x2 -w gemm:3x3x3", "cpu", "interrupted; 2 of 3 workloads finished", "gemm:3x3x3", 5},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		var out, errs bytes.Buffer
		a := fakeApp(&out, &errs)
		a.simulate = func(ctx context.Context, m *configs.Machine, w workloads.Workload, o gpusim.Options) (gpusim.Result, error) {
			if w.GEMM.M == 3 && m.Kind == c.at {
				cancel()
				return gpusim.Result{}, ctx.Err()
			}
			return fakeRun(ctx, m, w, o)
		}
		dir := filepath.Join(t.TempDir(), "out")
		code := a.main(ctx, append(strings.Fields(c.args), "--workers", "1", "--out", dir))
		if code != exitInterrupted || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: code %d, %s", c.args, code, errs.String())
		}
		if !strings.Contains(out.String(), "gemm:2x2x2:fp32") || strings.Contains(out.String(), c.without) {
			t.Error(out.String())
		}
		holds(t, dir, "summary.csv", c.lines)
	}
}

// Of probes the groups that are finished.
func TestInterruptedMicrobench(t *testing.T) {
	var out, errs bytes.Buffer
	dir := filepath.Join(t.TempDir(), "out")
	args := []string{"microbench", "haswell-2699v3", "--only", "instructions", "--only", "matrix products", "--format", "csv", "--out", dir}
	code := fakeApp(&out, &errs).main(&countdown{context.Background(), 1}, args)
	if code != exitInterrupted || !strings.Contains(errs.String(), "interrupted; 1 of 2 groups of probes finished") {
		t.Errorf("code %d, %s", code, errs.String())
	}
	if !strings.Contains(out.String(), ",instructions,") || strings.Contains(out.String(), ",matrix products,") {
		t.Error(out.String())
	}
	holds(t, dir, "microbench.csv", strings.Count(out.String(), "\n"))
	out.Reset()
	if code := fakeApp(&out, &errs).main(&countdown{context.Background(), 0}, args); code != exitInterrupted || out.Len() > 0 {
		t.Errorf("code %d, %s", code, out.String())
	}
}

// countdown is a context that ends after it was asked so many times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// holds is for folders of interrupted commands: their manifests say so.
func holds(t *testing.T, dir, table string, lines int) {
	t.Helper()
	rows, err := os.ReadFile(filepath.Join(dir, table))
	if err != nil || bytes.Count(rows, []byte("\n")) != lines {
		t.Errorf("%s %v", rows, err)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil || !bytes.Contains(manifest, []byte(`"interrupted": true`)) {
		t.Errorf("%s %v", manifest, err)
	}
}
