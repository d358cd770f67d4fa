package nvdla

import "gpusim/configs"

// op is one hardware layer: what one setting of the registers does. All of its
// input lies in the convolution buffer before it begins; weights come kernel
// group by kernel group.
type op struct {
	loadBytes int // input to fetch; 0: the op before has left it
	dataBytes int // that the input takes in the buffer

	kernels   []int // of each kernel group
	kernBytes int   // of one kernel in memory
	keep      bool  // weights stay for the op behind
	kept      bool  // weights lie in the buffer already

	packages int   // channel blocks x taps: each is one stripe of atoms
	atoms    []int // stripe lengths
	spread   int   // output points of one atom: 4 with Winograd
	atomOut  int   // bytes that a kernel group writes for a point
	addBytes int   // bytes that the single-point processor reads for a point and group

	// What it is of the convolution: images, its convolution group, lines of the output.
	image, images    int
	convGroup        int
	firstLine, lines int
	partial          bool // only the lines of the input that its output needs were fetched
}

// stripes cuts a number of atoms into stripes as the sequence controller does: of
// two kernel groups' length as long as two more of those remain, then of one, then
// what is left. A stripe has to last as long as the weights of the next one take
// to load, a cycle per kernel.
func stripes(atoms, atomK int) []int {
	var out []int
	for at := 0; at < atoms; {
		n := atomK
		switch {
		case at+4*atomK <= atoms:
			n = 2 * atomK
		case at+2*atomK >= atoms:
			n = atoms - at
		}
		out = append(out, n)
		at += n
	}
	return out
}

// packageCycles is how long one package of a stripe holds the sequence
// controller: its atoms, but at least the shortest stripe, and a cycle more than
// it takes to load the next package's weights.
func packageCycles(atoms, kernels, atomK int) int {
	return max(atoms, atomK, kernels+1)
}

// work is the cycles of the MAC array alone. Kernel groups are equal but for the last.
func (o *op) work(atomK int) (cycles int) {
	last := len(o.kernels) - 1
	for _, a := range o.atoms {
		cycles += o.packages * (last*packageCycles(a, o.kernels[0], atomK) + packageCycles(a, o.kernels[last], atomK))
	}
	return cycles
}

// pointCycles is how long the single-point processor works on a point of a kernel
// group.
func (o *op) pointCycles(n *configs.NVDLA, atomK int) int {
	rate := n.SDP.Rate
	if o.addBytes > 0 && n.SDP.ElementwiseRate > 0 {
		rate = n.SDP.ElementwiseRate
	}
	return ceilDiv(atomK, rate)
}
