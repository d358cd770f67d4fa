package nvlink

import (
	"math"

	"gpusim/configs"
)

// Traffic is how data are cut into packets.
type Traffic uint8

// Kinds of traffic.
const (
	Stores   Traffic = iota // loads and stores of SMs, whole lines
	Copies                  // copy engines and adapters
	Flags8                  // LL: a flag beside each eight bytes, 16 B a store
	Flags128                // LL128: a flag in each 128 B
	traffics
)

// wire gives the bytes on a link per byte of data, in the direction of the
// data and against it.
//
// Flags8 sends 8 B of data in a store of 16 B. NVLink carries those by the
// sector, two stores of 16 B with their byte enables to a packet: header, mask and
// two flits forward and one back for 16 B of data are a quarter of what whole
// lines get, which is the factor in NCCL's cost model (tuning.cc: ring LL gets
// busBw/4).
func wire(t *configs.LinkType, kind Traffic) (forward, back float64) {
	flit := func(bytes float64) float64 { return math.Ceil(bytes/float64(t.Flit)) * float64(t.Flit) }
	payload := float64(t.Payload)
	switch kind {
	case Copies:
		payload = float64(t.CopyPayload)
	case Flags8:
		if s := float64(t.Sector); s > 0 {
			data := s / 2
			return (flit(s) + t.Header + float64(t.Mask)) / data, t.Response / data
		}
	}
	forward, back = (flit(payload)+t.Header)/payload, t.Response/payload
	switch kind {
	case Flags8:
		forward, back = 2*forward, 2*back
	case Flags128:
		forward, back = forward*128/120, back*128/120
	}
	return forward, back
}

// rate is what one link passes on in one direction in bytes per second, headers
// included: that of its lanes, or what its receiver's buffers let be under way
// during the time there and back.
func rate(t *configs.LinkType) float64 {
	r := t.BytesPerSecond()
	if t.Credits > 0 {
		r = math.Min(r, float64(t.Credits)/(2*float64(t.Latency)*1e-12))
	}
	return r
}
