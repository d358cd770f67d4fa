// Package validate compares simulated with measured times. It reads measured
// tables, simulates their rows, applies the method by which each was measured,
// and sums the errors up by class. Suites of programs that were measured in
// cycles are compared beside what other simulators say of them.
package validate
