package gpusim

import (
	"context"
	"sync"

	"gpusim/configs"
	"gpusim/pool"
	"gpusim/workloads"
)

// Cache keeps what layers of networks have come to, so that equal ones are
// simulated once, within a network and, where networks are given the same
// cache, across them. It may be used from several goroutines.
type Cache struct {
	mu   sync.Mutex
	runs map[cacheKey]*cached
}

// cacheKey is all that a layer's result depends on. Machines are told apart by
// their address: a machine must not change while a cache knows it.
type cacheKey struct {
	machine   *configs.Machine
	text      string
	fidelity  Fidelity
	maxCycles uint64
}

// cached is a simulation that is done, or under way until done is closed.
type cached struct {
	done   chan struct{}
	result *Result
	err    error
}

// NewCache gives an empty cache.
func NewCache() *Cache { return &Cache{runs: map[cacheKey]*cached{}} }

// run gives the result of a layer and simulates it unless that is known or under
// way. Results are shared: nobody may change them.
func (c *Cache) run(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (*Result, error) {
	key := cacheKey{m, w.Text, o.Fidelity, o.MaxCycles}
	for {
		c.mu.Lock()
		e := c.runs[key]
		if e == nil {
			e = &cached{done: make(chan struct{})}
			c.runs[key] = e
			c.mu.Unlock()
			c.simulate(ctx, key, e, m, w, o)
			return e.result, e.err
		}
		c.mu.Unlock()
		select {
		case <-e.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if e.err == nil || ctx.Err() != nil {
			return e.result, e.err
		}
		// It failed for somebody, perhaps because that one was interrupted.
	}
}

// simulate runs the layer; what fails is forgotten.
func (c *Cache) simulate(ctx context.Context, key cacheKey, e *cached, m *configs.Machine, w workloads.Workload, o Options) {
	defer close(e.done)
	var r Result
	e.err = pool.Guard(func() (err error) { // who waits for this layer is told of a panic too
		r, err = Run(ctx, m, w, o)
		return err
	})
	if e.result = &r; e.err != nil {
		c.mu.Lock()
		delete(c.runs, key)
		c.mu.Unlock()
	}
}
