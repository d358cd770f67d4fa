package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"gpusim"
	"gpusim/configs"
	"gpusim/report"
)

// Queue hands points to workers, here and elsewhere, and takes what they come to.
//
// A job is delivered at least once, an outcome is kept once: it is created under its
// key, and whoever comes later with the same finds it there. The coordinator asks for the
// outcome before it publishes a job, so that after a restart nothing is done twice but
// what was under way. If the server lost its jobs they are published again.
type Queue struct {
	c      *client
	server *Server // in this process; nil: elsewhere
	id     string  // of the sweep
	bundle []byte

	forgotten uint64 // revision up to which the server has no outcomes any more

	mu      sync.Mutex
	results jetstream.KeyValue
	waiting map[string]*waiter
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// waiter is a point that is worked on.
type waiter struct {
	job     message
	machine *configs.Machine
	begun   bool // in this process
	got     chan *Outcome
	once    sync.Once
}

// OpenQueue connects to a server, or with s to one in this process, and makes the sweep
// known there.
func (sp *Space) OpenQueue(ctx context.Context, l Login, s *Server) (*Queue, error) {
	q := &Queue{server: s, waiting: map[string]*waiter{}}
	var err error
	if s != nil {
		l.URL = s.URL()
		q.c, err = connect(l, s.s)
	} else {
		q.c, err = connect(l, nil)
	}
	if err != nil {
		return nil, err
	}
	b := bundle{Protocol: protocol, Model: gpusim.ModelHash(), Source: sp.spec.source, Spec: sp.spec.Text, Files: sp.base.Files()}
	if q.bundle, err = json.Marshal(b); err != nil {
		return nil, err
	}
	q.id = report.Hash(q.bundle)[:32]
	if err := q.prepare(ctx); err != nil {
		q.c.nc.Close()
		return nil, err
	}
	ctx, q.stop = context.WithCancel(ctx)
	q.done.Add(2)
	go q.watch(ctx)
	go q.sweepUp(ctx)
	return q, nil
}

// prepare makes sure that the server knows all that it has to.
func (q *Queue) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	results, sweeps, err := q.c.ready(ctx)
	if err != nil {
		return err
	}
	if _, err := sweeps.Put(ctx, q.id, q.bundle); err != nil {
		return err
	}
	if _, err := q.c.consumer(ctx); err != nil {
		return err
	}
	q.mu.Lock()
	q.results = results
	q.mu.Unlock()
	return nil
}

func (q *Queue) bucket() jetstream.KeyValue {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.results
}

// window is how many points are with workers or wait for them at most.
func (q *Queue) window() int { return 256 }

// evaluate has a point worked out; nil if it was too late to begin.
func (q *Queue) evaluate(ctx context.Context, j *job) (*Outcome, error) {
	w := &waiter{job: message{protocol, q.id, j.point, j.fidelity, j.key}, machine: j.machine, got: make(chan *Outcome, 1)}
	q.mu.Lock()
	other := q.waiting[j.key]
	if other == nil {
		q.waiting[j.key] = w
	}
	q.mu.Unlock()
	if other != nil { // two points of one sweep are the same machine
		select {
		case o := <-other.got:
			other.got <- o
			return o, nil
		case <-j.late:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	defer func() {
		q.mu.Lock()
		delete(q.waiting, j.key)
		q.mu.Unlock()
	}()
	err := insist(ctx, func() error {
		// A server of this process knows no more than the store does.
		if q.server == nil && q.look(ctx, w) {
			return nil
		}
		return q.publish(ctx, w)
	})
	if err != nil {
		return nil, err
	}
	late := j.late
	for {
		select {
		case o := <-w.got:
			w.got <- o // for others that wait for it
			return o, nil
		case <-late:
			q.mu.Lock()
			begun := w.begun
			if !begun {
				delete(q.waiting, j.key)
			}
			q.mu.Unlock()
			if !begun {
				return nil, nil
			}
			late = nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (q *Queue) publish(ctx context.Context, w *waiter) error {
	text, err := json.Marshal(w.job)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = q.c.js.Publish(ctx, q.c.subject, text)
	return err
}

// look takes an outcome that is there.
func (q *Queue) look(ctx context.Context, w *waiter) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	e, err := q.bucket().Get(ctx, w.job.Key)
	return err == nil && q.take(w, e.Value())
}

// take hands an outcome to who waits for it, if it is one that we understand.
func (q *Queue) take(w *waiter, text []byte) bool {
	var a answer
	if err := json.Unmarshal(text, &a); err != nil || a.Protocol != protocol || a.Model != gpusim.ModelHash() || a.Outcome == nil {
		return false
	}
	w.once.Do(func() { w.got <- a.Outcome })
	return true
}

// watch takes outcomes as they come. What it misses while the server is away, sweepUp
// finds.
func (q *Queue) watch(ctx context.Context) {
	defer q.done.Done()
	for ctx.Err() == nil {
		updates, err := q.bucket().WatchAll(ctx, jetstream.UpdatesOnly())
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
			continue
		}
		for e := range updates.Updates() {
			if e == nil {
				continue
			}
			q.mu.Lock()
			w := q.waiting[e.Key()]
			q.mu.Unlock()
			if w != nil {
				q.take(w, e.Value())
			}
			if q.server != nil && e.Revision()-q.forgotten >= forget {
				q.drop(ctx, e.Revision())
			}
		}
		_ = updates.Stop()
	}
}

// forget is how many outcomes a server in this process keeps at least before it drops those
// that were taken: the store has them.
const forget = 256

// drop takes outcomes up to a revision from the server, so that its memory does not grow
// with points.
func (q *Queue) drop(ctx context.Context, revision uint64) {
	s, err := q.c.js.Stream(ctx, "KV_"+bucketResults)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSequence(revision+1))
	}
	if err == nil {
		q.forgotten = revision
	}
}

// sweepUp looks now and then after what has waited long: its outcome may be there
// already, or its job may be lost with the server.
func (q *Queue) sweepUp(ctx context.Context) {
	defer q.done.Done()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		q.mu.Lock()
		waiting := make([]*waiter, 0, len(q.waiting))
		for _, w := range q.waiting {
			waiting = append(waiting, w)
		}
		q.mu.Unlock()
		if len(waiting) == 0 {
			continue
		}
		jobs, err := q.jobs(ctx)
		if err != nil { // the server is away, or lost everything
			var p *ProtocolError
			if err := q.prepare(ctx); err != nil && errors.As(err, &p) {
				return
			}
			continue
		}
		left := waiting[:0]
		for _, w := range waiting {
			if !q.look(ctx, w) {
				left = append(left, w)
			}
		}
		if jobs >= len(left) {
			continue
		}
		for _, w := range left { // some have no job any more: who finds a job done leaves it
			if q.publish(ctx, w) != nil {
				break
			}
		}
	}
}

// jobs is how many jobs the server holds, those that are worked on included.
func (q *Queue) jobs(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	s, err := q.c.js.Stream(ctx, streamJobs)
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := q.c.js.KeyValue(ctx, bucketResults); err != nil {
		return 0, err
	}
	return int(info.State.Msgs), nil
}

// Login is what other processes need to join.
func (q *Queue) Login() string { return hidden(q.c.login.URL) }

// Work has this process take jobs too, until the queue is closed.
func (q *Queue) Work(ctx context.Context, sp *Space, workers int) error {
	c := *q.c
	w := newWorker(&c, fmt.Sprintf("coordinator-%d", workers))
	w.spaces[q.id], w.here = sp, q
	return w.run(ctx, workers)
}

// begin is the machine of a job if its point is waited for in this process. If it is not,
// over says that nobody will: the sweep is this one, and no other process hands its jobs
// to this server.
func (q *Queue) begin(j *message) (m *configs.Machine, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w := q.waiting[j.Key]; w != nil && w.job == *j {
		w.begun = true
		return w.machine, false
	}
	return nil, q.server != nil && j.Sweep == q.id
}

// Close leaves the server; jobs that nobody waits for any more stay for workers to find
// done.
func (q *Queue) Close() {
	q.stop()
	q.c.nc.Close()
	q.done.Wait()
}
