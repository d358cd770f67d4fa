package workloads

import (
	"fmt"
	"slices"
	"strings"
)

// Steps of an epilogue: what a kernel does to its accumulators before it
// writes them, in the order in which they apply.
const (
	EpilogueBias = "bias" // adds a value per output channel
	EpilogueAdd  = "add"  // adds a tensor of the size of the output
	EpilogueReLU = "relu"
	EpilogueGELU = "gelu"
)

// epilogueSteps lists the steps by when they apply; those of the last rank
// exclude each other.
var epilogueSteps = map[string]int{EpilogueBias: 0, EpilogueAdd: 1, EpilogueReLU: 2, EpilogueGELU: 2}

// epilogue checks steps joined by plus signs and gives them in lower case.
func epilogue(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	s = strings.ToLower(s)
	last := -1
	for _, step := range strings.Split(s, "+") {
		rank, ok := epilogueSteps[step]
		if !ok {
			return "", fmt.Errorf("epilogue=%s: unknown step %q (allowed: bias, add, relu or gelu, in this order, joined by +)", s, step)
		}
		if rank <= last {
			return "", fmt.Errorf("epilogue=%s: %q stands too late or twice (allowed: bias, add, relu or gelu, in this order)", s, step)
		}
		last = rank
	}
	return s, nil
}

// HasStep says whether an epilogue has a step.
func HasStep(epilogue, step string) bool {
	return slices.Contains(strings.Split(epilogue, "+"), step)
}

// epilogueElements is what the steps read: a vector of the channels, and a
// tensor of the size of the output.
func epilogueElements(epilogue string, channels, outputs float64) (n float64) {
	if HasStep(epilogue, EpilogueBias) {
		n += channels
	}
	if HasStep(epilogue, EpilogueAdd) {
		n += outputs
	}
	return n
}
