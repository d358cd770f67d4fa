package sm_test

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// randomKernel generates a kernel without global memory whose warps all run
// different programs with arbitrary control codes.
func randomKernel(t *testing.T, g *configs.GPU, r *rand.Rand, st style) *tile.Kernel {
	warps := 1 + r.Intn(8)
	k := &tile.Kernel{
		Name: "random", Grid: [3]int{4, 1, 1}, Threads: 32 * warps, Regs: 255, Shared: 32 << 10, Splits: 1,
		Role: make([]uint8, warps), Consts: make([]uint32, 1+r.Intn(60)),
	}
	for range 6 {
		bytes := 4 << r.Intn(3)
		a := sharedAccess(k.Threads, bytes, 0)
		stride, mask := int32(r.Intn(20)), int32(31)>>r.Intn(6)
		for i := range a.Addr {
			a.Addr[i] = (int32(i) & mask * stride * int32(bytes)) % (16 << 10)
		}
		k.Accesses = append(k.Accesses, a)
	}
	trips := [4]int32{}
	for i := range trips {
		trips[i] = int32(r.Intn(5))
	}
	k.Place = func(i int, c *tile.CTA) {
		*c = tile.CTA{Index: i, Splits: 1, Tile: int32(i), Trips: trips[i]}
	}
	// All warps pass the same barriers: per segment, how many.
	var loops []bool
	var bars []int
	for range 1 + r.Intn(5) {
		loops = append(loops, r.Intn(3) == 0)
		bars = append(bars, max(0, r.Intn(4)-1))
	}
	mix := r.Intn(4)
	for w := range warps {
		k.Role[w] = uint8(w)
		p := &tile.Program{}
		for i, loop := range loops {
			p.Segments = append(p.Segments, randomSegment(r, loop, bars[i], mix)...)
		}
		p.Segments = append(p.Segments, tile.Segment{Code: []tile.Inst{bare(tile.OpEXIT)}})
		k.Programs = append(k.Programs, p)
	}
	if err := tile.Finish(k, library.Latencies(g)); err != nil {
		t.Fatal(err)
	}
	for _, p := range k.Programs {
		var before tile.Op // of the code that surely runs
		for _, s := range p.Segments {
			prev := before
			for i := range s.Code {
				scramble(r, &s.Code[i], st)
				if tile.TakesConst(s.Code[i].Op) && r.Intn(4) == 0 {
					s.Code[i].Imm = uint8(tile.ImmConst + r.Intn(len(k.Consts)))
				}
				if !st.waitAfterBarrier && (prev == tile.OpBAR || prev == tile.OpMEMBAR) {
					s.Code[i].Wait = 0
				}
				prev = s.Code[i].Op
				if o := s.Code[i].Op; st.guards && s.Loop && (o == tile.OpLDS || o == tile.OpSTS) && r.Intn(2) == 0 {
					s.Code[i].Guard = tile.GuardMore
				}
			}
			if !s.Loop {
				before = prev
			}
		}
	}
	return k
}

// style says what random programs may contain.
type style struct {
	guards           bool // shared-memory accesses that are off in the last iteration
	branchStalls     bool // stall counts of branches
	waitAfterBarrier bool // instructions that wait for a load after a barrier
}

// scramble replaces what the compiler decided by anything that the format
// allows.
func scramble(r *rand.Rand, in *tile.Inst, st style) {
	in.Stall, in.Wait, in.WrBar, in.RdBar, in.Bank = 1, 0, tile.NoBar, tile.NoBar, 0
	if in.Op == tile.OpBRA && !st.branchStalls || in.Op == tile.OpEXIT {
		return
	}
	if r.Intn(2) == 0 {
		in.Stall = uint8(1 + r.Intn(9))
	}
	if r.Intn(3) == 0 {
		in.Wait = uint8(r.Intn(1<<tile.NumBars) & r.Intn(1<<tile.NumBars))
	}
	bar := uint8(1 + r.Intn(tile.NumBars))
	switch in.Op {
	case tile.OpLDS, tile.OpS2R, tile.OpSHFL, tile.OpMUFU, tile.OpI2F, tile.OpF2I:
		in.WrBar = bar
	case tile.OpSTS:
		if r.Intn(2) == 0 {
			in.RdBar = bar
		}
	case tile.OpFFMA, tile.OpFADD, tile.OpHFMA2, tile.OpDFMA:
		in.Bank = uint8(max(0, r.Intn(5)-2))
	}
}

// randomSegment is a loop, or straight code cut into segments so that the
// counts of passes tell instructions apart.
func randomSegment(r *rand.Rand, loop bool, bars, mix int) []tile.Segment {
	var code []tile.Inst
	for range 1 + r.Intn(12) {
		code = append(code, randomInst(r, mix))
	}
	for range bars {
		at := r.Intn(len(code) + 1)
		code = append(code[:at:at], append([]tile.Inst{bare(tile.OpBAR)}, code[at:]...)...)
	}
	if loop {
		return []tile.Segment{{Code: append(code, bare(tile.OpBRA)), Loop: true}}
	}
	var out []tile.Segment
	for len(code) > 0 {
		n := min(len(code), 1+r.Intn(2))
		out = append(out, tile.Segment{Code: code[:n:n]})
		code = code[n:]
	}
	return out
}

func randomInst(r *rand.Rand, mix int) tile.Inst {
	mma := []func() tile.Inst{
		func() tile.Inst { return hmma(8*r.Intn(4), 4) },
		func() tile.Inst { return hmma(8*r.Intn(4), 2) },
	}
	alu := []tile.Op{
		tile.OpFFMA, tile.OpFADD, tile.OpFMUL, tile.OpIADD, tile.OpIMAD, tile.OpMOV, tile.OpISETP, tile.OpHFMA2,
		tile.OpDFMA, tile.OpMUFU, tile.OpNOP, tile.OpPACK, tile.OpLOP, tile.OpMEMBAR,
		tile.OpFMNMX, tile.OpFSETP, tile.OpFSEL, tile.OpSHF, tile.OpIMULH, tile.OpI2F, tile.OpF2I, tile.OpI2FP, tile.OpF2IP,
	}
	shared := []func() tile.Inst{
		func() tile.Inst { return lds(100+r.Intn(40), r.Intn(6)) },
		func() tile.Inst { return sts(100+r.Intn(40), r.Intn(6)) },
		func() tile.Inst { return op(tile.OpS2R, 150, tile.RZ, tile.RZ, tile.RZ) },
		func() tile.Inst { return op(tile.OpSHFL, 150, 151, tile.RZ, tile.RZ) },
	}
	x := r.Intn(10)
	switch {
	case mix == 0 && x < 7 || mix == 3 && x < 3: // tensor cores with something beside
		return mma[r.Intn(10)/8]()
	case mix == 1 && x < 7 || mix == 3 && x < 6: // the load/store path
		return shared[r.Intn(len(shared))]()
	}
	return op(alu[r.Intn(len(alu))], 64+2*r.Intn(16), 64+2*r.Intn(16), 64+2*r.Intn(16), 64+2*r.Intn(16))
}

// vary changes the machine.
func vary(g *configs.GPU, r *rand.Rand) {
	s := &g.SM
	s.SubCores = 1 << r.Intn(3)
	s.ActiveSet = 1 + r.Intn(4)
	s.MIO.QueueDepth = 1 + r.Intn(6)
	s.MIO.IssueInterval = 1 + r.Intn(4)
	s.MIO.SharedLatency = 1 + r.Intn(30)
	if r.Intn(2) == 0 {
		s.MIO.AddressInterval, s.MIO.QueueLatency = 1+r.Intn(5), r.Intn(12)
	}
	if r.Intn(2) == 0 {
		s.Constants = configs.Constants{L0: configs.Bytes(16 << r.Intn(5)), LineBytes: 16 << r.Intn(3), L0MissLatency: 1 + r.Intn(90), L1MissLatency: 1 + r.Intn(300)}
	}
	s.BranchLatency = 1 + r.Intn(12)
	s.BarrierLatency = 10 + r.Intn(20)
	s.Pipes.FP32.Lanes = []float64{16, 32, 16, 8}[r.Intn(4)]
	s.Pipes.SFU.Lanes = []float64{4, 16, 1}[r.Intn(3)]
	s.ICache.PrefetchLines = r.Intn(9)
	if r.Intn(2) == 0 { // programs do not fit
		s.ICache.L0 = configs.Bytes((1 + r.Intn(8)) * s.ICache.LineBytes)
	}
	s.ICache.L0MissLatency = 1 + r.Intn(40)
	s.ICache.L1MissLatency = s.ICache.L0MissLatency + r.Intn(300)
	t := &g.Tensor
	t.StepCycles = 2 + r.Intn(2)
	t.StepCyclesFP16 = 2 + r.Intn(4)
	t.BubbleSetsFP32 = r.Intn(4)
}

// event is what one cycle adds to the counts of an SM.
type event struct {
	cycle           uint64
	insts           uint64
	passes, barrier uint64
	segments        string
}

// recorder turns running counts into events.
type recorder struct {
	events []event
	insts  uint64
	passes uint64
	bars   uint64
	segs   [][]uint64
}

func (r *recorder) note(cycle uint64, c *sm.Counts) {
	e := event{cycle: cycle, insts: c.WarpInsts - r.insts, passes: c.SharedPasses - r.passes, barrier: c.Barriers - r.bars}
	r.insts, r.passes, r.bars = c.WarpInsts, c.SharedPasses, c.Barriers
	if r.segs == nil {
		for _, s := range c.Segments {
			r.segs = append(r.segs, make([]uint64, len(s)))
		}
	}
	for i := range c.Segments {
		for j, n := range c.Segments[i] {
			if n != r.segs[i][j] {
				e.segments += fmt.Sprintf(" warp %d passes segment %d x%d", i, j, n-r.segs[i][j])
				r.segs[i][j] = n
			}
		}
	}
	if e.insts > 0 {
		r.events = append(r.events, e)
	}
}

func dump(k *tile.Kernel) string {
	var b strings.Builder
	for p := range k.Programs {
		fmt.Fprintf(&b, "program %d\n", p)
		for s, seg := range k.Programs[p].Segments {
			fmt.Fprintf(&b, " segment %d loop %v\n", s, seg.Loop)
			for _, in := range seg.Code {
				fmt.Fprintf(&b, "  op %d steps %d stall %d wait %06b wr %d rd %d bank %d access %d\n", in.Op, in.Steps, in.Stall, in.Wait, in.WrBar, in.RdBar, in.Bank, in.Access)
			}
		}
	}
	return b.String()
}

// TestCoreAgreesWithOracle compares the event-driven SM with the oracle on
// random programs: the same warps issue in the same cycles, and each empty
// slot has the same reason. In particular an MMA that issues as a group costs
// what its steps cost one by one.
func TestCoreAgreesWithOracle(t *testing.T) {
	issued := map[string]uint64{}
	for seed := range int64(280) {
		r := rand.New(rand.NewSource(seed))
		g := volta(t)
		if seed%4 != 0 {
			vary(g, r)
		}
		g.SM.Scheduler = []string{"gto", "lrr", "oldest", "two-level", "gty"}[seed/4%5]
		o := agree(t, g, r, style{guards: seed%3 == 0})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		issued[g.SM.Scheduler] += o.counts.Slots[sm.Issued]
	}
	for _, s := range []string{"gto", "lrr", "oldest", "two-level", "gty"} {
		if issued[s] < 10_000 {
			t.Errorf("%s: only %d slots issued in all: the programs are too small", s, issued[s])
		}
	}
}

// agree runs one random kernel on the SM and on the oracle.
func agree(t *testing.T, g *configs.GPU, r *rand.Rand, st style) *oracle {
	t.Helper()
	k := randomKernel(t, g, r, st)
	at := []uint64{0, uint64(r.Intn(50)), uint64(r.Intn(600)), uint64(r.Intn(2000))}
	at = at[:1+r.Intn(4)]
	want, o := runOracle(t, g, k, at)
	got, core, end := runCore(t, g, k, at)
	if st.guards { // what is counted then is TestGuardedOffAccess's business
		for _, e := range [][]event{want, got} {
			for i := range e {
				e[i].passes = 0
			}
		}
	}
	core.Close(o.cycle)
	if diff := compare(want, got); diff != "" {
		t.Errorf("%s, %d sub-cores: %s\n%s", g.SM.Scheduler, g.SM.SubCores, diff, dump(k))
		return o
	}
	if end != o.cycle {
		t.Errorf("the last instruction issues in cycle %d, want %d", end-1, o.cycle-1)
	}
	if c := core.Counts(); c.Slots != o.counts.Slots {
		t.Errorf("slots\n%v\n%v, want\n%v", slotNames(), c.Slots, o.counts.Slots)
	}

	// The same in bulk steps of any length.
	bulk := load(t, g, k, 0)
	for i, c := range at {
		bulk.Launch(c, i)
	}
	for h := uint64(0); h < end; {
		h += 1 + uint64(r.Intn(500))
		bulk.Run(h)
	}
	bulk.Close(o.cycle)
	if !reflect.DeepEqual(bulk.Counts(), core.Counts()) {
		t.Errorf("in bulk\n%+v, cycle by cycle\n%+v", bulk.Counts(), core.Counts())
	}
	return o
}

func slotNames() (out []string) {
	for r := range sm.NumReasons {
		out = append(out, r.String())
	}
	return out
}

func runOracle(t *testing.T, g *configs.GPU, k *tile.Kernel, at []uint64) ([]event, *oracle) {
	o := newOracle(g, k)
	var rec recorder
	next := 0
	launched := make([]bool, len(at))
	for next < len(at) || o.busy() {
		for i := range at {
			if !launched[i] && at[i] == o.cycle {
				o.launch(i)
				launched[i] = true
				next++
			}
		}
		o.step()
		rec.note(o.cycle-1, &o.counts)
		if o.cycle > 1_000_000 {
			t.Fatal("the oracle does not come to an end")
		}
	}
	o.close()
	return rec.events, o
}

func runCore(t *testing.T, g *configs.GPU, k *tile.Kernel, at []uint64) ([]event, *sm.Core, uint64) {
	c := load(t, g, k, 0)
	for i, cycle := range at {
		c.Launch(cycle, i)
	}
	var rec recorder
	end := uint64(0)
	for {
		n, ok := c.Next()
		if !ok {
			return rec.events, c, end
		}
		end = n + 1
		c.Run(end)
		rec.note(n, c.Counts())
	}
}

func compare(want, got []event) string {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return fmt.Sprintf("event %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if len(want) != len(got) {
		return fmt.Sprintf("%d events, want %d", len(got), len(want))
	}
	return ""
}
