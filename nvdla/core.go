package nvdla

import (
	"fmt"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/configs"
	"gpusim/sim"
)

// flushCycles pass between the last package of an op and the next op
// (CSC_SG_DONE_FLUSH in the RTL).
const flushCycles = 48

// A client asks for a part of its buffers at once, but for so many bytes at least
// and at most: real bursts are shorter, which would be more events and the same rate.
const (
	bufferShare = 2
	minRequest  = 512
	maxRequest  = 2048
)

// core is the convolution pipeline: CDMA fills the buffer, CSC sends stripes
// through CMAC and CACC, SDP takes what comes out and writes it.
type core struct {
	n      *configs.NVDLA
	ops    []op
	atomK  int
	mem    *memory
	cdma   *cdma
	csc    *csc
	sdp    *sdp
	counts counters
}

// counters are what the energy ledger and the report need.
type counters struct {
	atoms     uint64 // atoms that passed the MAC array
	cbufRead  uint64 // bytes
	cbufWrite uint64
	sdpPoints uint64
	busy      uint64 // cycles in which the MAC array multiplied
}

func newCore(e *sim.Engine, n *configs.NVDLA, atomK int, ops []op) *core {
	d := sim.NewDomain(uint64(n.Clock))
	c := &core{n: n, ops: ops, atomK: atomK}
	c.mem = newMemory(e, d, float64(n.Memory.Bandwidth)/float64(n.Clock), n.Memory.Latency)
	c.cdma = &cdma{core: c, free: n.CBUF.Total()}
	c.cdma.comp = sim.NewComponent("CDMA", e, d, sim.PhaseAct, c.cdma)
	c.cdma.window = n.Memory.Outstanding * n.Memory.WidthBits / 8
	c.cdma.chunk = max(n.MemoryAtom, minRequest, min(maxRequest, c.cdma.window/bufferShare))
	c.cdma.window = max(c.cdma.window, bufferShare*c.cdma.chunk)
	c.csc = &csc{core: c, credits: 2 * atomK, waiting: true}
	c.csc.comp = sim.NewComponent("CSC", e, d, sim.PhaseAct, c.csc)
	c.sdp = &sdp{core: c}
	c.sdp.comp = sim.NewComponent("SDP", e, d, sim.PhaseDeliver, c.sdp)
	c.cdma.comp.WakeAt(uint64(n.Pipeline.Start))
	return c
}

// cdma fetches the inputs of ops in order, and beside them the weights of kernel
// groups, as far as the buffer has room.
type cdma struct {
	core          *core
	comp          *sim.Component
	window, chunk int // bytes that a channel may have on their way, and of a request
	free          int // bytes of the buffer that hold nothing
	returns       []room

	dataOp   int // op whose input is being fetched
	dataLeft int
	begun    bool
	onWay    [2]int

	wtOp, wtGroup int
	wtLeft        int
	wtBegun       bool
}

// Wake takes back room and asks for as much as there is room for.
func (d *cdma) Wake(cycle uint64) {
	for len(d.returns) > 0 && d.returns[0].cycle <= cycle {
		d.free += d.returns[0].bytes
		d.returns = d.returns[1:]
	}
	d.data()
	d.weights()
	if len(d.returns) > 0 {
		d.comp.WakeAt(d.returns[0].cycle)
	}
}

func (d *cdma) data() {
	ops := d.core.ops
	for d.dataOp < len(ops) {
		o := &ops[d.dataOp]
		if !d.begun {
			if d.dataOp > d.core.csc.op+1 || o.dataBytes+d.reserve() > d.free {
				return // an op releases its input when it ends
			}
			d.free -= o.dataBytes
			d.begun, d.dataLeft = true, o.loadBytes
			if o.loadBytes == 0 {
				d.finishData()
				continue
			}
		}
		for d.dataLeft > 0 && d.onWay[0] < d.window {
			n := min(d.dataLeft, d.chunk)
			d.dataLeft -= n
			d.onWay[0] += n
			last := d.dataLeft == 0
			d.core.counts.cbufWrite += uint64(n)
			d.core.mem.ask(clientData, request{n, func(cycle uint64) {
				d.onWay[0] -= n
				if last {
					d.finishData()
				}
				d.comp.WakeAt(cycle + 1)
			}})
		}
		if d.dataLeft > 0 || d.onWay[0] > 0 {
			return
		}
	}
}

// reserve is the room that an input fetched ahead must leave: without a kernel
// group's weights the op that is running could not go on.
func (d *cdma) reserve() int {
	if d.wtOp >= d.dataOp {
		return 0
	}
	o := &d.core.ops[d.wtOp]
	left, next, most := 0, d.wtGroup, 2
	if d.wtBegun {
		left, next, most = d.wtLeft, next+1, 1
	}
	if o.keep { // what stays gives no room back
		most = len(o.kernels)
	}
	for i := next; i < min(len(o.kernels), next+most); i++ {
		left += o.kernels[i] * o.kernBytes
	}
	return left
}

func (d *cdma) finishData() {
	d.dataOp++
	d.begun = false
	d.tell(1, 0)
}

// tell lets the sequence controller know of inputs and kernel groups that are
// complete, some cycles later.
func (d *cdma) tell(inputs, groups int) {
	s := d.core.csc
	s.news = append(s.news, news{d.comp.Engine.Cycle() + uint64(d.core.n.Pipeline.CDMA), inputs, groups})
	if s.waiting {
		s.comp.WakeAt(max(s.comp.Engine.Cycle()+1, s.news[0].cycle))
	}
}

func (d *cdma) weights() {
	ops := d.core.ops
	for d.wtOp < len(ops) {
		o := &ops[d.wtOp]
		if d.wtGroup == len(o.kernels) {
			d.wtOp, d.wtGroup = d.wtOp+1, 0
			continue
		}
		if d.wtOp > d.dataOp { // inputs first: the next op's weights must not take their room
			return
		}
		if !d.wtBegun {
			bytes := o.kernels[d.wtGroup] * o.kernBytes
			if o.kept {
				bytes = 0
			}
			if d.wtOp == d.dataOp && !d.begun {
				return
			}
			d.wtBegun, d.wtLeft = true, bytes
			if bytes == 0 {
				d.finishGroup()
				continue
			}
		}
		for d.wtLeft > 0 && d.onWay[1] < d.window {
			n := min(d.wtLeft, d.chunk)
			if n > d.free {
				return
			}
			d.free -= n
			d.wtLeft -= n
			d.onWay[1] += n
			last := d.wtLeft == 0
			d.core.counts.cbufWrite += uint64(n)
			d.core.mem.ask(clientWeight, request{n, func(cycle uint64) {
				d.onWay[1] -= n
				if last {
					d.tell(0, 1)
				}
				d.comp.WakeAt(cycle + 1)
			}})
		}
		if d.wtLeft > 0 {
			return
		}
		d.wtBegun, d.wtGroup = false, d.wtGroup+1
	}
}

func (d *cdma) finishGroup() {
	d.wtBegun, d.wtGroup = false, d.wtGroup+1
	d.tell(0, 1)
}

// room is what the sequence controller gives back at a cycle.
type room struct {
	cycle uint64
	bytes int
}

// release gives room back at a cycle, which is not before those of earlier calls.
func (d *cdma) release(cycle uint64, bytes int) {
	d.returns = append(d.returns, room{cycle, bytes})
	d.comp.WakeAt(d.returns[0].cycle)
}

func (d *cdma) Receive(uint64, akita.Port, akita.Msg) {}

// Waiting names what could not be fetched.
func (d *cdma) Waiting() (out []string) {
	if d.dataOp < len(d.core.ops) {
		out = append(out, fmt.Sprintf("CDMA waits for room for the input of op %d: %d bytes, %d free", d.dataOp, d.core.ops[d.dataOp].dataBytes, d.free))
	}
	if d.wtOp < len(d.core.ops) {
		out = append(out, fmt.Sprintf("CDMA waits for room for kernel group %d of op %d, %d bytes free", d.wtGroup, d.wtOp, d.free))
	}
	return out
}
