package main

import (
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// progress is a bar on stderr when that is a terminal, and nothing otherwise.
type progress struct {
	pool *mpb.Progress
	bar  *mpb.Bar
}

func newProgress(w io.Writer, title string, total int) *progress {
	f, ok := w.(*os.File)
	if !ok || total == 0 || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	p := mpb.New(mpb.WithOutput(f), mpb.WithWidth(40))
	return &progress{pool: p, bar: p.AddBar(int64(total),
		mpb.PrependDecorators(decor.Name(title+" ")),
		mpb.AppendDecorators(decor.CountersNoUnit("%d / %d"), decor.Elapsed(decor.ET_STYLE_MMSS, decor.WC{W: 7})),
		mpb.BarRemoveOnComplete(),
	)}
}

// set moves the bar. It may be called from several goroutines.
func (p *progress) set(done int) {
	if p.bar != nil {
		p.bar.SetCurrent(int64(done))
	}
}

// stop takes the bar off the screen, finished or not.
func (p *progress) stop() {
	if p.bar != nil {
		p.bar.Abort(true) // no effect on a finished bar
		p.pool.Wait()
	}
}
