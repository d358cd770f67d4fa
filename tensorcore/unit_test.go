package tensorcore_test

import (
	"math/rand"
	"testing"

	"gpusim/configs"
	"gpusim/tensorcore"
)

func volta(t *testing.T) *configs.TensorCore {
	t.Helper()
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &m.GPU.Tensor
}

// TestGroupIsItsSteps compares a unit that takes MMAs as groups with a list of
// the cycles in which their steps issue.
func TestGroupIsItsSteps(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 200 {
		c := *volta(t)
		c.StepCycles, c.StepCyclesFP16 = 1+r.Intn(5), 1+r.Intn(7)
		c.StepsFP32, c.StepsFP16 = 3+r.Intn(3), 1+r.Intn(2)
		c.BubbleSetsFP32 = r.Intn(4)
		s := tensorcore.NewSpec(&c)
		u := tensorcore.NewUnit(s)
		later := map[uint64]bool{} // issue slots of the latest MMA's later steps
		now, sets := uint64(r.Intn(3)), 0
		for range 30 {
			steps, every := c.StepsFP32, c.StepCycles
			if r.Intn(3) == 0 {
				steps, every = c.StepsFP16, c.StepCyclesFP16
			}
			if got := s.Interval(uint8(steps)); got != uint64(every) {
				t.Fatalf("%+v: %d steps at intervals of %d, want %d", s, steps, got, every)
			}
			clear(later)
			for i := 1; i < steps; i++ {
				later[now+uint64(i*every)] = true
			}
			want := now + uint64(steps*every)
			if steps == c.StepsFP32 && c.BubbleSetsFP32 > 0 {
				if sets++; sets%c.BubbleSetsFP32 == 0 {
					want++
				}
			}
			free := u.Issue(now, uint8(steps))
			if free != want {
				t.Fatalf("%+v: %d steps from cycle %d: free in cycle %d, want %d", s, steps, now, free, want)
			}
			for at := now - min(now, 3); at < free+3; at++ {
				if u.Holds(at) != later[at] {
					t.Fatalf("%+v: %d steps from cycle %d: holds slot %d: %v", s, steps, now, at, u.Holds(at))
				}
				held := uint64(0)
				for to := at + 1; to < free+3; to++ {
					if got := u.HeldIn(at, to); got != held {
						t.Fatalf("%+v: %d steps from cycle %d: %d slots held in (%d, %d), want %d", s, steps, now, got, at, to, held)
					}
					if later[to] {
						held++
					}
				}
			}
			now = free + uint64(r.Intn(3))
		}
	}
}

// TestIdleUnit holds nothing.
func TestIdleUnit(t *testing.T) {
	u := tensorcore.NewUnit(tensorcore.NewSpec(volta(t)))
	for at := range uint64(10) {
		if u.Holds(at) || u.HeldIn(at, at+5) != 0 {
			t.Errorf("an idle unit holds slot %d", at)
		}
	}
}

// TestVoltaRates: m8n8k4 on four quad pairs, 1024 FMA, back to back.
func TestVoltaRates(t *testing.T) {
	c := volta(t)
	rate := func(steps int) float64 {
		u := tensorcore.NewUnit(tensorcore.NewSpec(c))
		at := uint64(0)
		for range 1000 {
			at = u.Issue(at, uint8(steps))
		}
		return 4 * 1000 * 1024 / float64(at)
	}
	if r := rate(c.StepsFP32); r < 0.97*479 || r > 1.03*479 {
		t.Errorf("%.1f FMA/clk/SM with fp32 accumulators, measured 479", r)
	}
	if r := rate(c.StepsFP16); r < 0.97*509 || r > 1.03*509 {
		t.Errorf("%.1f FMA/clk/SM with fp16 accumulators, measured 509", r)
	}
}
