package gemm

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"gpusim/workloads/tile"
)

// encode gives the bits of a small whole number, or of a power of two.
func encode(dtype string, v float64) uint32 {
	switch dtype {
	case "fp16":
		return uint32(tile.HalfBits(v))
	case "bf16":
		return tile.BF16Bits(float32(v))
	case "int32":
		return uint32(int32(v))
	case "fp8", "int8":
		for b := range uint32(256) {
			if tile.Value(dtype, b) == v {
				return b
			}
		}
		panic(fmt.Sprintf("%g is no %s", v, dtype))
	}
	return bits(float32(v))
}

// whole fills a tensor with whole numbers from -3 to 3, so that sums are exact in any
// order, and scales with powers of two.
func whole(m *machine, t *tile.Tensor, dtype string, r *rand.Rand) {
	for i := range int(t.Bytes) / t.Elem {
		v := float64(r.IntN(7) - 3)
		if t.Rows > 0 && len(t.Name) > 1 { // scales
			v = float64(int(1) << r.IntN(3))
		}
		b := encode(dtype, v)
		for n := range t.Elem {
			m.Mem[int(t.Base-tile.DeviceBase)+i*t.Elem+n] = byte(b >> (8 * n))
		}
	}
}

// values are the numbers of a type of 8 or 16 bits, by their bits.
var values = map[string]func() []float64{}

func init() {
	for _, t := range []string{"fp16", "bf16", "fp8", "int8"} {
		values[t] = sync.OnceValue(func() []float64 {
			all := make([]float64, 1<<16)
			for b := range all {
				all[b] = tile.Value(t, uint32(b))
			}
			return all
		})
	}
}

func value(dtype string, b uint32) float64 {
	if all := values[dtype]; all != nil {
		return all()[b]
	}
	return tile.Value(dtype, b)
}

// numbers reads one batch of a tensor, row by row.
func numbers(m *machine, t *tile.Tensor, dtype string, batch int) [][]float64 {
	out := make([][]float64, t.Rows)
	for r := range out {
		out[r] = make([]float64, t.Cols)
		for c := range out[r] {
			out[r][c] = element(m, t, dtype, batch, r, c)
		}
	}
	return out
}

func element(m *machine, t *tile.Tensor, dtype string, batch, row, col int) float64 {
	off := int64(batch)*t.BatchStride + int64(row)*t.RowStride + int64(col)*t.ColStride
	at, b := int(t.Base-tile.DeviceBase)+int(off)*t.Elem, uint32(0)
	for n := range t.Elem {
		b |= uint32(m.Mem[at+n]) << (8 * n)
	}
	return value(dtype, b)
}

// verifyAsync replays a kernel and compares every element of C with plain loops.
func verifyAsync(t *testing.T, p Problem, c Config, seed uint64) *replay {
	t.Helper()
	if p.Batch == 0 {
		p.Batch = 1
	}
	if p.Alpha == 0 {
		p.Alpha = 1
	}
	ks, err := Build(p, c, voltaLatencies)
	if err != nil {
		t.Fatal(err)
	}
	k := ks[0]
	m := newMachine(k.Tensors)
	r := rand.New(rand.NewPCG(seed, 2))
	for i := range k.Tensors {
		ts := &k.Tensors[i]
		switch {
		case i == tensorC:
			for j := range ts.Bytes {
				m.Mem[ts.Base-tile.DeviceBase+uint64(j)] = 0xff
			}
		case i > tensorC:
			whole(m, ts, "fp32", r)
		default:
			whole(m, ts, p.DType, r)
		}
	}
	run, err := replayKernel(m, k, seed)
	if err != nil {
		t.Fatalf("%+v %+v: %v", p, c, err)
	}
	a, b, out := &k.Tensors[tensorA], &k.Tensors[tensorB], &k.Tensors[tensorC]
	wrong := 0
	for batch := range p.Batch {
		a, b := numbers(m, a, p.DType, batch), numbers(m, b, p.DType, batch)
		if c.Scaled {
			sa, sb := numbers(m, &k.Tensors[tensorScaleA], "fp32", batch), numbers(m, &k.Tensors[tensorScaleB], "fp32", batch)
			for i := range p.K {
				for row := range a {
					a[row][i] *= sa[row/128][i/128]
				}
				for col := range b[i] {
					b[i][col] *= sb[col][i/128]
				}
			}
		}
		for row := range p.M {
			for col := range p.N {
				want := 0.0
				for i, v := range a[row] {
					want += v * b[i][col]
				}
				switch want *= p.Alpha; p.Out() {
				case "bf16":
					want = tile.Value("bf16", tile.BF16Bits(float32(want)))
				case "fp16":
					want = tile.Value("fp16", uint32(tile.HalfBits(want)))
				}
				if got := element(m, out, p.Out(), batch, row, col); got != want {
					if wrong++; wrong < 5 {
						t.Errorf("%+v %+v: C(%d, %d) of %d is %g, not %g", p, c, row, col, batch, got, want)
					}
				}
			}
		}
	}
	if n := m.Stored["C"]; n != out.Bytes {
		t.Errorf("%+v %+v: %d bytes of C written, %d expected", p, c, n, out.Bytes)
	}
	tiles := int64(k.Tiles) * int64(k.TileM*k.TileN*k.TileK) * int64(ceilDiv(p.K, k.TileK))
	if run.macs != tiles {
		t.Errorf("%+v %+v: %d multiply-adds, %d expected", p, c, run.macs, tiles)
	}
	return run
}

func wgmmaConfig(m, n, stages int) Config {
	return Config{Family: "wgmma", TileM: m, TileN: n, Stages: stages}
}

// Every element of C is what plain loops give, for all layouts, with ragged edges,
// several tiles to a CTA, batches and clusters.
func TestWGMMAFunctional(t *testing.T) {
	t.Parallel()
	for _, dtype := range []string{"fp16", "bf16"} {
		for trans := range 4 {
			p := Problem{M: 136, N: 152, K: 200, TransA: trans&1 != 0, TransB: trans&2 != 0, DType: dtype, Alpha: 2}
			c := wgmmaConfig(64, 128, 3)
			c.Grid = 2
			verifyAsync(t, p, c, uint64(trans))
			c.ClusterM, c.Raster = 2, 2
			verifyAsync(t, p, c, uint64(trans))
			c.ClusterM, c.ClusterN, c.Grid = 1, 2, 4
			verifyAsync(t, p, c, uint64(trans))
		}
	}
	verifyAsync(t, Problem{M: 256, N: 128, K: 72, Batch: 3, TransA: true, DType: "fp16"}, wgmmaConfig(256, 64, 2), 9)
	verifyAsync(t, Problem{M: 192, N: 256, K: 64, TransA: true, DType: "fp16"}, wgmmaConfig(128, 256, 2), 10)
	for i, types := range [][3]string{{"fp16", "fp16", "fp16"}, {"tf32", "fp32", "fp32"}, {"int8", "int32", "int32"}, {"fp8", "fp16", "fp16"}} {
		c := wgmmaConfig(128, 128, 3)
		c.Grid, c.ClusterM = 2, 2
		verifyAsync(t, Problem{M: 208, N: 80, K: 272, TransA: true, DType: types[0], Acc: types[1], OutType: types[2]}, c, uint64(i))
	}
	verifyAsync(t, Problem{M: 72, N: 80, K: 272, TransA: true, DType: "fp8", OutType: "fp16"}, wgmmaConfig(64, 64, 4), 11)
}

// The same with scale factors, where a tile touches one or two blocks of them.
func TestWGMMAScaled(t *testing.T) {
	t.Parallel()
	for i, tm := range []int{128, 112, 56, 16} {
		p := Problem{M: 336, N: 200, K: 400, TransA: true, DType: "fp8", OutType: "bf16"}
		c := wgmmaConfig(tm, 128, 3)
		c.Scaled, c.Grid = true, 4
		if tm == 56 {
			c.TileN, p.Batch = 64, 2
		}
		verifyAsync(t, p, c, uint64(i))
		c.ClusterM, c.Raster = 2, 4
		verifyAsync(t, p, c, uint64(i))
	}
}

// A kernel whose waits are wrong is caught: the replay is no formality.
func TestReplayCatchesMissingWaits(t *testing.T) {
	t.Parallel()
	break1 := func(op tile.Op, bar int16, change func(*tile.Inst)) func(*tile.Kernel) {
		return func(k *tile.Kernel) {
			for _, p := range k.Programs {
				for s := range p.Segments {
					for i := range p.Segments[s].Code {
						if in := &p.Segments[s].Code[i]; in.Op == op && (bar < 0 || in.Access == bar) {
							change(in)
						}
					}
				}
			}
		}
	}
	nop := func(in *tile.Inst) { *in = bare(tile.OpNOP) }
	for name, spoil := range map[string]func(*tile.Kernel){
		"full":     break1(tile.OpMBWAIT, barFull, nop),
		"empty":    break1(tile.OpMBWAIT, barEmpty, nop),
		"group":    break1(tile.OpWGWAIT, -1, func(in *tile.Inst) { in.Imm = 3 }),
		"too soon": break1(tile.OpMBARRIVE, barEmpty, func(in *tile.Inst) { in.Imm, in.Guard = 0, tile.GuardNone }),
		"store":    break1(tile.OpTMAWAIT, -1, func(in *tile.Inst) { in.Imm = 9 }),
	} {
		k, m := spoiled(t, spoil)
		caught := false
		for seed := range uint64(4) {
			if _, err := replayKernel(m, k, seed); err != nil {
				caught = true
				break
			}
			if !sums(m, k) {
				caught = true
				break
			}
		}
		if !caught {
			t.Errorf("%s: the replay did not notice", name)
		}
	}
}

func spoiled(t *testing.T, spoil func(*tile.Kernel)) (*tile.Kernel, *machine) {
	p := Problem{M: 256, N: 128, K: 640, Batch: 1, TransA: true, DType: "fp16", Alpha: 1}
	c := wgmmaConfig(256, 64, 3)
	c.Grid = 1
	ks, err := Build(p, c, voltaLatencies)
	if err != nil {
		t.Fatal(err)
	}
	k := ks[0]
	spoil(k)
	m := newMachine(k.Tensors)
	r := rand.New(rand.NewPCG(1, 2))
	whole(m, &k.Tensors[tensorA], "fp16", r)
	whole(m, &k.Tensors[tensorB], "fp16", r)
	return k, m
}

// sums compares C with plain loops.
func sums(m *machine, k *tile.Kernel) bool {
	a, b, c := numbers(m, &k.Tensors[tensorA], "fp16", 0), numbers(m, &k.Tensors[tensorB], "fp16", 0), &k.Tensors[tensorC]
	for row := 0; row < c.Rows; row += 3 {
		for col := 0; col < c.Cols; col += 3 {
			want := 0.0
			for i, v := range a[row] {
				want += v * b[i][col]
			}
			if element(m, c, "fp16", 0, row, col) != want {
				return false
			}
		}
	}
	return true
}

func TestWGMMAErrors(t *testing.T) {
	p := Problem{M: 256, N: 256, K: 256, Batch: 1, TransA: true, DType: "fp16", Alpha: 1}
	for name, change := range map[string]func(*Problem, *Config){
		"beta":          func(p *Problem, _ *Config) { p.Beta = 1 },
		"odd pitch":     func(p *Problem, _ *Config) { p.K = 255 },
		"fp8 by rows":   func(p *Problem, _ *Config) { p.DType, p.OutType, p.TransA = "fp8", "fp16", false },
		"split":         func(_ *Problem, c *Config) { c.Splits = 2 },
		"one stage":     func(_ *Problem, c *Config) { c.Stages = 1 },
		"wide tile":     func(_ *Problem, c *Config) { c.TileM, c.TileN = 256, 256 },
		"large cluster": func(_ *Problem, c *Config) { c.ClusterM = 4 },
	} {
		p, c := p, wgmmaConfig(128, 128, 3)
		change(&p, &c)
		if _, err := Build(p, c, voltaLatencies); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
