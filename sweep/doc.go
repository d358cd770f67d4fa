// Package sweep explores designs: it varies a machine along axes, simulates
// workloads on each variant, keeps what came of them, and finds the best.
//
// A Spec is what a sweep's file says. A Space numbers the points of its axes and
// turns a number into a machine. A search (grid, random, Latin hypercube, NSGA-II)
// proposes numbers; an evaluator works out what they come to, here or on other
// machines through a queue; a Store keeps that by a hash of all that determines
// it. What people read is made from the results in the order of the proposals, so
// it is the same however many worked on it and however often they were interrupted.
package sweep
