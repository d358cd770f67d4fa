package validate

import (
	"context"
	"fmt"

	"gpusim/configs"
	"gpusim/workloads"
)

// direct is a measured row of a machine with a fixed array, whose figure a part
// of that machine's model gives: it is no library call, so no method of measuring
// applies, and it need not be a workload of the command line.
type direct struct {
	file     string
	line     int
	device   string
	class    string
	metric   string
	work     string // what is computed, for the reader
	measured float64
	extra    []Extra
	run      func(ctx context.Context, m *configs.Machine) (simulated float64, kernel string, err error)
}

// runDirect simulates the direct rows one after another; each takes milliseconds.
func (t *Tables) runDirect(ctx context.Context, o Options, rep *Report, used map[string]*configs.Machine) error {
	for i := range t.direct {
		d := &t.direct[i]
		if ctx.Err() != nil {
			rep.Interrupted = true
			return nil
		}
		m, err := o.Machine(d.device)
		if err != nil {
			return err
		}
		skip := func(reason string) { rep.Skipped = append(rep.Skipped, Skip{d.file, d.line, reason}) }
		if m == nil {
			skip(fmt.Sprintf("no machine file answers to the device %q", d.device))
			continue
		}
		used[m.Name] = m
		v, kernel, err := d.simulate(ctx, m)
		if err != nil {
			skip(err.Error())
			continue
		}
		rep.take(Row{
			File: d.file, Line: d.line, Class: d.class, Metric: d.metric, Workload: d.work, Measured: d.measured, Simulated: v,
			ErrorPct: ErrorPct(d.measured, v), Kernel: kernel, Extra: d.extra,
		}, "")
	}
	return nil
}

// simulate runs one row; a panic of a model is this row's alone.
func (d *direct) simulate(ctx context.Context, m *configs.Machine) (v float64, kernel string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal fault: %v", p)
		}
	}()
	return d.run(ctx, m)
}

// record reads the columns of one record; the first mistake counts.
type record struct {
	t    *workloads.Table
	rec  []string
	line int
	err  error
}

func (t *Tables) records(tab *workloads.Table, read func(r *record) error) error {
	for i, rec := range tab.Rows {
		r := &record{t: tab, rec: rec, line: tab.Line(i)}
		err := read(r)
		if r.err != nil {
			err = r.err
		}
		if err != nil {
			return &workloads.Error{File: tab.File, Line: r.line, Reason: err.Error()}
		}
	}
	return nil
}

func (r *record) text(column string) string { return r.t.Field(r.rec, column) }

// add keeps a row for the file and line of the record.
func (t *Tables) addDirect(r *record, d direct) {
	if r.err != nil {
		return
	}
	d.file, d.line = r.t.File, r.line
	t.direct = append(t.direct, d)
}
