package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gpusim"
	"gpusim/configs"
	"gpusim/pool"
)

// Worker takes jobs from a server until it is told to stop.
type worker struct {
	c     *client
	name  string
	cache *gpusim.Cache
	here  *Queue // of the coordinator in this process; nil: it is another one
	// simulate works a point out. Tests put something else in its place.
	simulate func(ctx context.Context, sp *Space, m *configs.Machine, fidelity string) (*Outcome, error)

	mu     sync.Mutex
	spaces map[string]*Space // by sweep
	last   atomic.Int64      // Unix time in ns of the last job
	took   atomic.Int64      // ns that a job takes, as a running mean
	done   atomic.Int64
}

func newWorker(c *client, name string) *worker {
	w := &worker{c: c, name: name, cache: gpusim.NewCacheOf(cached), spaces: map[string]*Space{}}
	w.simulate = func(ctx context.Context, sp *Space, m *configs.Machine, fidelity string) (*Outcome, error) {
		return sp.run(ctx, w.cache, m, fidelity)
	}
	w.last.Store(time.Now().UnixNano())
	return w
}

// Jobs that take next to no time are fetched several at once, as many as take as long as
// ahead: a trip to the server for each would take longer than the jobs.
const (
	ahead     = 50 * time.Millisecond
	mostAhead = 32
)

// fetch is how many jobs are fetched at once.
func (w *worker) fetch() int {
	took := time.Duration(w.took.Load())
	if took == 0 { // none was done yet
		return 1
	}
	return int(min(mostAhead, max(1, ahead/took)))
}

// account takes the time of a job into the mean.
func (w *worker) account(took time.Duration) {
	mean := time.Duration(w.took.Load())
	if mean == 0 {
		mean = took
	}
	w.took.Store(int64(max(1, mean+(took-mean)/8)))
}

// WorkerOptions are the choices of a worker process.
type WorkerOptions struct {
	Workers int           // jobs at a time; 0: a core each
	Idle    time.Duration // ends after so long without a job; 0: never
}

// Join joins a server as a worker until ctx ends, or nothing has been to do for a while. It
// gives the number of points that it has worked out.
func Join(ctx context.Context, l Login, o WorkerOptions) (int, error) {
	c, err := connect(l, nil)
	if err != nil {
		return 0, err
	}
	defer c.nc.Close()
	host, _ := os.Hostname()
	w := newWorker(c, fmt.Sprintf("%s-%d", host, os.Getpid()))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.Idle > 0 {
		go func() {
			for ctx.Err() == nil {
				time.Sleep(100 * time.Millisecond)
				if time.Since(time.Unix(0, w.last.Load())) > o.Idle {
					cancel()
				}
			}
		}()
	}
	err = w.run(ctx, o.Workers)
	if o.Idle > 0 && errors.Is(err, context.Canceled) && time.Since(time.Unix(0, w.last.Load())) > o.Idle {
		err = nil
	}
	return int(w.done.Load()), err
}

// run works on several jobs at a time.
func (w *worker) run(ctx context.Context, workers int) error {
	n := pool.Workers(workers)
	return pool.Each(ctx, n, pool.Options{Workers: n}, func(ctx context.Context, _ int) error { return w.loop(ctx) })
}

// loop takes one job after another.
func (w *worker) loop(ctx context.Context) error {
	for {
		var results, sweeps jetstream.KeyValue
		var queue jetstream.Consumer
		said := false
		err := insist(ctx, func() (err error) {
			short, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			if results, sweeps, err = w.c.ready(short); err == nil {
				queue, err = w.c.consumer(short)
			}
			if err != nil && ctx.Err() == nil && !said {
				said = true
				slog.Warn("the queue is not ready; trying on", "server", hidden(w.c.login.URL), "error", err)
			}
			return err
		})
		if err != nil {
			return err
		}
		for failures := 0; failures < 3; { // then everything may have to be made again
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := w.batch(ctx, queue, results, sweeps); err == nil {
				failures = 0
			} else {
				failures++
				select {
				case <-ctx.Done():
				case <-time.After(200 * time.Millisecond):
				}
			}
		}
	}
}

// batch does the jobs that are there, up to a number; no error if there are none.
func (w *worker) batch(ctx context.Context, queue jetstream.Consumer, results, sweeps jetstream.KeyValue) error {
	jobs, err := queue.Fetch(w.fetch(), jetstream.FetchMaxWait(time.Second))
	if err != nil {
		return err
	}
	for m := range jobs.Messages() {
		if ctx.Err() != nil { // others may have it at once
			_ = m.Nak()
			continue
		}
		started := time.Now()
		w.last.Store(started.UnixNano())
		w.do(ctx, m, results, sweeps)
		w.account(time.Since(started))
		w.last.Store(time.Now().UnixNano())
	}
	switch err := jobs.Error(); {
	case err == nil, errors.Is(err, jetstream.ErrNoMessages), errors.Is(err, context.DeadlineExceeded), err.Error() == "nats: timeout":
		return nil
	default:
		return err
	}
}

// do works a job out, unless its outcome is there, and says so.
func (w *worker) do(ctx context.Context, m jetstream.Msg, results, sweeps jetstream.KeyValue) {
	var j message
	if err := json.Unmarshal(m.Data(), &j); err != nil || j.Protocol != protocol {
		slog.Warn("a job of another protocol is left out", "protocol", j.Protocol, "error", err)
		_ = m.Term()
		return
	}
	machine, over := w.begin(&j)
	if over {
		_ = m.Ack()
		return
	}
	if machine == nil {
		if _, err := results.Get(ctx, j.Key); err == nil { // somebody was faster
			_ = m.Ack()
			return
		}
	}
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // signs of life
		tick := time.NewTicker(w.c.login.AckWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-alive.Done():
				return
			case <-tick.C:
				_ = m.InProgress()
			}
		}
	}()
	o, err := w.outcome(ctx, &j, machine, sweeps)
	if err != nil {
		if ctx.Err() == nil {
			slog.Warn("a job is given back", "sweep", j.Sweep, "point", j.Point, "error", err)
		}
		_ = m.NakWithDelay(time.Second)
		return
	}
	text, err := json.Marshal(answer{protocol, gpusim.ModelHash(), w.name, o})
	if err != nil {
		return
	}
	err = insist(ctx, func() error {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err := results.Create(short, j.Key, text)
		switch {
		case errors.Is(err, jetstream.ErrKeyExists):
			return nil
		case errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrNoStreamResponse):
			// The server lost everything.
			if again, _, e := w.c.ready(short); e == nil {
				results = again
			}
		}
		return err
	})
	if err == nil {
		w.done.Add(1)
		_ = m.Ack()
	}
}

// begin is the machine of a job if this process waits for its point, which says that nobody
// was faster; over, if nobody will wait for it.
func (w *worker) begin(j *message) (m *configs.Machine, over bool) {
	if w.here == nil {
		return nil, false
	}
	return w.here.begin(j)
}

// outcome works a job out. The machine is nil where only the sweep's file says what it is.
func (w *worker) outcome(ctx context.Context, j *message, m *configs.Machine, sweeps jetstream.KeyValue) (*Outcome, error) {
	sp, err := w.space(ctx, j.Sweep, sweeps)
	if err != nil {
		return nil, err
	}
	if j.Point < 0 || j.Point >= sp.Size() {
		return nil, fmt.Errorf("the sweep has no point %d", j.Point)
	}
	if m == nil {
		if m, err = sp.load(sp.At(j.Point)); err != nil {
			return nil, err
		}
		if key := sp.key(m, j.Fidelity); key != j.Key {
			return nil, errors.New("it is another point here: files that the sweep names differ on this machine")
		}
	}
	return w.simulate(ctx, sp, m, j.Fidelity)
}

// space is the sweep of a job.
func (w *worker) space(ctx context.Context, id string, sweeps jetstream.KeyValue) (*Space, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if sp := w.spaces[id]; sp != nil {
		return sp, nil
	}
	e, err := sweeps.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	var b bundle
	if err := json.Unmarshal(e.Value(), &b); err != nil {
		return nil, err
	}
	if b.Protocol != protocol || b.Model != gpusim.ModelHash() {
		return nil, &ProtocolError{"the sweep is one of another version"}
	}
	s, err := Parse(b.Source, []byte(b.Spec))
	if err != nil {
		return nil, err
	}
	base, err := configs.OpenFiles(s.Base, b.Files)
	if err != nil {
		return nil, err
	}
	sp, err := newSpace(s, base)
	if err != nil {
		return nil, err
	}
	if len(w.spaces) >= 16 { // of old sweeps
		clear(w.spaces)
	}
	w.spaces[id] = sp
	return sp, nil
}
