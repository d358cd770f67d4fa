package main

import (
	"io"
	"testing"
)

// The bar moves within pieces and never back, and counts finished ones.
func TestProgress(t *testing.T) {
	p := newProgress(io.Discard, "simulating", 4)
	first := p.of(0)
	for _, c := range []struct {
		move  func()
		at    int64
		count string
	}{
		{func() { first(0.25) }, 250, "0 / 4"},
		{func() { first(0.125) }, 250, "0 / 4"}, // simulated again at another clock
		{func() { p.of(2)(2) }, 1250, "0 / 4"},
		{func() { p.set(1) }, 1250, "1 / 4"},
		{func() { p.set(2) }, 2000, "2 / 4"},
	} {
		if c.move(); p.at() != c.at || p.count() != c.count {
			t.Errorf("at %d, %s; want %d, %s", p.at(), p.count(), c.at, c.count)
		}
	}
	p.stop()
}
