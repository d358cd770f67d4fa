package sweep

import "math/bits"

// permutation is a pseudo-random order of 0 to n-1 that needs no memory: a Feistel
// network of four rounds on the smallest even number of bits that holds n, walked until it
// falls below n.
type permutation struct {
	n    uint64
	half uint
	keys [4]uint64
}

func newPermutation(n int, seed uint64) permutation {
	p := permutation{n: uint64(n), half: uint(max(1, (bits.Len64(uint64(max(1, n-1)))+1)/2))}
	for i := range p.keys {
		p.keys[i] = mix(seed*0x9e3779b97f4a7c15 + uint64(i) + 1)
	}
	return p
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// at is the i-th number.
func (p *permutation) at(i int) int {
	x, mask := uint64(i), uint64(1)<<p.half-1
	for {
		left, right := x>>p.half, x&mask
		for _, k := range p.keys {
			left, right = right, left^mix(right^k)&mask
		}
		if x = left<<p.half | right; x < p.n {
			return int(x)
		}
	}
}
