// Package sim is the border to Akita: everything above it counts integer
// cycles, everything below it is Akita's engine, events, ports and hooks.
//
// A Component sleeps until a cycle it computed itself; a Link delivers each
// message at a computed arrival. Within one cycle there are four phases, so
// that what happens "in the same cycle" has a fixed order without relying on
// the order of simultaneous Akita events, which Akita does not define.
package sim
