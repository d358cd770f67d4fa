package nvlink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/sim"
	"gpusim/workloads"
)

// sumOver is an op that sums bytes over GPUs.
func sumOver(bytes int64, gpus ...int) Op {
	return Op{Name: fmt.Sprintf("sum of %d", bytes), Work: workloads.Collective{Op: workloads.AllReduce, Size: bytes, DType: "fp32"}, Groups: [][]int{gpus}}
}

func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

func kernelOf(us, bytes float64) Action {
	return Action{Kind: RunKernel, Name: "kernel", Kernel: &Kernel{Seconds: us * 1e-6, DRAM: bytes}}
}

// backward is a step of replicas: kernels, behind each of which a bucket is
// summed beside those that follow.
func backwardStep(gpus, buckets int, bytes int64, us, dram float64, apart bool) *Step {
	s := &Step{Class: make([]int, gpus), Memory: 800e9}
	var prog []Action
	for b := range buckets {
		prog = append(prog, kernelOf(us, dram), Action{Kind: StartOp, Op: b})
		s.Ops = append(s.Ops, sumOver(bytes, upTo(gpus)...))
	}
	for b := range buckets {
		prog = append(prog, Action{Kind: WaitOp, Op: b})
	}
	s.Programs = [][]Action{prog}
	if apart {
		s.Programs = nil
		for r := range s.Class {
			s.Class[r] = r
			s.Programs = append(s.Programs, prog)
		}
	}
	return s
}

func runStep(t *testing.T, system string, s *Step, sets ...string) StepResult {
	t.Helper()
	m, err := configs.Load(system, sets)
	if err != nil {
		t.Fatal(err)
	}
	r, err := RunStep(context.Background(), m.System, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// GPUs that do the same are one class; the step is the same as with each on its own.
func TestStepSharedAndApart(t *testing.T) {
	for _, c := range []struct {
		system string
		gpus   int
		dram   float64
	}{{"dgx1v", 8, 0}, {"dgx1v", 8, 150e6}, {"dgx2", 16, 150e6}, {"hgx-h100", 8, 150e6}} {
		shared := runStep(t, c.system, backwardStep(c.gpus, 4, 8<<20, 200, c.dram, false))
		apart := runStep(t, c.system, backwardStep(c.gpus, 4, 8<<20, 200, c.dram, true))
		if len(apart.Classes) != c.gpus || len(shared.Classes) != 1 {
			t.Fatalf("%d and %d classes", len(shared.Classes), len(apart.Classes))
		}
		if math.Abs(shared.Seconds/apart.Seconds-1) > 0.005 {
			t.Errorf("%s: shared %.2f us, apart %.2f us", c.system, shared.Seconds*1e6, apart.Seconds*1e6)
		}
	}
}

// A step takes at least its kernels, at least its collectives, at most one behind
// the other; the parts of its time add up; links carry what the algorithm sends.
func TestStepBounds(t *testing.T) {
	const buckets, bytes = 4, 16 << 20
	for _, us := range []float64{10, 400, 3000} {
		both := runStep(t, "dgx1v", backwardStep(8, buckets, bytes, us, 0, false))
		comm := runStep(t, "dgx1v", backwardStep(8, buckets, bytes, 1e-6, 0, false))
		alone := buckets * us * 1e-6
		if both.Seconds < alone || both.Seconds < comm.Seconds*(1-1e-6) || both.Seconds > (alone+comm.Seconds)*1.001 {
			t.Errorf("kernels of %g us: %g s, kernels alone %g, sums alone %g", us, both.Seconds, alone, comm.Seconds)
		}
		u := both.Classes[0]
		if sum := u.Alone + u.Slowed + u.Exposed + u.Bubble + u.Idle; math.Abs(sum/both.Seconds-1) > 1e-4 || math.Abs(u.Alone/alone-1) > 1e-9 {
			t.Errorf("parts of the step are %g of %g s, kernels %g of %g", sum, both.Seconds, u.Alone, alone)
		}
		total := 0.0
		for _, l := range both.Links {
			total += l.Data
		}
		if want := float64(buckets * 2 * (8 - 1) * bytes); math.Abs(total/want-1) > 1e-6 { // all links are direct: a byte takes one
			t.Errorf("%g bytes on links, a ring sends %g", total, want)
		}
		if both.PeakUse > 1+1e-6 {
			t.Errorf("a link at %g of its rate", both.PeakUse)
		}
	}
}

// More bandwidth never makes a step longer.
func TestStepFasterLinks(t *testing.T) {
	step := func() *Step { return backwardStep(8, 3, 16<<20, 150, 100e6, false) }
	slow := runStep(t, "dgx1v", step())
	m, err := configs.Load("dgx1v", nil)
	if err != nil {
		t.Fatal(err)
	}
	m.System.LinkType("nvlink2").LaneGbps *= 2
	fast, err := RunStep(context.Background(), m.System, step(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if fast.Seconds > slow.Seconds*(1+1e-9) {
		t.Errorf("twice the bandwidth: %g s instead of %g", fast.Seconds, slow.Seconds)
	}
	roomy := step()
	roomy.Memory *= 2
	if r := runStep(t, "dgx1v", roomy); r.Seconds > slow.Seconds*(1+1e-9) {
		t.Errorf("twice the memory's bandwidth: %g s instead of %g", r.Seconds, slow.Seconds)
	}
}

// A kernel beside a collective gets what that leaves of the memory's bandwidth and,
// of SMs, what its CTAs leave.
func TestStepContention(t *testing.T) {
	const us, rate = 2000.0, 800e9
	var taken []int
	step := func(dram float64, slowed func(int) (float64, error)) *Step {
		s := &Step{Class: make([]int, 8), Memory: rate, Ops: []Op{sumOver(256<<20, upTo(8)...)}}
		k := &Kernel{Seconds: us * 1e-6, DRAM: dram, Slowed: slowed}
		s.Programs = [][]Action{{{Kind: StartOp}, {Kind: RunKernel, Name: "kernel", Kernel: k}, {Kind: WaitOp}}}
		return s
	}
	free := runStep(t, "dgx1v", step(0, nil)).Classes[0]
	if free.Slowed > 1e-9 {
		t.Errorf("a kernel without memory traffic is slowed by %g s", free.Slowed)
	}
	full := runStep(t, "dgx1v", step(rate*us*1e-6, nil)).Classes[0]
	// The ring sends at some rate out of each GPU; its memory sees three times that.
	sent := 2 * 7.0 / 8 * (256 << 20) / free.Comm
	if want := 1/(1-3*sent/rate) - 1; math.Abs(full.Slowed/full.Alone/want-1) > 0.1 {
		t.Errorf("a kernel that fills the memory is slowed by %.1f %%, want %.1f %% beside %.0f GB/s", 100*full.Slowed/full.Alone, 100*want, sent/1e9)
	}
	fewer := runStep(t, "dgx1v", step(0, func(sms int) (float64, error) {
		taken = append(taken, sms)
		return us * 1e-6 * 80 / float64(80-sms), nil
	})).Classes[0]
	if want := 12.0 / 68; math.Abs(fewer.Slowed/fewer.Alone/want-1) > 0.02 {
		t.Errorf("with %v of 80 SMs taken a kernel is slowed by %.2f %%, want %.2f %%", taken, 100*fewer.Slowed/fewer.Alone, 100*want)
	}
}

// pipeline is a step of stages with equal kernels, one microbatch after another.
func pipelineStep(stages, micro int, us float64, bytes int64, place []int) *Step {
	s := &Step{Class: make([]int, 8)}
	for r := range s.Class {
		s.Class[r] = -1
	}
	for k, r := range place {
		s.Class[r] = k
	}
	hand := make([][]int, micro) // ops behind each stage
	for m := range micro {
		for k := range stages - 1 {
			hand[m] = append(hand[m], len(s.Ops))
			s.Ops = append(s.Ops, Op{Name: "hand over", Stream: Boundaries, Groups: [][]int{{place[k], place[k+1]}}, Work: workloads.Collective{Op: workloads.PointToPoint, Size: bytes, DType: "fp32"}})
		}
	}
	for k := range stages {
		var prog []Action
		for m := range micro {
			if k > 0 {
				prog = append(prog, Action{Kind: WaitOp, Op: hand[m][k-1]})
			}
			prog = append(prog, kernelOf(us, 0))
			if k < stages-1 {
				prog = append(prog, Action{Kind: StartOp, Op: hand[m][k]})
			}
		}
		s.Programs = append(s.Programs, prog)
	}
	return s
}

// The bubble of a pipeline of p equal stages and m microbatches is (p-1)/(m+p-1) of
// its time (Huang et al. 2019), whatever GPUs of the mesh the stages are on, up to
// its symmetries.
func TestPipelineBubble(t *testing.T) {
	for _, c := range []struct{ stages, micro int }{{2, 2}, {4, 4}, {4, 16}} {
		r := runStep(t, "dgx1v", pipelineStep(c.stages, c.micro, 5000, 1<<10, []int{0, 3, 2, 1}[:c.stages]))
		want := float64(c.stages-1) / float64(c.micro+c.stages-1)
		for _, u := range r.Classes {
			if got := (u.Bubble + u.Idle) / r.Seconds; math.Abs(got-want) > 0.01 {
				t.Errorf("%d stages, %d microbatches: bubble %.3f, theory %.3f", c.stages, c.micro, got, want)
			}
		}
	}
	a := runStep(t, "dgx1v", pipelineStep(4, 8, 100, 16<<20, []int{0, 3, 2, 1}))
	b := runStep(t, "dgx1v", pipelineStep(4, 8, 100, 16<<20, []int{4, 7, 6, 5})) // the other half of the mesh, which is alike
	if math.Abs(a.Seconds/b.Seconds-1) > 1e-9 {
		t.Errorf("%g s on one half, %g s on the other", a.Seconds, b.Seconds)
	}
}

// Both fidelities agree where nothing contends.
func TestClosedStep(t *testing.T) {
	m, err := configs.Load("dgx2", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Step{
		backwardStep(16, 4, 25<<20, 2000, 0, false), backwardStep(16, 4, 25<<20, 100, 0, false), backwardStep(8, 8, 1<<20, 50, 0, false),
		pipelineStep(4, 8, 300, 8<<20, []int{0, 1, 2, 3}),
	} {
		r := runStep(t, "dgx2", s)
		c, err := ClosedStep(m.System, s)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(c.Seconds/r.Seconds-1) > 0.12 {
			t.Errorf("closed form %g s, events %g s", c.Seconds, r.Seconds)
		}
	}
}

// One node stands for all of a ring through many.
func TestStepFolded(t *testing.T) {
	flat := backwardStep(32, 1, 8<<20, 500, 0, false)
	folded := backwardStep(16, 1, 8<<20, 500, 0, false)
	folded.Folded = 2
	for i := range flat.Ops {
		flat.Ops[i].Work.Algo, folded.Ops[i].Work.Algo, folded.Ops[i].Nodes = Ring, Ring, 2
	}
	a, b := runStep(t, "dgx2-pod", flat), runStep(t, "dgx2-pod", folded)
	if math.Abs(a.Seconds/b.Seconds-1) > 0.03 {
		t.Errorf("32 GPUs one by one %g s, folded %g s", a.Seconds, b.Seconds)
	}
}

// Nodes of one height stand for all of a tree.
func TestStepFoldedTree(t *testing.T) {
	flat := backwardStep(96, 1, 2<<20, 500, 0, false)
	folded := backwardStep(6, 1, 2<<20, 500, 0, false)
	folded.Folded = 16
	for i := range flat.Ops {
		flat.Ops[i].Work.Algo, folded.Ops[i].Work.Algo, folded.Ops[i].Nodes = Tree, Tree, 16
	}
	a, b := runStep(t, "summit", flat), runStep(t, "summit", folded)
	if math.Abs(a.Seconds/b.Seconds-1) > 0.05 {
		t.Errorf("96 GPUs one by one %g s, folded %g s", a.Seconds, b.Seconds)
	}
	total := func(links []LinkUse) (sum float64) {
		for _, l := range links {
			sum += l.Wire * l.Stands
		}
		return sum
	}
	if x, y := total(a.Links), total(b.Links); math.Abs(x/y-1) > 0.05 {
		t.Errorf("%g bytes on links one by one, %g folded", x, y)
	}
}

// Mistakes are named; a circle of waits is a deadlock that says who waits.
func TestStepErrors(t *testing.T) {
	m, err := configs.Load("dgx1v", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		step *Step
		want string
	}{
		{backwardStep(9, 1, 1<<20, 1, 0, false), "gpus=9, but the system has 8"},
		{&Step{Class: make([]int, 8), Programs: [][]Action{nil}, Ops: []Op{sumOver(8, 0, 8)}}, "there is no GPU 8"},
	} {
		var own *InputError
		if _, err := RunStep(context.Background(), m.System, c.step, Options{}); !errors.As(err, &own) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	circle := &Step{Class: []int{0, 1}, Ops: []Op{sumOver(1<<20, 0, 1), sumOver(1<<20, 0, 1)}, Programs: [][]Action{
		{{Kind: StartOp, Op: 0}, {Kind: WaitOp, Op: 0}, {Kind: StartOp, Op: 1}},
		{{Kind: StartOp, Op: 1}, {Kind: WaitOp, Op: 1}, {Kind: StartOp, Op: 0}},
	}}
	_, err = RunStep(context.Background(), m.System, circle, Options{})
	if !errors.Is(err, sim.ErrDeadlock) || !strings.Contains(err.Error(), "GPU0 waits for sum of") || !strings.Contains(err.Error(), "GPU1 waits for sum of") {
		t.Errorf("a circle of waits: %v", err)
	}
}
