package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"gpusim/sweep"
)

// sweepBar is a bar for each level of a sweep on stderr, with rate, time left and
// failures, when that is a terminal, and nothing otherwise.
type sweepBar struct {
	pool    *mpb.Progress
	bar     *mpb.Bar
	mu      sync.Mutex
	counts  sweep.Counts
	started time.Time
}

func newSweepBar(w io.Writer) *sweepBar {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &sweepBar{}
	}
	return &sweepBar{pool: mpb.New(mpb.WithOutput(f), mpb.WithWidth(40))}
}

// set shows how far a level is.
func (s *sweepBar) set(c sweep.Counts) {
	if s.pool == nil {
		return
	}
	s.mu.Lock()
	fresh := s.bar == nil || s.counts.Level != c.Level
	s.counts = c
	s.mu.Unlock()
	if fresh {
		if s.bar != nil {
			s.bar.Abort(true)
		}
		s.started = time.Now()
		s.bar = s.pool.AddBar(int64(c.Total), mpb.PrependDecorators(decor.Name(c.Level+" ")), mpb.AppendDecorators(decor.Any(s.text)))
	}
	s.bar.SetCurrent(int64(min(c.Done, c.Total-1))) // the last one would end the bar
}

// text stands behind the bar.
func (s *sweepBar) text(decor.Statistics) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	took := time.Since(s.started).Seconds()
	rate := float64(c.Done-c.Found) / max(took, 1e-3)
	left := "-"
	if rate > 0 {
		left = time.Duration(float64(c.Total-c.Done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	return fmt.Sprintf("%d / %d, %.1f a second, %s left, %d failed", c.Done, c.Total, rate, left, c.Failed)
}

// stop takes the bar off the screen.
func (s *sweepBar) stop() {
	if s.bar != nil {
		s.bar.Abort(true)
		s.pool.Wait()
	}
}
