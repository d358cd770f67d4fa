package sim

import (
	"math/bits"

	akita "github.com/sarchlab/akita/v3/sim"
)

const psPerSecond = 1_000_000_000_000

// Phases of a cycle, in order.
const (
	PhaseAct     = 0 // machines act
	PhaseDeliver = 1 // their messages arrive
	PhaseServe   = 2 // memory, dispatcher and fabric answer
	PhaseReply   = 3 // the answers arrive
	phases       = 4
)

// Domain is a clock domain: it counts cycles of one frequency from an epoch.
// The frequency may change at a cycle boundary (Retune), which begins a new
// epoch, so that a power cap can move the clock between kernels.
type Domain struct {
	hz         uint64
	epochPS    uint64
	epochCycle uint64
}

// NewDomain makes a domain of hz hertz whose cycle 0 is at time 0.
func NewDomain(hz uint64) *Domain { return &Domain{hz: hz} }

// Hz is the present frequency in hertz.
func (d *Domain) Hz() uint64 { return d.hz }

// PS is the time in picoseconds at which a cycle of the present epoch begins,
// rounded down.
func (d *Domain) PS(cycle uint64) uint64 {
	return d.epochPS + mulDiv(cycle-d.epochCycle, psPerSecond, d.hz)
}

// Cycle is the last cycle that begins at or before ps.
func (d *Domain) Cycle(ps uint64) uint64 {
	c := d.epochCycle + mulDiv(ps-d.epochPS, d.hz, psPerSecond)
	if d.PS(c+1) <= ps { // PS rounds down, so the quotient can be one short
		c++
	}
	return c
}

// Retune changes the frequency from a cycle on.
func (d *Domain) Retune(cycle, hz uint64) {
	d.epochPS, d.epochCycle, d.hz = d.PS(cycle), cycle, hz
}

// Seconds is the one conversion from picoseconds to Akita's time.
func Seconds(ps uint64) akita.VTimeInSec { return akita.VTimeInSec(float64(ps) * 1e-12) }

// ps of a phase of a cycle: phases are a quarter of a cycle apart.
func (d *Domain) phasePS(cycle uint64, phase int) uint64 {
	if phase == 0 {
		return d.PS(cycle)
	}
	return d.PS(cycle) + uint64(phase)*(psPerSecond/d.hz)/phases
}

// mulDiv is a*b/c with a 128-bit product, rounded down.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	q, _ := bits.Div64(hi, lo, c)
	return q
}
