// Package validate compares simulated with measured times. It reads measured
// tables, simulates their rows, applies the method by which each was measured,
// and sums the errors up by class.
package validate
