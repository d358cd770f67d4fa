package sweep

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gpusim"
	"gpusim/configs"
	"gpusim/pool"
)

// Options are the choices of one execution of a sweep. What people read of it does
// not depend on them.
type Options struct {
	Workers  int          // points worked on at a time in this process; 0: a core each
	Queue    *Queue       // others work too; nil: only this process
	Progress func(Counts) // after each point; may be nil
}

// Counts are what has become of the points so far.
type Counts struct {
	Level    string // fidelity
	Total    int    // points of this level that will be looked at, as far as is known; 0: not known
	Done     int    // looked at, those outside included
	Outside  int    // of these: a constraint does not hold
	Failed   int    // of these: with a reason instead of figures
	Found    int    // of these: were in the store
	Finished int    // with figures
}

// record is one point that was looked at.
type record struct {
	point    int
	at       []int
	fidelity string
	key      string
	outcome  *Outcome // nil: outside the constraints
	unmet    int      // the first constraint that does not hold
	found    bool
	late     bool // the time was over before it was begun: as if it had not been proposed
}

// Result is what a sweep came to.
type Result struct {
	Space        *Space
	Objectives   []string
	Levels       []Counts
	Front        []member     // at the last level
	Correlations [][2]float64 // of two-level sweeps, by objective: of ranks, and points
	Elasticities *elasticities
	Sample       [][]float64 // values of some points of the last level but one, for the plot
	SampleFront  [][]float64
	TimeOver     bool
	Simulated    int // results of kernels that were worked out
	Unmet        []int
	FirstFailure string
}

// runner is one execution.
type runner struct {
	sp      *Space
	store   *Store
	o       Options
	cache   *gpusim.Cache
	started time.Time
	over    atomic.Bool
	late    chan struct{} // closed when the time is over; nil: it never is
	result  *Result
	rows    func(*record) error
}

// Run looks at the points of a sweep. rows is given each point that has an outcome, in
// an order that is the same every time. A time budget ends it early without an error.
func (sp *Space) Run(ctx context.Context, store *Store, o Options, rows func(*record) error) (*Result, error) {
	r := &runner{sp: sp, store: store, o: o, cache: gpusim.NewCacheOf(cached), started: time.Now(), rows: rows}
	r.result = &Result{Space: sp, Objectives: sp.spec.Objectives, Unmet: make([]int, len(sp.constraints)),
		Elasticities: newElasticities(sp, len(sp.spec.Objectives))}
	if limit := r.limit(); limit > 0 {
		r.late = make(chan struct{})
		defer time.AfterFunc(limit, func() { close(r.late) }).Stop()
	}
	first, err := r.level(ctx, sp.fidelity, r.explore)
	if err != nil {
		return r.result, err
	}
	r.result.Front = first.front.members
	r.result.SampleFront = values(first.front.members)
	if counts := &r.result.Levels[0]; counts.Finished == 0 {
		return r.result, r.nothing(counts)
	}
	if sp.spec.Refine != nil && !r.over.Load() {
		if err := r.refine(ctx, first); err != nil {
			return r.result, err
		}
	}
	r.result.Simulated = r.cache.Simulated()
	r.result.TimeOver = r.over.Load()
	return r.result, nil
}

func values(ms []member) [][]float64 {
	out := make([][]float64, len(ms))
	for i := range ms {
		out[i] = ms[i].value
	}
	return out
}

// nothing explains why no point has figures.
func (r *runner) nothing(c *Counts) error {
	s := r.sp.spec
	if c.Failed > 0 {
		return s.file.Errorf("axes", "none of %d points could be simulated; the first: %s", c.Failed, r.result.FirstFailure)
	}
	if c.Outside > 0 {
		most := 0
		for i, n := range r.result.Unmet {
			if n > r.result.Unmet[most] {
				most = i
			}
		}
		return s.file.Errorf(fmt.Sprintf("constraints.%d", most), "none of %d points satisfies the constraints; %q rejects %d of them", c.Outside, s.Constraints[most], r.result.Unmet[most])
	}
	return errors.New("the time budget ended before a point was finished")
}

// level is the exploration at one fidelity.
type level struct {
	r        *runner
	fidelity string
	counts   Counts
	front    front
	stride   int // every so many points are kept for the plot
	kept     [][]float64
}

// objectives of an outcome.
func (r *runner) value(o *Outcome) []float64 {
	cells := o.cells()
	v := make([]float64, len(r.result.Objectives))
	for i, name := range r.result.Objectives {
		of := objectives[name]
		v[i] = of.value(cells)
	}
	return v
}

// level runs one level.
func (r *runner) level(ctx context.Context, fidelity string, run func(context.Context, *level) error) (*level, error) {
	l := &level{r: r, fidelity: fidelity, stride: 1, counts: Counts{Level: fidelity}}
	err := run(ctx, l)
	r.result.Levels = append(r.result.Levels, l.counts)
	r.result.Sample = l.kept
	return l, err
}

// explore looks at the points that the search proposes.
func (r *runner) explore(ctx context.Context, l *level) error {
	s := r.sp.spec
	budget := s.Budget.Points
	l.counts.Total = r.sp.Size()
	if budget > 0 {
		l.counts.Total = min(budget, l.counts.Total)
	}
	if s.Search.Method != NSGA2 {
		return r.evaluate(ctx, r.within(r.sp.numbers(), l, budget), l.fidelity, func(rec *record) error {
			if budget > 0 && l.counts.Finished+l.counts.Failed >= budget {
				return nil // looked at ahead, but beyond the budget
			}
			_, err := l.take(rec)
			return err
		})
	}
	sizes := make([]int, len(r.sp.axes))
	for i := range sizes {
		sizes[i] = len(r.sp.axes[i].values)
	}
	return evolve(ctx, sizes, s.Search.Population, budget, uint64(s.Search.Seed), func(ctx context.Context, points [][]int) ([][]float64, error) {
		numbers := make([]int, len(points))
		for i, at := range points {
			numbers[i] = r.sp.Number(at)
		}
		var out [][]float64
		err := r.evaluate(ctx, r.within(slices.Values(numbers), l, 0), l.fidelity, func(rec *record) error {
			v, err := l.take(rec)
			out = append(out, v)
			return err
		})
		return out, err
	})
}

// limit is the budget of time; 0: none.
func (r *runner) limit() time.Duration { return time.Duration(r.sp.spec.Budget.Time / 1000) } // picoseconds

// within ends a sequence when the budget of points or of time is used up.
func (r *runner) within(points iter.Seq[int], l *level, budget int) iter.Seq[int] {
	limit := r.limit()
	return func(yield func(int) bool) {
		for p := range points {
			if budget > 0 && l.counts.Finished+l.counts.Failed >= budget {
				return
			}
			if limit > 0 && time.Since(r.started) >= limit {
				r.over.Store(true)
				return
			}
			if !yield(p) {
				return
			}
		}
	}
}

// mostKept bounds the points of the plot.
const mostKept = 4000

// take counts a point, writes its row and gives its values; nil if it has none.
func (l *level) take(rec *record) ([]float64, error) {
	c := &l.counts
	c.Done++
	if rec.found {
		c.Found++
	}
	defer func() {
		if l.r.o.Progress != nil {
			l.r.o.Progress(*c)
		}
	}()
	if rec.outcome == nil {
		c.Outside++
		l.r.result.Unmet[rec.unmet]++
		return nil, nil
	}
	if err := l.r.rows(rec); err != nil {
		return nil, err
	}
	if rec.outcome.Error != "" {
		if c.Failed++; l.r.result.FirstFailure == "" {
			l.r.result.FirstFailure = rec.outcome.Error
		}
		return nil, nil
	}
	c.Finished++
	v := l.r.value(rec.outcome)
	if c.Finished == 1 {
		for i, x := range v {
			if o := l.r.result.Objectives[i]; math.IsNaN(x) {
				return nil, l.r.sp.spec.file.Errorf(fmt.Sprintf("objectives.%d", i), "no model gives %s of %s at fidelity %s (its columns: %s)",
					o, l.r.sp.machine.Name, l.fidelity, strings.Join(objectives[o].columns, ", "))
			}
		}
	}
	l.front.add(member{rec.point, v, rec})
	if len(l.r.result.Levels) == 0 { // the first level sees the whole space
		l.r.result.Elasticities.add(l.r.sp, rec.at, v)
	}
	if c.Finished%l.stride == 0 {
		if l.kept = append(l.kept, v); len(l.kept) == mostKept {
			l.stride *= 2
			half := l.kept[:0]
			for i := 1; i < len(l.kept); i += 2 {
				half = append(half, l.kept[i])
			}
			l.kept = half
		}
	}
	for _, x := range v {
		if math.IsNaN(x) {
			return nil, nil
		}
	}
	return v, nil
}

// evaluate works points out, several at a time, and delivers them in order.
func (r *runner) evaluate(ctx context.Context, points iter.Seq[int], fidelity string, deliver func(*record) error) error {
	workers := pool.Workers(r.o.Workers)
	work := r.local
	if r.o.Queue != nil && fidelity != string(gpusim.Analytic) {
		// Whoever waits for an answer of the queue needs no core.
		work, workers = r.o.Queue.evaluate, r.o.Queue.window()
	}
	return pool.Stream(ctx, points, pool.Options{Workers: workers}, func(ctx context.Context, n int) (*record, error) {
		return r.point(ctx, n, fidelity, work)
	}, func(_ int, rec *record, err error) error {
		if err != nil {
			return err
		}
		if rec.late {
			r.over.Store(true)
			return nil
		}
		return deliver(rec)
	})
}

// job is a point that has to be worked out.
type job struct {
	point    int
	fidelity string
	key      string
	machine  *configs.Machine
	late     <-chan struct{} // closed when it is too late to begin
}

// local works a job out in this process.
func (r *runner) local(ctx context.Context, j *job) (*Outcome, error) {
	return r.sp.run(ctx, r.cache, j.machine, j.fidelity)
}

// point finds a point's outcome in the store, or has it worked out.
func (r *runner) point(ctx context.Context, n int, fidelity string, work func(context.Context, *job) (*Outcome, error)) (*record, error) {
	rec := &record{point: n, at: r.sp.At(n), fidelity: fidelity}
	m, err := r.sp.load(rec.at)
	var u *unmet
	switch {
	case errors.As(err, &u):
		rec.unmet = u.constraint
		return rec, nil
	case err != nil:
		rec.outcome = &Outcome{Error: strings.TrimPrefix(err.Error(), "--set ")} // which nobody typed
		return rec, nil
	}
	rec.key = r.sp.key(m, fidelity)
	if rec.outcome, err = r.store.Get(rec.key); err != nil {
		return nil, err
	}
	if rec.found = rec.outcome != nil; rec.found {
		return rec, nil
	}
	if rec.outcome, err = work(ctx, &job{n, fidelity, rec.key, m, r.late}); err != nil {
		return nil, err
	}
	if rec.outcome == nil {
		rec.late = true
		return rec, nil
	}
	return rec, r.store.Put(rec.key, rec.outcome)
}
