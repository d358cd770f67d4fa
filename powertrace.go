package gpusim

import (
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/energy"
)

// PowerSample is the average over one interval of a run.
type PowerSample struct {
	TimeUS     float64 // end of the interval
	PowerW     float64
	PowerLoW   float64 // interval from the coefficients' ranges
	PowerHiW   float64
	ClockMHz   float64 // core clock of the interval, that of the simulation where nothing follows a cap
	Layer      string  // that most of the interval went to
	DurationUS float64 // of the interval; the last one of a run may be shorter
}

// PowerTrace is power over time.
type PowerTrace struct {
	Samples  []PowerSample
	TimeUS   float64 // of one pass, with the clock as it follows the cap
	EnergyUJ float64
}

// TraceOptions are the choices of a power trace.
type TraceOptions struct {
	IntervalUS float64 // between samples; the clock changes at these times
	WindowUS   float64 // over which the board averages what it holds below its limit
}

// segment is a part of a run with one power: a layer, or a kernel.
type segment struct {
	name           string
	us             float64 // as simulated
	follows        float64 // part of us that follows the core clock
	clock          configs.Freq
	dynamic, fixed float64 // uJ that go with the core voltage squared, and that do not depend on it
	lo, hi         float64 // of the power, as parts of it
}

const mostPasses = 1000

// TracePower gives the power of a simulated call over time. A machine with a power
// cap repeats the call, as those who measure do: each interval the clock goes a step
// down if the average over the window is above the limit, and a step up if it is
// below. What is traced is the first pass that takes as long as the one before, to a
// part in a thousand. So the clock moves inside a network, or a long kernel, where the
// governor of a single call finds one clock for all of it.
//
// Power is even within a kernel. A kernel that waits for DRAM takes as long at any
// clock, any other follows it.
func TracePower(m *configs.Machine, r *Result, o TraceOptions) (PowerTrace, error) {
	if !(o.IntervalUS > 0) || !(o.WindowUS > 0) {
		return PowerTrace{}, fmt.Errorf("power trace: an interval of %g us and a window of %g us are not above 0", o.IntervalUS, o.WindowUS)
	}
	segments := segmentsOf(m, r)
	total := 0.0
	for _, s := range segments {
		total += s.us
	}
	switch {
	case total == 0:
		return PowerTrace{}, fmt.Errorf("power trace: %s on %s has no kernels", r.Workload, m.Name)
	case total/o.IntervalUS > 1e6:
		return PowerTrace{}, fmt.Errorf("power trace: %g us in intervals of %g us are more than a million samples", total, o.IntervalUS)
	}
	t := tracer{m: m, o: o, idle: map[configs.Freq]float64{}}
	if m.GPU == nil || !m.GPU.Clock.PowerCap { // every layer at its own clock
		return t.pass(segments), nil
	}
	t.clock = m.GPU.Clock.Sustained
	// Passes that are short beside the window are all alike long before the average is
	// there: several windows at least.
	out, since := t.pass(segments), 0.0
	for range mostPasses {
		next := t.pass(segments)
		since += next.TimeUS
		alike := math.Abs(next.TimeUS/out.TimeUS-1) < 1e-3 && since > 10*o.WindowUS
		if out = next; alike {
			break
		}
	}
	return out, nil
}

func segmentsOf(m *configs.Machine, r *Result) []segment {
	var out []segment
	for i := range r.Layers {
		l := &r.Layers[i]
		s := segment{name: l.Name, us: l.TimeUS, follows: l.TimeUS, clock: configs.Freq(r.ClockMHz * 1e6)}
		if l.ClockMHz > 0 {
			s.clock = configs.Freq(l.ClockMHz * 1e6)
		}
		if l.Bound == boundDRAM {
			s.follows = 0
		}
		for k := range l.Energy.Rows {
			switch row := &l.Energy.Rows[k]; row.Column {
			case energy.Static:
			case energy.DRAM, energy.Link:
				s.fixed += row.EnergyUJ
			default:
				s.dynamic += row.EnergyUJ
			}
		}
		lo, hi := l.Energy.Interval()
		s.lo, s.hi = lo/l.Energy.TotalUJ, hi/l.Energy.TotalUJ
		out = append(out, s)
	}
	return out
}

// tracer is a board whose clock follows its power.
type tracer struct {
	m       *configs.Machine
	o       TraceOptions
	clock   configs.Freq // 0: no cap, every segment at its own
	average float64      // W, over the window
	known   bool         // that there is an average
	idle    map[configs.Freq]float64
}

// at is how long a segment takes at a clock, and its power.
func (t *tracer) at(s *segment, clock configs.Freq) (us, watts float64) {
	spec := &t.m.Energy
	if t.m.GPU == nil {
		return s.us, energy.IdlePowerW(spec) + (s.dynamic+s.fixed)/s.us
	}
	us = s.us - s.follows + s.follows*float64(s.clock)/float64(clock)
	k := &t.m.GPU.Clock
	was, is, scale := k.VoltageAt(s.clock), k.VoltageAt(clock), 1.0
	if was != is && spec.Voltage != 0 {
		scale = float64(is) / float64(was)
	}
	idle, ok := t.idle[clock]
	if !ok {
		idle = energy.IdlePowerW(energy.AtVoltage(spec, is))
		t.idle[clock] = idle
	}
	return us, idle + (s.dynamic*scale*scale+s.fixed)/us
}

// pass runs the segments once.
func (t *tracer) pass(segments []segment) PowerTrace {
	var out PowerTrace
	var in, lo, hi, longest float64 // of the interval so far: us, uJ low and high, us of its longest layer
	var uj float64
	name := ""
	inLayer := map[string]float64{}
	clock := t.clock
	flush := func() {
		if in == 0 {
			return
		}
		out.Samples = append(out.Samples, PowerSample{
			TimeUS: out.TimeUS, PowerW: uj / in, PowerLoW: lo / in, PowerHiW: hi / in, ClockMHz: float64(clock) / 1e6, Layer: name, DurationUS: in,
		})
		t.follow(uj/in, in)
		in, uj, lo, hi, longest, name = 0, 0, 0, 0, 0, ""
		clear(inLayer)
		clock = t.clock
	}
	for i := range segments {
		s := &segments[i]
		for left := 1.0; left > 0; { // part of the segment
			f := t.clock
			if f == 0 {
				f = s.clock
				if in == 0 {
					clock = f
				}
			}
			us, watts := t.at(s, f)
			d, done := left*us, left
			if room := t.o.IntervalUS - in; d > room {
				d, done = room, room/us
			}
			left -= done
			if left < 1e-12 {
				left = 0
			}
			in, out.TimeUS = in+d, out.TimeUS+d
			e := d * watts
			uj, lo, hi, out.EnergyUJ = uj+e, lo+e*s.lo, hi+e*s.hi, out.EnergyUJ+e
			if inLayer[s.name] += d; inLayer[s.name] > longest {
				longest, name = inLayer[s.name], s.name
				if t.clock == 0 {
					clock = f
				}
			}
			if in >= t.o.IntervalUS*(1-1e-12) {
				flush()
			}
		}
	}
	flush()
	return out
}

// follow moves the clock by what an interval took.
func (t *tracer) follow(watts, us float64) {
	if t.clock == 0 {
		return
	}
	weight := 1 - math.Exp(-us/t.o.WindowUS)
	if !t.known {
		weight, t.known = 1, true
	}
	t.average += weight * (watts - t.average)
	k := &t.m.GPU.Clock
	switch limit := float64(t.m.TDP); {
	case t.average > limit:
		t.clock = max(k.Step, t.clock-k.Step)
	case t.clock+k.Step <= k.Sustained:
		t.clock += k.Step
	}
}
