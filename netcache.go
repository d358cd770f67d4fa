package gpusim

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/memory"
	"gpusim/pool"
	"gpusim/workloads"
)

// Cache keeps what kernels and layers have come to, so that equal ones are
// simulated once: within a network, across networks that are given the same cache,
// and across machines that differ only in what the kernel does not depend on (see
// Ignores). It may be used from several goroutines.
type Cache struct {
	runs  memo[cacheKey, *Result]
	forms memo[cacheKey, []form]
}

// cacheKey is all that a layer's result depends on.
type cacheKey struct {
	machine   string // hash of those of its values that count
	text      string
	force     string
	splits    int
	fidelity  Fidelity
	maxCycles uint64
	as        string
	clients   string
	values    energy.Values
	budget    int
	alone     bool
	compiled  bool
	fresh     bool
}

// NewCache gives an empty cache that keeps everything.
func NewCache() *Cache { return &Cache{} }

// NewCacheOf gives an empty cache that keeps this many results, those that were
// asked for last.
func NewCacheOf(results int) *Cache {
	c := &Cache{}
	c.runs.limit, c.forms.limit = results, results
	return c
}

// Simulated is how many results were worked out rather than found.
func (c *Cache) Simulated() int {
	c.runs.mu.Lock()
	defer c.runs.mu.Unlock()
	return c.runs.made
}

// clientsKey is empty where nobody shares the DRAM.
func clientsKey(clients []memory.Client) string {
	if len(clients) == 0 {
		return ""
	}
	return fmt.Sprint(clients)
}

// On is the cache for one machine.
func (c *Cache) On(m *configs.Machine) *OneMachine {
	return &OneMachine{cache: c, m: m, hashes: map[string]string{}}
}

// OneMachine is a cache as runs on one machine see it. It may be used from several
// goroutines.
type OneMachine struct {
	cache  *Cache
	m      *configs.Machine
	mu     sync.Mutex
	values configs.Written   // of the machine; written out with the first hash
	hashes map[string]string // of those that count, by what does not
}

// Run is gpusim.Run through the cache. Results are shared: nobody may change them.
func (c *OneMachine) Run(ctx context.Context, w workloads.Workload, o Options) (*Result, error) {
	if o.Fidelity == "" {
		o.Fidelity = Sampled
	}
	o.Cache, o.onMachine = c.cache, c
	if w.Net != nil || o.Period != nil || o.Monitor != "" {
		r, err := Run(ctx, c.m, w, o)
		return &r, err
	}
	key := cacheKey{c.hash(ignored(c.m, w, o.Fidelity)), w.Text, o.Kernel, o.Splits, o.Fidelity, o.MaxCycles, o.as, clientsKey(o.clients), o.Values, o.Budget, o.alone, o.compiled, o.fresh}
	r, err := c.cache.runs.get(ctx, key, func() (*Result, error) {
		r, err := Run(ctx, c.m, w, o)
		return &r, err
	})
	if err != nil || r.Machine == c.m.Name && c.m.GPU == nil {
		return r, err
	}
	own := *r // of another machine, perhaps: what depends on nothing but the file
	own.Machine = c.m.Name
	if c.m.GPU != nil {
		own.PeakTOPS = PeakTOPS(c.m.GPU, w.Shape().Type())
	}
	return &own, nil
}

// hash is that of the machine's values but the ignored ones.
func (c *OneMachine) hash(i ignoring) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.hashes[i.class]
	if !ok {
		if len(c.hashes) == 0 {
			c.values = c.m.Written()
		}
		h = c.values.HashOf(i.counts)
		c.hashes[i.class] = h
	}
	return h
}

// cacheOn is the run's cache for a machine, a fresh one where it has none. The run may
// be that of a system or a chip of several units, whose own view is of no use to them.
func (o *Options) cacheOn(m *configs.Machine) *OneMachine {
	switch {
	case o.onMachine != nil && o.onMachine.m == m:
		return o.onMachine
	case o.Cache != nil:
		return o.Cache.On(m)
	}
	return NewCache().On(m)
}

// formsOf prepares the closed form of a call, or finds it.
func formsOf(m *configs.Machine, w workloads.Workload, o Options) ([]form, error) {
	if o.onMachine == nil {
		return forms(m, w, o)
	}
	c := o.cacheOn(m)
	key := cacheKey{machine: c.hash(ignoredByForms(m, w)), text: w.Text, force: o.Kernel, splits: o.Splits, compiled: o.compiled}
	return c.cache.forms.get(context.Background(), key, func() ([]form, error) { return forms(m, w, o) })
}

// memo keeps values by key, the last ones that were asked for; the zero value keeps
// all. Who asks for a value that is being made waits for it. What fails is
// forgotten.
type memo[K comparable, V any] struct {
	mu    sync.Mutex
	limit int // 0: none
	items map[K]*list.Element
	order list.List // of *made, asked for last first
	made  int
}

// made is a value that is there, or under way until done is closed.
type made[K comparable, V any] struct {
	key   K
	done  chan struct{}
	value V
	err   error
}

func (c *memo[K, V]) get(ctx context.Context, key K, do func() (V, error)) (V, error) {
	for {
		c.mu.Lock()
		at, ok := c.items[key]
		if !ok {
			break
		}
		c.order.MoveToFront(at)
		c.mu.Unlock()
		e := at.Value.(*made[K, V])
		select {
		case <-e.done:
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
		if e.err == nil || ctx.Err() != nil {
			return e.value, e.err
		}
		// It failed for somebody, perhaps because that one was interrupted.
	}
	if c.items == nil {
		c.items = map[K]*list.Element{}
	}
	e := &made[K, V]{key: key, done: make(chan struct{})}
	c.items[key] = c.order.PushFront(e)
	c.made++
	if c.limit > 0 && c.order.Len() > c.limit {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.items, last.Value.(*made[K, V]).key)
	}
	c.mu.Unlock()
	defer close(e.done)
	e.err = pool.Guard(func() (err error) { // who waits for it is told of a panic too
		e.value, err = do()
		return err
	})
	if e.err != nil {
		c.mu.Lock()
		if at := c.items[key]; at != nil && at.Value.(*made[K, V]) == e {
			c.order.Remove(at)
			delete(c.items, key)
		}
		c.mu.Unlock()
	}
	return e.value, e.err
}
