package sm_test

import (
	"gpusim/sm"
	"gpusim/workloads/tile"
)

// explain gives the empty slots since the latest issue their reason.
func (o *oracle) explain(s *oSub, why sm.Reason) {
	o.counts.Slots[why] += s.idle
	s.idle = 0
}

// close ends the books: what is left had nothing to issue.
func (o *oracle) close() {
	for _, s := range o.subs {
		o.explain(s, sm.Idle)
	}
}

// issue issues a warp's next instruction.
func (o *oracle) issue(s *oSub, w *oWarp) {
	t, in := o.cycle, w.op(o)
	at, why := o.own(w)
	if at < t {
		switch {
		case pipe(in.Op) != tile.OpNOP && o.open(s, in.Op) == t:
			why = sm.MathPipe
			if in.Op == tile.OpHMMA {
				why = sm.TensorPipe
			} else if pipe(in.Op) == tile.OpLDS {
				why = sm.MIOThrottle
			}
		case at < s.issued:
			why = sm.Dispatch
		}
	}
	o.explain(s, why)
	o.counts.Slots[sm.Issued]++
	o.counts.WarpInsts++
	s.last, s.issued = w, t+1
	w.ready, w.why, w.hadLine, w.hadConst = t+max(1, uint64(in.Stall)), sm.Wait, false, false
	o.occupy(s, w, in)
	o.move(s, w, in)
}

// occupy takes the pipe that an instruction needs.
func (o *oracle) occupy(s *oSub, w *oWarp, in *oOp) {
	t, p := o.cycle, &o.g.SM.Pipes
	lanes := map[tile.Op]float64{tile.OpFFMA: p.FP32.Lanes, tile.OpIADD: p.INT.Lanes, tile.OpDFMA: p.FP64.Lanes, tile.OpHFMA2: p.FP16.Lanes, tile.OpMUFU: p.SFU.Lanes}
	switch pipe(in.Op) {
	case tile.OpHMMA:
		every := uint64(o.g.Tensor.StepCyclesFP16)
		if int(in.Steps) == o.g.Tensor.StepsFP32 {
			every = uint64(o.g.Tensor.StepCycles)
			s.groups++
		}
		for i := uint64(1); i < uint64(in.Steps); i++ {
			s.steps[t+i*every] = true
			w.ready = max(w.ready, t+i*every+1)
		}
		s.free[tile.OpHMMA] = t + uint64(in.Steps)*every
		if b := o.g.Tensor.BubbleSetsFP32; b > 0 && int(in.Steps) == o.g.Tensor.StepsFP32 && s.groups%b == 0 {
			s.free[tile.OpHMMA]++
		}
	case tile.OpLDS:
		a := oAccess{sub: s, index: len(s.begun), w: w, in: in, passes: 1}
		if in.Op != tile.OpS2R && in.Op != tile.OpSHFL {
			a.passes = uint64(o.k.Accesses[in.Access].Passes[w.id])
			if in.Guard == tile.GuardMore && w.iter+1 >= int(w.cta.Trips) {
				a.passes = 0
			}
			o.counts.SharedPasses += a.passes
			if width := uint64(o.k.Accesses[in.Access].Bytes * 32 / o.g.SM.MIO.SharedBytesClk); in.Op == tile.OpLDS && a.passes > 0 && width > a.passes {
				a.passes = width // data of a load come back at the width of the bus
			}
		}
		for _, b := range []uint8{in.RdBar, in.WrBar} {
			if b != tile.NoBar {
				w.pending[b-1]++
			}
		}
		if every := uint64(o.g.SM.MIO.AddressInterval); every > 0 {
			a.addr = max(t, s.adders)
			s.adders = a.addr + every
		}
		s.begun, s.sent = append(s.begun, far), t
		o.lsu = append(o.lsu, a)
		o.serve()
	case tile.OpNOP:
	default:
		s.free[pipe(in.Op)] = t + lanesBusy(lanes[pipe(in.Op)]) + uint64(in.Bank)
		if in.WrBar != tile.NoBar {
			w.raise(int(in.WrBar)-1, t+uint64(p.SFU.Latency), sm.Wait)
		}
	}
}

// move takes a warp to its next instruction.
func (o *oracle) move(s *oSub, w *oWarp, in *oOp) {
	t := o.cycle
	pass := func() { o.counts.Segments[w.prog][w.seg]++ }
	switch in.Op {
	case tile.OpEXIT:
		pass()
		for i := range s.warps {
			if s.warps[i] == w {
				s.warps = append(s.warps[:i:i], s.warps[i+1:]...)
				break
			}
		}
		s.last = nil
		w.cta.live--
		return
	case tile.OpBRA:
		pass()
		if w.iter++; w.iter < int(w.cta.Trips) {
			w.at, w.ready = 0, w.ready+uint64(o.g.SM.BranchLatency)-1
			return
		}
		w.nextSegment(o)
		return
	}
	if w.at++; w.at == len(o.pieces[w.prog][w.seg].ops) {
		pass()
		w.nextSegment(o)
	}
	if in.Op == tile.OpMEMBAR {
		w.why = sm.Membar // there are no stores to wait for
	}
	if in.Op != tile.OpBAR {
		return
	}
	o.counts.Barriers++
	w.blocked = true
	if w.cta.arrived++; w.cta.arrived < w.cta.live {
		return
	}
	w.cta.arrived = 0
	for _, v := range w.cta.warps {
		if v.blocked {
			v.blocked, v.ready, v.why = false, max(v.ready, t+uint64(o.g.SM.BarrierLatency)), sm.BarrierWait
		}
	}
}

func lanesBusy(lanes float64) uint64 { return uint64((32 + lanes - 1) / lanes) }
