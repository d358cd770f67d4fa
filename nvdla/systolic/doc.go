// Package systolic models arrays of multiply-accumulate units through which
// operands move from neighbour to neighbour: the closed form of their folds,
// the double-buffered SRAMs beside them, an array that is stepped cycle by
// cycle, and the machines built around one (TPU v1 and v2, Gemmini, Eyeriss).
package systolic
