package gemm

import (
	"math"

	"gpusim/workloads/tile"
	exec "gpusim/workloads/tile/replay"
)

// machine executes kernels, see package replay.
type (
	machine = exec.Machine
	step    = exec.Step
)

func newMachine(ts []tile.Tensor) *machine { return exec.New(ts) }

func f32(v uint32) float32  { return math.Float32frombits(v) }
func bits(v float32) uint32 { return math.Float32bits(v) }
