package nvdla

import (
	"errors"
	"testing"
)

// Each unit takes its rate or memory's, whichever is slower, and an accelerator
// without it says so.
func TestUnits(t *testing.T) {
	n := large(32)
	fixed := uint64(n.Pipeline.Start + n.Memory.Latency + n.Pipeline.SDP)
	// 64 channels x 56 x 56 to 28 x 28: 200704 elements at 8 a cycle.
	if got, want := RunPooling(n, Pooling{C: 64, H: 56, W: 56, P: 28, Q: 28, ElemBytes: 1}), fixed+200704/8; got != want {
		t.Errorf("pooling takes %d cycles, want %d", got, want)
	}
	slow := *n
	slow.Memory.Bandwidth = 4e9
	if got, want := RunPooling(&slow, Pooling{C: 64, H: 56, W: 56, P: 28, Q: 28, ElemBytes: 1}), fixed+(200704+50176)/4; got != want {
		t.Errorf("pooling takes %d cycles at 4 bytes a cycle, want %d", got, want)
	}
	norm, err := RunNormalisation(n, 96, 27, 27, 1)
	if err != nil || norm != fixed+96*27*27/8 {
		t.Errorf("normalisation takes %d cycles, %v", norm, err)
	}
	copied, err := RunCopy(n, 1<<20)
	if err != nil || copied != fixed+2*(1<<20)/32 {
		t.Errorf("a copy takes %d cycles, %v", copied, err)
	}
	shaped, err := RunReshape(n, 32, 64, 64, 1)
	if err != nil || shaped <= fixed+2*32*64*64/32 {
		t.Errorf("a reshape takes %d cycles, %v", shaped, err)
	}
	s := small()
	s.CDPRate = 0
	for name, run := range map[string]func() (uint64, error){
		"copy":         func() (uint64, error) { return RunCopy(s, 1) },
		"reshape":      func() (uint64, error) { return RunReshape(s, 1, 1, 1, 1) },
		"norm":         func() (uint64, error) { return RunNormalisation(s, 1, 1, 1, 1) },
		"element-wise": func() (uint64, error) { return RunSinglePoint(s, SinglePoint{1, 1, 1, 1, false, true, false}) },
		"LUT":          func() (uint64, error) { return RunSinglePoint(s, SinglePoint{1, 1, 1, 1, false, false, true}) },
	} {
		var lack *LackError
		if _, err := run(); !errors.As(err, &lack) {
			t.Errorf("%s on nv_small: %v", name, err)
		}
	}
}
