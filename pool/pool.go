// Package pool does many independent pieces of work on several goroutines. It is
// the one place where work is handed out: how many run at a time, what becomes of
// a panic, when to stop, and in which order results come are decided here.
package pool

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Options are the choices of one call. The zero value uses all cores and tells
// nobody.
type Options struct {
	Workers  int                // pieces worked on at a time; 0: as many as there are cores
	Progress func(finished int) // after each piece, from one goroutine at a time; may be nil
}

// Workers is the number of goroutines that n stands for: 0 or less is one per core.
func Workers(n int) int {
	if n <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// Fault is the error of a piece that panicked.
type Fault struct {
	Value any
	Stack []byte
}

func (f *Fault) Error() string { return fmt.Sprintf("internal fault: %v", f.Value) }

// Guard calls do; a panic in it becomes a *Fault.
func Guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Fault{Value: p, Stack: debug.Stack()}
		}
	}()
	return do()
}

// Each calls do for 0 to n-1, started in this order, and waits for all that were
// started. None is started once ctx has ended or a call has failed. The error is
// that of the lowest number that failed; without one, that of ctx if it ended
// before all were done.
func Each(ctx context.Context, n int, o Options, do func(ctx context.Context, i int) error) error {
	var failed atomic.Bool
	var first error
	started := 0
	indices := func(yield func(int) bool) {
		for i := range n {
			if failed.Load() || !yield(i) {
				return
			}
			started++
		}
	}
	o.Workers = min(Workers(o.Workers), max(1, n))
	err := stream(ctx, indices, o, n, func(ctx context.Context, i int) (struct{}, error) {
		err := Guard(func() error { return do(ctx, i) })
		if err != nil {
			failed.Store(true)
		}
		return struct{}{}, err
	}, func(_ int, _ struct{}, err error) error {
		if first == nil {
			first = err
		}
		return nil
	})
	switch {
	case first != nil:
		return first
	case started < n:
		return err
	}
	return nil
}

// ahead is how many finished pieces for each worker may wait for an earlier one
// to be delivered.
const ahead = 8

// Stream takes items one by one, works on several at a time, and delivers what came
// of them in their order, on the caller's goroutine. What it holds does not grow
// with the number of items. When ctx ends or deliver fails, no more are taken; those
// under way are waited for and, but after a failure of deliver, delivered.
func Stream[T, R any](ctx context.Context, items iter.Seq[T], o Options,
	do func(context.Context, T) (R, error), deliver func(T, R, error) error) error {
	return stream(ctx, items, o, ahead*Workers(o.Workers), do, deliver)
}

// slot is an item on its way.
type slot[T, R any] struct {
	item  T
	value R
	err   error
	done  chan struct{}
}

func stream[T, R any](ctx context.Context, items iter.Seq[T], o Options, window int,
	do func(context.Context, T) (R, error), deliver func(T, R, error) error) error {
	queue := make(chan *slot[T, R])
	var wg sync.WaitGroup
	var mu sync.Mutex
	finished := 0
	for range Workers(o.Workers) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for s := range queue {
				s.err = Guard(func() (err error) {
					s.value, err = do(ctx, s.item)
					return err
				})
				mu.Lock()
				finished++
				if o.Progress != nil {
					o.Progress(finished)
				}
				mu.Unlock()
				close(s.done)
			}
		}()
	}
	var pending []*slot[T, R]
	var failure error
	hand := func() { // the earliest to the caller
		s := pending[0]
		pending = pending[1:]
		<-s.done
		if failure == nil {
			failure = deliver(s.item, s.value, s.err)
		}
	}
	take := func(item T) bool {
		s := &slot[T, R]{item: item, done: make(chan struct{})}
		for {
			var head chan struct{} // nil never receives
			if len(pending) > 0 {
				head = pending[0].done
			}
			to := queue
			if len(pending) >= window {
				to = nil
			}
			select {
			case to <- s:
				pending = append(pending, s)
				return true
			case <-head:
				if hand(); failure != nil {
					return false
				}
			case <-ctx.Done():
				return false
			}
		}
	}
	for item := range items {
		if ctx.Err() != nil || !take(item) {
			break
		}
	}
	close(queue)
	for len(pending) > 0 {
		hand()
	}
	wg.Wait()
	if failure != nil {
		return failure
	}
	return ctx.Err()
}
