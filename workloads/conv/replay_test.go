package conv

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

// voltaLatencies are a V100's.
var voltaLatencies = tile.Latencies{
	FP32: 4, FP64: 8, INT: 4, FP16: 6, SFU: 18, HMMA: 10, HMMAAccumulate: 8, HMMAStep: 2, HMMAStepFP16: 4,
	Branch: 8, RegisterBanks: 2, OperandsPerRead: 2, SharedBanks: 32, SharedBytesClk: 128,
	MMA: []tile.MMA{{Name: "IMMA.8816", Type: "int8", Acc: "int32", M: 8, N: 8, K: 16, Cycles: 4, Latency: 20, Accumulate: 12}}, // Turing's
}

// TestReplay executes the kernels of implicit GEMM on real numbers and compares
// with the convolution as it is defined.
func TestReplay(t *testing.T) {
	for _, s := range shapes {
		for _, pass := range []string{workloads.PassForward, workloads.PassData, workloads.PassWeight} {
			replayed(t, fmt.Sprintf("%s,pass=%s", s, pass), gemm.Config{Family: "simt", TileM: 128, TileN: 32, TileK: 8, WarpM: 64, WarpN: 32, WarpK: 1, Splits: 1})
			replayed(t, fmt.Sprintf("%s,pass=%s,layout=nhwc,dtype=fp16", s, pass), gemm.Config{Family: "hmma", TileM: 64, TileN: 64, TileK: 32, Splits: 1})
		}
		replayed(t, s+",pass=bwd_weight,layout=nhwc,dtype=fp16", gemm.Config{Family: "hmma", TileM: 128, TileN: 64, TileK: 32, Splits: 3, Workspace: true})
		replayed(t, s+",pass=bwd_weight", gemm.Config{Family: "simt", TileM: 128, TileN: 64, TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1, Splits: 4, Workspace: true})
	}
}

// TestLateReplay does so for kernels that look offsets up into the registers of what
// they load by them, and finds the 128 registers that a profile of cuDNN's 128x64 shows.
func TestLateReplay(t *testing.T) {
	for _, s := range shapes {
		for _, pass := range []string{workloads.PassForward, workloads.PassData} {
			for _, c := range []gemm.Config{
				{Family: "simt", TileM: 128, TileN: 64, TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1, Splits: 1},
				{Family: "simt", TileM: 128, TileN: 32, TileK: 8, WarpM: 32, WarpN: 32, WarpK: 1, Splits: 1},
			} {
				replayedAs(t, fmt.Sprintf("%s,pass=%s", s, pass), c, Slabs{}, func(_ *workloads.Conv, p *gemm.Problem) {
					p.Lowered.Table, p.Lowered.Late = 4*int64(p.K), true
				})
			}
		}
	}
	_, p := problem(t, "conv:n=128,c=3,h=224,w=224,k=64,r=3,s=3,stride=3", Slabs{})
	for late, want := range map[bool]int{true: 128, false: 136} {
		p.Lowered.Table, p.Lowered.Late = 4*int64(p.K), late
		ks, err := gemm.Build(p, gemm.Config{Family: "simt", TileM: 128, TileN: 64, TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1, Splits: 1}, voltaLatencies)
		if err != nil {
			t.Fatal(err)
		}
		if got := (ks[0].Regs + 7) / 8 * 8; got != want {
			t.Errorf("late %v: %d registers, want %d", late, got, want)
		}
	}
}

// TestAddedReplay does so for kernels that add their sums to the output, which is cleared
// before whether they reach all of it or not, and load fragments word by word.
func TestAddedReplay(t *testing.T) {
	c := gemm.Config{Family: "simt", TileM: 64, TileN: 32, TileK: 16, WarpM: 32, WarpN: 32, WarpK: 1, Splits: 1, ByWord: true}
	for _, s := range append([]string{"conv:n=2,c=40,h=7,w=5,k=33,r=1,s=1,stride=2", "conv:n=2,c=33,h=7,w=7,k=9,r=1,s=1,stride=2,pad=3"}, shapes...) {
		replayedAs(t, s+",pass=bwd_data", c, Slabs{}, func(_ *workloads.Conv, p *gemm.Problem) { p.Lowered.Added = true })
	}
	_, p := problem(t, "conv:n=1,c=40,h=7,w=5,k=33,r=1,s=1,stride=2,pass=bwd_data", Slabs{})
	p.Lowered.Added = true
	for name, change := range map[string]func(p *gemm.Problem, c *gemm.Config){
		"slices": func(_ *gemm.Problem, c *gemm.Config) { c.Splits = 2 },
		"beta":   func(p *gemm.Problem, _ *gemm.Config) { p.Beta = 1 },
		"halves": func(p *gemm.Problem, _ *gemm.Config) { p.DType, p.Acc = "fp16", "fp32" },
		"family": func(_ *gemm.Problem, c *gemm.Config) { c.Family = "direct" },
		"k-tile": func(_ *gemm.Problem, c *gemm.Config) { c.TileK = 8 }, // of fragments that come word by word
	} {
		p, c := p, c
		change(&p, &c)
		if _, err := gemm.Build(p, c, voltaLatencies); err == nil {
			t.Errorf("%s: built", name)
		}
	}
}

// TestDirectReplay does so for the kernel of few channels, which computes any
// number of them.
func TestDirectReplay(t *testing.T) {
	for _, s := range append([]string{"conv:n=1,c=1,h=9,w=70,k=37,r=5,s=3,stride=2"}, shapes...) {
		for _, pass := range []string{workloads.PassForward, workloads.PassData, workloads.PassWeight} {
			replayed(t, s+",pass="+pass, gemm.Config{Family: "direct", Splits: 1})
		}
	}
}

// TestSlabReplay does so for gradients of filters that take the points of each
// image in slabs, and for those whose tiles do not reach over filter taps.
func TestSlabReplay(t *testing.T) {
	c := gemm.Config{Family: "simt", TileM: 64, TileN: 32, TileK: 16, WarpM: 32, WarpN: 16, WarpK: 1, Splits: 3, Workspace: true}
	for _, s := range shapes {
		for _, points := range []int{8, 32} {
			replayedSlabs(t, s+",pass=bwd_weight", c, Slabs{Points: points})
		}
		for _, splits := range []int{1, 3} {
			h := gemm.Config{Family: "hmma", TileM: 128, TileN: 64, TileK: 32, Splits: splits, Workspace: splits > 1}
			replayedSlabs(t, s+",pass=bwd_weight,layout=nhwc,dtype=fp16", h, Slabs{Channels: h.TileM})
		}
		// A single slice whose sums a second kernel turns into halves.
		one := gemm.Config{Family: "hmma", TileM: 128, TileN: 64, TileK: 32, Splits: 1, Workspace: true, Sums: true}
		replayedSlabs(t, s+",pass=bwd_weight,layout=nhwc,dtype=fp16", one, Slabs{Channels: one.TileM})
	}
}

// TestAlikeReplay does so for gradients of the input that walk all points, whether a
// tap reaches them or not; nothing clears the output before.
func TestAlikeReplay(t *testing.T) {
	c := gemm.Config{Family: "hmma", TileM: 64, TileN: 64, TileK: 32, Splits: 1}
	for _, s := range append([]string{"conv:n=2,c=40,h=7,w=5,k=33,r=1,s=1,stride=2", "conv:n=1,c=8,h=8,w=7,k=70,r=2,s=1,stride=3,pad=1"}, shapes...) {
		s += ",pass=bwd_data,layout=nhwc,dtype=fp16"
		replayedSlabs(t, s, c, Slabs{Alike: true})
		_, p := problem(t, s, Slabs{Alike: true})
		for _, f := range p.Lowered.Phases {
			if f.K != p.K && f.M*f.N > 0 {
				t.Errorf("%s: a phase of %d products, another of %d", s, f.K, p.K)
			}
		}
	}
}

// TestNearReplay does so for kernels that take all taps of a slab of channels in a row.
func TestNearReplay(t *testing.T) {
	c := gemm.Config{Family: "hmma", TileM: 64, TileN: 64, TileK: 32, Splits: 1}
	for _, s := range append([]string{"conv:n=1,c=64,h=6,w=5,k=96,r=3,s=2,pad=1", "conv:n=2,c=96,h=7,w=6,k=64,r=2,s=3,stride=2,pad=1"}, shapes...) {
		for _, pass := range []string{workloads.PassForward, workloads.PassData} {
			for _, alike := range []bool{false, true} {
				replayedSlabs(t, s+",layout=nhwc,dtype=fp16,pass="+pass, c, Slabs{Near: true, Alike: alike})
			}
		}
	}
}

// TestInt8Replay does so for sums of bytes, written as bytes.
func TestInt8Replay(t *testing.T) {
	c := gemm.Config{Family: "mma", TileM: 64, TileN: 64, TileK: 64, WarpM: 32, WarpN: 32, Stages: 2, Splits: 1}
	for _, s := range []string{"conv:n=2,c=32,h=5,w=6,k=64,r=3,s=3,pad=1", "conv:n=1,c=64,h=9,w=8,k=32,r=3,s=2,stride=2"} {
		replayed(t, s+",dtype=int8,layout=nhwc", c)
		epilogued(t, s+",dtype=int8,layout=nhwc,epilogue=bias+add+relu", c)
		replayed(t, s+",dtype=int8,layout=nchw_vect_c", c)
		epilogued(t, s+",dtype=int8,layout=nchw_vect_c,epilogue=bias+add+relu", c)
	}
	// Rows of one byte and of two are not staged as words.
	for _, k := range []int{33, 34, 64} {
		for _, e := range []string{"bias+add+relu", "bias+add"} {
			text := fmt.Sprintf("conv:n=2,c=32,h=5,w=6,k=%d,r=3,s=3,pad=1,dtype=int8,layout=nhwc,epilogue=%s", k, e)
			epilogued(t, text, c)
			packs := voltaLatencies
			packs.PackConversions = true
			epiloguedFor(t, text, c, packs)
		}
	}
	// Few products to a sum: integers are converted by additions.
	for _, e := range []string{"bias", "bias+relu", "add", "bias+add+relu"} {
		epilogued(t, "conv:n=2,c=32,h=5,w=6,k=64,r=1,s=1,dtype=int8,layout=nchw_vect_c,epilogue="+e, c)
		epilogued(t, "conv:n=1,c=64,h=5,w=6,k=32,r=2,s=2,dtype=int8,layout=nchw_vect_c,epilogue="+e, c)
	}
}

func replayed(t *testing.T, text string, c gemm.Config) {
	t.Helper()
	replayedSlabs(t, text, c, Slabs{})
}

func replayedSlabs(t *testing.T, text string, c gemm.Config, slabs Slabs) {
	t.Helper()
	replayedAs(t, text, c, slabs, func(conv *workloads.Conv, p *gemm.Problem) {
		if c.Family == "simt" && conv.Pass != workloads.PassWeight {
			p.Lowered.Table = 4 * int64(p.K)
		}
	})
}

// problem is a convolution and the product that computes it.
func problem(t *testing.T, text string, slabs Slabs) (*workloads.Conv, gemm.Problem) {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := LowerSlabs(w.Conv, slabs)
	if err != nil {
		t.Fatal(err)
	}
	return w.Conv, p
}

// replayedAs does so with what change makes of the product.
func replayedAs(t *testing.T, text string, c gemm.Config, slabs Slabs, change func(conv *workloads.Conv, p *gemm.Problem)) {
	t.Helper()
	conv, p := problem(t, text, slabs)
	if (c.Splits > 1 || c.Sums) && p.Batch > 1 {
		return // the library does not split grouped convolutions
	}
	change(conv, &p)
	p.Lowered.Name = "replayed"
	ks, err := gemm.Build(p, c, voltaLatencies)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	m := replay.New(ks[0].Tensors)
	x, f, y := inputs(conv)
	a, b := x, f
	switch conv.Pass {
	case workloads.PassData:
		a = y
	case workloads.PassWeight:
		b = y
	}
	if p.Lowered.GatherB {
		a, b = b, a
	}
	put(m.Bytes(&ks[0].Tensors[0]), a, ks[0].Tensors[0].Elem)
	put(m.Bytes(&ks[0].Tensors[1]), b, ks[0].Tensors[1].Elem)
	out := &ks[0].Tensors[2]
	for i := range m.Bytes(out) {
		m.Bytes(out)[i] = 0xff
	}
	if ks, err = gemm.Cleared(ks, p, voltaLatencies); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, k := range ks {
		if err := m.Run(k); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for i, want := range direct(conv) {
		if out.Elem == 1 {
			want = min(max(want, -128), 127)
		}
		if got := value(m.Bytes(out)[i*out.Elem:], out.Elem); got != want {
			t.Errorf("%s: element %d is %v, want %v", text, i, got, want)
			return
		}
	}
}

func put(mem []byte, v []float64, elem int) {
	for i, f := range v {
		switch elem {
		case 1:
			mem[i] = byte(int8(f))
		case 2:
			binary.LittleEndian.PutUint16(mem[2*i:], tile.HalfBits(f))
		default:
			binary.LittleEndian.PutUint32(mem[4*i:], math.Float32bits(float32(f)))
		}
	}
}

func value(mem []byte, elem int) float64 {
	switch elem {
	case 1:
		return float64(int8(mem[0]))
	case 2:
		return float64(tile.HalfValue(binary.LittleEndian.Uint16(mem)))
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(mem)))
}
