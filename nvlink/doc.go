// Package nvlink simulates what lies between devices: links and switches, the
// routes over them, and the collectives and copies that a communication
// library runs there.
//
// Data move as flows: a slice of a buffer on its way over a route. A flow takes
// from each link what its packets take, headers and answers included, and flows
// that meet share a link max-min fairly, which is what switches that serve
// their inputs in turn, packet by packet, come to. So an event is a slice that
// begins or ends, never a packet.
//
// A collective is a program for each channel of each rank: receive a slice, add
// to it, send it on. The same program is timed here and executed on numbers in
// the tests.
package nvlink
