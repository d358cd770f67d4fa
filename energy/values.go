package energy

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"gpusim/configs"
)

// Values names how the operands of a kernel are distributed. What wires, latches and
// multipliers cost follows the bits that flip from one value to the next; tables hold
// for Random.
type Values string

const (
	Random    Values = "random"     // normal floating-point numbers, integers over their whole range
	OneSigned Values = "one-signed" // uniform in [0, 1), integers in the upper half of their range
	Integers  Values = "integers"   // whole numbers from -3 to 3, in whatever type
	Trained   Values = "trained"    // weights of a normal distribution, activations behind a ReLU: half of them zeros
	Zeros     Values = "zeros"
)

var allValues = []Values{Random, OneSigned, Integers, Trained, Zeros}

// ValuesNamed gives the distribution of a name; empty means Random.
func ValuesNamed(name string) (Values, error) {
	if name == "" {
		return Random, nil
	}
	if v := Values(name); slices.Contains(allValues, v) {
		return v, nil
	}
	names := make([]string, len(allValues))
	for i, v := range allValues {
		names[i] = string(v)
	}
	return "", fmt.Errorf("values %q are not known (allowed: %s)", name, strings.Join(names, ", "))
}

// activity is the bits that flip from one value to the next, over those of Random.
type activity struct{ operand, product, sum float64 }

// dataShare is the part of an event's energy that follows the values; the rest is
// clock, control and precharge.
var dataShare = map[string]float64{
	// Arithmetic is gates between latches: all of it.
	Payload: 1,
	// Latches: half is their clock (assumption).
	LaneSlot: 0.5, MMASlot: 0.5, FP32Lane: 0.5,
	// Operand collectors and result bus are about a third of it (assumption).
	WarpInstruction: 0.3,
	// SRAM: bit lines swing whatever they read; output latches and wires follow the data
	// (assumption: half).
	Register: 0.5, SharedL1: 0.5,
	// Antepara et al., SC 2025, of 4.71 pJ/bit of an A100's L2: 1.60 data path.
	L2: 0.34,
	// Wires alone: Keckler et al., IEEE Micro 2011, give their energy by transition.
	Crossbar: 1,
	// Chatterjee et al., HPCA 2017: HBM's column access takes 1.48 pJ/bit with little and
	// 5.7 with full toggling, so 2.1 of 3.6 at half; of the path with PHY and controller
	// that is 2.1 of 8.4.
	DRAM: 0.25,
}

// AtValues gives the coefficients of a machine that works on such values of a type.
// dtype is canonical; types that it does not know count as random. padding is the share
// of multiply-adds of which one operand is a zero that fills up a tile: the other
// operand still flips, product and sum rest.
func AtValues(spec *configs.Energy, v Values, dtype string, padding float64) *configs.Energy {
	if v == "" {
		v = Random
	}
	if v == Random && padding == 0 {
		return spec
	}
	stored := activityOf(v, dtype) // what memory holds is not padded
	a := activity{stored.operand * (1 - padding/2), stored.product * (1 - padding), stored.sum * (1 - padding)}
	out := *spec
	out.Events = make(map[string]configs.EnergyEvent, len(spec.Events))
	for name, e := range spec.Events {
		share, ok := dataShare[name]
		if !ok && e.Column != Instruction {
			share = dataShare[e.Column]
		}
		if name == DRAMActivate || name == IntOp {
			share = 0 // rows and addresses are the same
		}
		rate := a.operand
		switch {
		case e.Column == Payload: // the multiplier is about half of a multiply-add, the adder the rest
			rate = (a.product + a.sum) / 2
		case e.Column == L2 || e.Column == Crossbar || e.Column == DRAM || name == L1Sector:
			rate = stored.operand
		case e.Column == Register || name == LaneSlot || name == FP32Lane || name == WarpInstruction: // operands in, sums in and out
			rate = (a.operand + a.sum) / 2
		}
		e.PJ *= 1 - share + share*rate
		out.Events[name] = e
	}
	return &out
}

var activities sync.Map // activity by values and type

func activityOf(v Values, dtype string) activity {
	key := string(v) + "/" + dtype
	if a, ok := activities.Load(key); ok {
		return a.(activity)
	}
	have, base := flips(v, dtype), flips(Random, dtype)
	a := activity{have.operand / base.operand, have.product / base.product, have.sum / base.sum}
	activities.Store(key, a)
	return a
}

// floatFormats are exponent and mantissa bits.
var floatFormats = map[string][2]int{"fp64": {11, 52}, "fp32": {8, 23}, "tf32": {8, 10}, "bf16": {8, 7}, "fp16": {5, 10}, "fp8": {4, 3}}

var intBits = map[string]int{"int8": 8, "int4": 4, "int1": 1}

// flips runs a dot product of drawn values and counts the bits that change from one
// step to the next, in operands, products and the running sum (32 bits; a new one
// begins every 256 steps).
func flips(v Values, dtype string) activity {
	const steps, length = 1 << 14, 256
	rng := rand.New(rand.NewPCG(1, 2))
	var out activity
	var last [4]uint64
	var sum float64
	for i := range steps {
		if i%length == 0 {
			sum = 0
		}
		a, b := draw(rng, v, dtype, false), draw(rng, v, dtype, true)
		sum += a * b
		now := [4]uint64{pattern(a, dtype), pattern(b, dtype), wide(a*b, dtype), wide(sum, dtype)}
		for k := range now {
			n := float64(bits.OnesCount64(now[k]^last[k])) / steps
			switch k {
			case 0, 1:
				out.operand += n
			case 2:
				out.product += n
			default:
				out.sum += n
			}
		}
		last = now
	}
	return out
}

// draw is one operand; second says that it is an activation.
func draw(rng *rand.Rand, v Values, dtype string, second bool) float64 {
	top := 0.0 // of integers
	if n, ok := intBits[dtype]; ok {
		top = float64(uint64(1) << (n - 1))
	}
	whole := top > 0
	switch v {
	case OneSigned:
		if whole {
			return math.Floor(rng.Float64() * top)
		}
		return rng.Float64()
	case Integers:
		return math.Max(-max(top, 4), float64(rng.IntN(7)-3))
	case Trained:
		x := rng.NormFloat64()
		if second {
			x = max(0, x)
		} else if !whole {
			x *= 0.05
		}
		if whole {
			return math.Round(math.Max(-top, math.Min(top-1, x*top/4)))
		}
		return x
	case Zeros:
		return 0
	}
	if whole {
		return math.Floor((2*rng.Float64() - 1) * top)
	}
	return rng.NormFloat64()
}

// pattern is a value's bits in a type.
func pattern(x float64, dtype string) uint64 {
	if n, ok := intBits[dtype]; ok {
		return uint64(int64(x)) & (1<<n - 1)
	}
	f, ok := floatFormats[dtype]
	if !ok {
		f = floatFormats["fp32"]
	}
	return floatBits(x, f[0], f[1])
}

// wide is a product's or a sum's bits: fp64 or fp32, of integers int32.
func wide(x float64, dtype string) uint64 {
	if _, ok := intBits[dtype]; ok {
		return uint64(uint32(int64(x)))
	}
	if dtype == "fp64" {
		return math.Float64bits(x)
	}
	return uint64(math.Float32bits(float32(x)))
}

// floatBits cuts a number to so many bits; what is too small is zero, too large the
// largest.
func floatBits(x float64, exponent, mantissa int) uint64 {
	b := math.Float64bits(x)
	sign := b >> 63 << (exponent + mantissa)
	e := int(b>>52&0x7ff) - 1023 + 1<<(exponent-1) - 1
	switch {
	case x == 0 || e <= 0:
		return sign
	case e >= 1<<exponent:
		return sign | (1<<(exponent+mantissa) - 1)
	}
	return sign | uint64(e)<<mantissa | b<<12>>(64-mantissa)
}
