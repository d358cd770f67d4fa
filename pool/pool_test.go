package pool

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

func upTo(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

func TestStreamKeepsTheOrderAndTheBounds(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int64
	next, last := 0, 0
	err := Stream(context.Background(), upTo(500), Options{Workers: 7, Progress: func(n int) { last = n }},
		func(_ context.Context, i int) (int, error) {
			n := running.Add(1)
			defer running.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			if i%13 == 0 {
				time.Sleep(time.Millisecond) // some are late
			}
			if i == 77 {
				return 0, errors.New("no")
			}
			return i * i, nil
		}, func(i, v int, err error) error {
			if i != next || (err != nil) != (i == 77) || err == nil && v != i*i {
				t.Errorf("item %d came as number %d with %d, %v", i, next, v, err)
			}
			next++
			return nil
		})
	if err != nil || next != 500 || last != 500 {
		t.Errorf("%d delivered, %d told, %v", next, last, err)
	}
	if m := most.Load(); m > 7 || m < 2 {
		t.Errorf("%d at a time", m)
	}
}

// A slow first item must not let finished ones pile up.
func TestStreamTakesOnlySoManyAhead(t *testing.T) {
	t.Parallel()
	var taken atomic.Int64
	release := make(chan struct{})
	go func() {
		for was := int64(-1); was != taken.Load(); {
			was = taken.Load()
			time.Sleep(20 * time.Millisecond)
		}
		close(release)
	}()
	items := func(yield func(int) bool) {
		for i := 0; i < 10000; i++ {
			taken.Add(1)
			if !yield(i) {
				return
			}
		}
	}
	stalled := int64(0)
	err := Stream(context.Background(), items, Options{Workers: 2}, func(_ context.Context, i int) (int, error) {
		if i == 0 {
			<-release
			stalled = taken.Load()
		}
		return i, nil
	}, func(int, int, error) error { return nil })
	if err != nil || stalled > 2*ahead+2 {
		t.Errorf("%d items were taken while the first was under way, %v", stalled, err)
	}
}

func TestStreamStops(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	delivered := 0
	err := Stream(context.Background(), upTo(1<<30), Options{Workers: 3}, func(_ context.Context, i int) (int, error) { return i, nil },
		func(i, _ int, _ error) error {
			if delivered++; i == 10 {
				return full
			}
			return nil
		})
	if err != full || delivered != 11 {
		t.Errorf("%v after %d", err, delivered)
	}
	ctx, cancel := context.WithCancel(context.Background())
	seen := 0
	err = Stream(ctx, upTo(1<<30), Options{Workers: 3}, func(_ context.Context, i int) (int, error) {
		if i == 20 {
			cancel()
		}
		return i, nil
	}, func(i, v int, _ error) error {
		if i != seen || v != i {
			t.Errorf("%d with %d after %d", i, v, seen)
		}
		seen++
		return nil
	})
	if err != context.Canceled || seen < 20 {
		t.Errorf("%v after %d", err, seen)
	}
}

func TestEachGivesTheFirstFailure(t *testing.T) {
	t.Parallel()
	for range 50 {
		started := make([]atomic.Bool, 100)
		err := Each(context.Background(), len(started), Options{Workers: 8}, func(_ context.Context, i int) error {
			started[i].Store(true)
			if i >= 30 {
				return fmt.Errorf("number %d", i)
			}
			return nil
		})
		if err == nil || err.Error() != "number 30" {
			t.Fatalf("the failure is %v", err)
		}
		if started[99].Load() {
			t.Fatal("work was handed out long after a failure")
		}
	}
}

func TestPanicsAreErrors(t *testing.T) {
	t.Parallel()
	err := Each(context.Background(), 3, Options{}, func(_ context.Context, i int) error {
		if i == 1 {
			panic("slice 3 lost a request")
		}
		return nil
	})
	var f *Fault
	if !errors.As(err, &f) || err.Error() != "internal fault: slice 3 lost a request" || len(f.Stack) == 0 {
		t.Errorf("%v", err)
	}
}

func TestEachEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Each(ctx, 5, Options{}, func(context.Context, int) error { t.Error("started"); return nil }); err != context.Canceled {
		t.Errorf("%v", err)
	}
	if err := Each(ctx, 0, Options{}, nil); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}
