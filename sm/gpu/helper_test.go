package gpu_test

import (
	"context"
	"fmt"
	"testing"

	"gpusim/configs"
	"gpusim/memory"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// volta is a V100, changed by sets.
func volta(t testing.TB, sets ...string) *configs.GPU {
	t.Helper()
	m, err := configs.Load("volta", sets)
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU
}

// small is a V100 cut down to four SMs with their share of the memory system,
// except for L2, of which there is very little.
func small(t testing.TB, sets ...string) *configs.GPU {
	t.Helper()
	return volta(t, append([]string{
		"gpu.sm.count=4", "gpu.sm.gpcs=2", "gpu.l2.slices=8", "gpu.dram.channels=8", "gpu.l2.size=96 KiB",
	}, sets...)...)
}

// run runs kernels one after another on a new GPU, warmed if so asked.
func run(t testing.TB, g *configs.GPU, o gpu.Options, warm bool, ks ...*tile.Kernel) ([]gpu.Report, *gpu.GPU) {
	t.Helper()
	r, d, err := tryRun(t, g, o, warm, ks...)
	if err != nil {
		t.Fatal(err)
	}
	return r, d
}

func tryRun(t testing.TB, g *configs.GPU, o gpu.Options, warm bool, ks ...*tile.Kernel) ([]gpu.Report, *gpu.GPU, error) {
	t.Helper()
	d, err := gpu.New(context.Background(), g, g.Clock.Sustained, o)
	if err != nil {
		t.Fatal(err)
	}
	var stream []*gpu.Launch
	for _, k := range ks {
		if warm {
			d.Warm(k)
		}
		p, err := sm.Prepare(k, g)
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, &gpu.Launch{Prepared: p})
	}
	r, err := d.Run(stream)
	return append([]gpu.Report(nil), r...), d, err
}

// cycles runs one kernel and gives its duration.
func cycles(t testing.TB, g *configs.GPU, warm bool, k *tile.Kernel) uint64 {
	t.Helper()
	r, _ := run(t, g, gpu.Options{}, warm, k)
	return r[0].Launch.Cycles()
}

// outcome is what must not depend on how a run is made.
type outcome struct {
	Start, End, Skipped uint64
	SM                  string // all counts, CPI slots among them
	Memory              memory.Counters
}

// outcomes takes the outcomes out of reports; exact says whether what DRAM
// does behind everybody's back is among them, see TestHorizonOfDRAMCounters.
func outcomes(rs []gpu.Report, exact bool) (out []outcome) {
	for _, r := range rs {
		m := r.Memory
		if !exact {
			m.DRAMWriteSectors, m.Activates, m.Precharges, m.RowHits, m.ColumnAccesses = 0, 0, 0, 0, 0
			m.Refreshes, m.DRAMBusy, m.DRAMTurnarounds = 0, 0, 0
		}
		out = append(out, outcome{r.Launch.Start, r.Launch.End, r.Launch.Skipped, fmt.Sprintf("%+v", r.SM), m})
	}
	return out
}

// build generates the kernels of a GEMM of a family with 128x128 tiles unless
// the configuration says otherwise.
func build(t testing.TB, g *configs.GPU, p gemm.Problem, c gemm.Config) []*tile.Kernel {
	t.Helper()
	p.Batch, p.Alpha = 1, 1
	if c.TileM == 0 {
		c.TileM, c.TileN = 128, 128
	}
	ks, err := gemm.Build(p, c, library.Latencies(g))
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

func op(o tile.Op, dst, a, b, c int) tile.Inst {
	return tile.Inst{Op: o, Dst: uint8(dst), SrcA: uint8(a), SrcB: uint8(b), SrcC: uint8(c)}
}

func bare(o tile.Op) tile.Inst { return op(o, tile.RZ, tile.RZ, tile.RZ, tile.RZ) }

// ldg, stg, lds and sts use an access; red adds to memory.
func ldg(dst, access int) tile.Inst { return memop(tile.OpLDG, dst, tile.RZ, access) }
func stg(src, access int) tile.Inst { return memop(tile.OpSTG, tile.RZ, src, access) }
func red(src, access int) tile.Inst { return memop(tile.OpRED, tile.RZ, src, access) }
func lds(dst, access int) tile.Inst { return memop(tile.OpLDS, dst, tile.RZ, access) }
func sts(src, access int) tile.Inst { return memop(tile.OpSTS, tile.RZ, src, access) }

func memop(o tile.Op, dst, src, access int) tile.Inst {
	in := op(o, dst, src, tile.RZ, tile.RZ)
	in.Access = int16(access)
	return in
}

func hmma(acc int, steps uint8) tile.Inst {
	in := op(tile.OpHMMA, acc, 240, 242, acc)
	in.Steps = steps
	return in
}

// kernel is a kernel of one-dimensional CTAs over two tensors of 32-bit words,
// which CTA i sees from word i*span on.
type kernel struct {
	warps, ctas, trips int
	words              int // of each tensor
	span               int // words between CTAs
	splits             int
	regs               int
	accesses           []tile.Access
	segments           []tile.Segment   // of all warps; EXIT is added
	roles              [][]tile.Segment // or one list per warp
}

func (s kernel) build(t testing.TB, g *configs.GPU) *tile.Kernel {
	t.Helper()
	splits := max(1, s.splits)
	if s.regs == 0 {
		s.regs = 255
	}
	k := &tile.Kernel{
		Name: "test", Grid: [3]int{s.ctas, 1, 1}, Threads: 32 * s.warps, Regs: s.regs, Shared: 16 << 10,
		Splits: splits, Role: make([]uint8, s.warps), Accesses: s.accesses,
	}
	for i, name := range []string{"read", "written"} {
		k.Tensors = append(k.Tensors, tile.Tensor{
			Name: name, Base: uint64(i+1) << 32, Elem: 4, Rows: max(1, s.words), Cols: 1, RowStride: 1, ColStride: int64(max(1, s.words)),
			Bytes: 4 * int64(max(1, s.words)), Output: i == 1,
		})
	}
	if splits > 1 {
		k.Semaphores = s.ctas / splits
	}
	k.Place = func(i int, c *tile.CTA) {
		tiles := s.ctas / splits
		*c = tile.CTA{Index: i, Split: int32(i / tiles), Splits: int32(splits), Tile: int32(i % tiles), Trips: int32(s.trips)}
		c.Origin[tile.VarM], c.Limit[tile.VarM] = int32(i*s.span), int32(s.words)
	}
	exit := tile.Segment{Code: []tile.Inst{bare(tile.OpEXIT)}}
	roles := s.roles
	if roles == nil {
		roles = [][]tile.Segment{s.segments}
	}
	for i, segs := range roles {
		p := &tile.Program{}
		for _, seg := range segs { // control codes are written into the code
			p.Segments = append(p.Segments, tile.Segment{Code: append([]tile.Inst(nil), seg.Code...), Loop: seg.Loop})
		}
		p.Segments = append(p.Segments, exit)
		k.Programs = append(k.Programs, p)
		if s.roles != nil {
			k.Role[i] = uint8(i)
		}
	}
	if err := tile.Finish(k, library.Latencies(g)); err != nil {
		t.Fatal(err)
	}
	return k
}

// loop is a loop segment.
func loop(code ...tile.Inst) tile.Segment {
	return tile.Segment{Code: append(append([]tile.Inst(nil), code...), bare(tile.OpBRA)), Loop: true}
}

func once(code ...tile.Inst) tile.Segment { return tile.Segment{Code: code} }

// words is an access of n words a thread, thread t from word first+t*stride
// on, moved by step words with each iteration.
func words(threads, n, first, stride, step int) tile.Access {
	a := tile.Access{Space: tile.Global, Bytes: 4 * n, RowVar: tile.VarM, RowStep: int32(step), Row: make([]int32, threads), Col: make([]int32, threads)}
	for t := range a.Row {
		a.Row[t] = int32(first + t*stride)
	}
	return a
}
