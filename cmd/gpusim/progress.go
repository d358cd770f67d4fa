package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// progress is a bar on stderr when that is a terminal, and nothing otherwise. It counts
// pieces of work, and moves within those that tell how far they have come.
type progress struct {
	pool *mpb.Progress
	bar  *mpb.Bar

	mu    sync.Mutex
	done  int
	parts []float64 // 0 to 1, by piece
	sum   float64   // of them
}

// pieceSteps is the steps of the bar that a piece has.
const pieceSteps = 1000

func newProgress(w io.Writer, title string, total int) *progress {
	p := &progress{parts: make([]float64, total)}
	f, ok := w.(*os.File)
	if !ok || total == 0 || !term.IsTerminal(int(f.Fd())) {
		return p
	}
	p.pool = mpb.New(mpb.WithOutput(f), mpb.WithWidth(40))
	p.bar = p.pool.AddBar(int64(total*pieceSteps),
		mpb.PrependDecorators(decor.Name(title+" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.count() }), decor.Elapsed(decor.ET_STYLE_MMSS, decor.WC{W: 7})),
		mpb.BarRemoveOnComplete(),
	)
	return p
}

// count is how many pieces are finished.
func (p *progress) count() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%d / %d", p.done, len(p.parts))
}

// set moves the bar to so many finished pieces. It may be called from several goroutines.
func (p *progress) set(done int) {
	p.mu.Lock()
	p.done = done
	p.mu.Unlock()
	p.move()
}

// of is called with the share of a piece that is done.
func (p *progress) of(piece int) func(share float64) {
	return func(share float64) {
		p.mu.Lock()
		if more := min(1, share) - p.parts[piece]; more > 0 { // one that begins anew stands still
			p.parts[piece] += more
			p.sum += more
		}
		p.mu.Unlock()
		p.move()
	}
}

// move shows where the pieces are.
func (p *progress) move() {
	if p.bar != nil {
		p.bar.SetCurrent(p.at())
	}
}

// at is where the bar stands: pieces of which nothing was heard are finished or not begun.
func (p *progress) at() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(pieceSteps * max(p.sum, float64(p.done)))
}

// stop takes the bar off the screen, finished or not.
func (p *progress) stop() {
	if p.bar != nil {
		p.bar.Abort(true) // no effect on a finished bar
		p.pool.Wait()
	}
}
