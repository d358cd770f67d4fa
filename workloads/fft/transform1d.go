package fft

import (
	"math"
	"math/cmplx"

	"gpusim/workloads/tile"
)

const noRegister = tile.RZ

// number is a complex number of a graph.
type number struct{ re, im value }

func (x number) conj() number { return number{x.re, x.im.minus()} }

func (g *graph) sum(x, y number) number { return number{g.add(x.re, y.re), g.add(x.im, y.im)} }

func (g *graph) difference(x, y number) number {
	return g.sum(x, number{y.re.minus(), y.im.minus()})
}

// times is x*w.
func (g *graph) times(x number, w complex128) number {
	c, s := real(w), imag(w)
	return number{
		g.fma(x.im, -s, g.scale(x.re, c)),
		g.fma(x.im, c, g.scale(x.re, s)),
	}
}

// root is exp(i*pi*2*k/n), exact where it is a multiple of a quarter turn.
func root(k, n int) complex128 {
	if 4*k%n == 0 {
		return [...]complex128{1, 1i, -1, -1i}[(4*k/n%4+4)%4]
	}
	w := cmplx.Exp(complex(0, 2*math.Pi*float64(k)/float64(n)))
	if 8*k%n == 0 { // both parts are the same
		return complex(math.Copysign(math.Sqrt2/2, real(w)), math.Copysign(math.Sqrt2/2, imag(w)))
	}
	return w
}

// fourier is the discrete Fourier transform of x, whose length is a power of
// two; direction -1 forward, 1 backward, not scaled.
func (g *graph) fourier(x []number, direction int) []number {
	n := len(x)
	if n == 1 {
		return x
	}
	var even, odd []number
	for i := 0; i < n; i += 2 {
		even, odd = append(even, x[i]), append(odd, x[i+1])
	}
	even, odd = g.fourier(even, direction), g.fourier(odd, direction)
	out := make([]number, n)
	for k := range n / 2 {
		t := g.times(odd[k], root(direction*k, n))
		out[k], out[k+n/2] = g.sum(even[k], t), g.difference(even[k], t)
	}
	return out
}

// spectrum reads the first half of the spectrum of n real numbers as all of it.
func spectrum(half []number, n, k int) number {
	if k %= n; k > n/2 {
		return half[n-k].conj()
	}
	return half[k]
}

// realFourier is the first half, n/2+1 numbers, of the forward transform of n
// real ones.
func (g *graph) realFourier(x []value) []number {
	n := len(x)
	if n == 1 {
		return []number{{re: x[0]}}
	}
	var even, odd []value
	for i := 0; i < n; i += 2 {
		even, odd = append(even, x[i]), append(odd, x[i+1])
	}
	e, o := g.realFourier(even), g.realFourier(odd)
	out := make([]number, n/2+1)
	for k := range n/4 + 1 { // the other half mirrors it
		t := g.times(o[k], root(-k, n))
		out[k] = g.sum(e[k], t)
		if k < n/2-k {
			out[n/2-k] = g.difference(e[k], t).conj()
		}
	}
	return out
}

// realInverse is the backward transform, not scaled, of half a spectrum to n real
// numbers.
func (g *graph) realInverse(half []number, n int) []value {
	if n == 1 {
		return []value{half[0].re}
	}
	var even, odd []number
	for k := range n/4 + 1 {
		a, b := spectrum(half, n, k), spectrum(half, n, k+n/2)
		even = append(even, g.sum(a, b))
		odd = append(odd, g.times(g.difference(a, b), root(k, n)))
	}
	e, o := g.realInverse(even, n/2), g.realInverse(odd, n/2)
	var out []value
	for i := range n / 2 {
		out = append(out, e[i], o[i])
	}
	return out
}
