package gemm

import (
	"fmt"
	"testing"

	"gpusim/workloads/tile"
)

func TestGEMV(t *testing.T) {
	for _, dtype := range []string{"fp32", "fp16"} {
		for _, s := range [][2]int{{1, 1}, {1, 700}, {37, 41}, {64, 64}, {129, 1028}, {512, 33}, {5000, 16}} {
			for i := range 8 {
				p := Problem{M: s[0], N: 1, K: s[1], Batch: 1 + i&1, TransA: i&1 != 0, TransB: i&2 != 0, DType: dtype, Acc: "fp32", Alpha: 1}
				if i&4 != 0 {
					p.M, p.N = 1, s[0]
					p.Alpha, p.Beta = -0.5, 2
				}
				t.Run(fmt.Sprintf("%s/%dx%dx%d/%s", dtype, p.M, p.N, p.K, p.Layout()), func(t *testing.T) {
					k := verify(t, p, Config{Family: "gemv"})[0]
					if k.Regs > 64 {
						t.Errorf("%s uses %d registers: too many for half occupancy", k.Name, k.Regs)
					}
				})
			}
		}
	}
}

func TestGEMVErrors(t *testing.T) {
	ok := Problem{M: 64, N: 1, K: 64, Batch: 1, DType: "fp32", Acc: "fp32", Alpha: 1}
	for name, edit := range map[string]func(p *Problem, c *Config){
		"matrix":  func(p *Problem, _ *Config) { p.N = 2 },
		"splits":  func(_ *Problem, c *Config) { c.Splits = 2 },
		"acc":     func(p *Problem, _ *Config) { p.Acc = "fp16" },
		"vector":  func(_ *Problem, c *Config) { c.VecA = 8 },
		"divides": func(p *Problem, c *Config) { p.M = 63; c.VecA = 2 },
		"type":    func(p *Problem, _ *Config) { p.DType = "int3" },
		"fp64":    func(p *Problem, _ *Config) { p.DType = "fp64" },
	} {
		p, c := ok, Config{Family: "gemv"}
		edit(&p, &c)
		if _, err := Build(p, c, voltaLatencies); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestZeroKernel(t *testing.T) {
	for _, bytes := range []int64{4, 6, 12, 4096, 100004} {
		whole := (bytes + 3) / 4 * 4 // of words: allocations end on none
		x := tile.Tensor{Name: "workspace", Base: tile.DeviceBase + 512, Bytes: bytes}
		k, err := ZeroKernel(x, voltaLatencies)
		if err != nil {
			t.Fatal(err)
		}
		m := newMachine([]tile.Tensor{{Base: tile.DeviceBase, Bytes: 512}, x, {Base: tile.DeviceBase + 512 + uint64(whole), Bytes: 512}}) // with what surrounds it
		for i := range m.Mem {
			m.Mem[i] = 1
		}
		if err := m.Run(k); err != nil {
			t.Fatal(err)
		}
		for i, v := range m.Mem {
			if want := i < 512 || i >= 512+int(whole); want != (v == 1) {
				t.Fatalf("%d bytes: byte %d is %d", bytes, i-512, v)
			}
		}
	}
	if _, err := ZeroKernel(tile.Tensor{}, voltaLatencies); err == nil {
		t.Error("no bytes: no error")
	}
}
