package cpu

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"gpusim/cpu/pipe"
)

// arena is memory for Exec: tensors at byte addresses.
type arena struct {
	data []float32
	r    *rand.Rand
}

func (a *arena) tensor(n int, random bool) (addr uint64, values []float32) {
	at := len(a.data)
	a.data = append(a.data, make([]float32, n+64)...) // code that loads ahead reads a little further
	if random {
		for i := range n {
			a.data[at+i] = a.r.Float32() - 0.5
		}
	}
	return uint64(4 * at), a.data[at : at+n]
}

func (a *arena) at(addr uint64) []float32 { return a.data[addr/4:] }

// The micro-kernels whose time is simulated compute a product: through their own
// addresses, edges, blocks of k and packed slivers, over a blocked loop nest.
func TestMicroKernelsComputeProducts(t *testing.T) {
	for _, tc := range []struct {
		m, n, k, kc    int
		t              tile
		lanes          int
		transA, transB bool
		fused, pack    bool
		swapped        bool
	}{
		{40, 17, 23, 23, tile{2, 6}, 8, false, false, false, true, false},
		{40, 17, 37, 16, tile{2, 6}, 8, true, false, false, true, false},
		{33, 29, 64, 20, tile{1, 28}, 16, false, true, true, true, false},
		{50, 31, 19, 8, tile{2, 14}, 16, true, true, true, true, false},
		{21, 48, 12, 12, tile{3, 9}, 16, false, false, true, true, true},
		{24, 9, 16, 16, tile{2, 4}, 8, false, false, false, false, false},
		{24, 9, 16, 16, tile{2, 4}, 8, true, true, false, false, false},
		{5, 3, 2, 2, tile{1, 3}, 1, false, false, false, true, false},
	} {
		t.Run(fmt.Sprintf("%+v", tc), func(t *testing.T) {
			a := &arena{r: rand.New(rand.NewSource(1))}
			addrA, valA := a.tensor(tc.m*tc.k, true)
			addrB, valB := a.tensor(tc.n*tc.k, true)
			addrC, _ := a.tensor(tc.m*tc.n, false)
			_, _ = valA, valB
			w := Problem{M: tc.m, N: tc.n, K: tc.k, DType: "fp32", TransA: tc.transA, TransB: tc.transB}
			lay := w.layouts()[map[bool]int{false: 0, true: 1}[tc.swapped]]
			mod := &model{w: &w, core: core{lanes: tc.lanes, elem: 4, fused: tc.fused, regs: 32}}
			p := &plan{lay: lay, t: tc.t, packP: tc.pack, packQ: tc.pack, tk: 1}
			pSrc, qSrc := addrA, addrB
			if tc.swapped {
				pSrc, qSrc = addrB, addrA
			}
			mr, nr := tc.lanes*tc.t.mv, tc.t.nr
			element := func(kContig bool, ld, own, k int) int {
				if kContig {
					return own*tc.k + k
				}
				return k*ld + own
			}
			for k0 := 0; k0 < tc.k; k0 += tc.kc {
				kc := min(tc.kc, tc.k-k0)
				for j := 0; j < lay.n; j += nr {
					cols := min(nr, lay.n-j)
					for i := 0; i < lay.m; i += mr {
						rows := min(mr, lay.m-i)
						shape := tile{(rows + tc.lanes - 1) / tc.lanes, cols}
						u := mod.micro(p, shape, rows, cols, kc, k0 > 0)
						u.callOverheads = 1
						// Slivers are packed with zeros beyond the edges.
						pAt, qAt := pSrc, qSrc
						if tc.pack {
							var buf []float32
							pAt, buf = a.tensor(mr*kc, false)
							for k := range kc {
								for x := range rows {
									buf[k*mr+x] = a.at(pSrc)[element(lay.p.kContig, lay.m, i+x, k0+k)]
								}
							}
							qAt, buf = a.tensor(nr*kc, false)
							for k := range kc {
								for x := range cols {
									buf[k*nr+x] = a.at(qSrc)[element(lay.q.kContig, lay.n, j+x, k0+k)]
								}
							}
						} else {
							pAt += 4 * uint64(element(lay.p.kContig, lay.m, i, k0))
							qAt += 4 * uint64(element(lay.q.kContig, lay.n, j, k0))
						}
						u.p, u.q = pAt, qAt
						u.c = addrC + 4*uint64(j*tc.m+i)
						if tc.swapped {
							u.c = addrC + 4*uint64(i*tc.m+j)
						}
						prog := &pipe.Program{}
						u.program(prog)
						pipe.Exec(prog, a.data, tc.lanes)
					}
				}
			}
			op := func(t bool) blas.Transpose {
				if t {
					return blas.Trans
				}
				return blas.NoTrans
			}
			// Column-major A is row-major A transposed.
			matrix := func(addr uint64, rows, cols int, trans bool) blas32.General {
				if trans {
					rows, cols = cols, rows
				}
				return blas32.General{Rows: cols, Cols: rows, Stride: rows, Data: a.at(addr)[:rows*cols]}
			}
			want := blas32.General{Rows: tc.n, Cols: tc.m, Stride: tc.m, Data: make([]float32, tc.m*tc.n)}
			blas32.Gemm(op(tc.transB), op(tc.transA), 1, matrix(addrB, tc.k, tc.n, tc.transB), matrix(addrA, tc.m, tc.k, tc.transA), 0, want)
			have := a.at(addrC)
			for i, v := range want.Data {
				if math.Abs(float64(v-have[i])) > 1e-4 {
					t.Fatalf("element %d: %g, want %g", i, have[i], v)
				}
			}
		})
	}
}

// The kernel of direct convolutions computes a convolution on blocked layouts: tile
// by tile, tap by tap, a block of input channels at a time.
func TestDirectKernelComputesConvolutions(t *testing.T) {
	for _, tc := range []struct{ c, k, h, w, r, s, pad, stride, lanes, nb, ur int }{
		{16, 16, 6, 7, 3, 3, 1, 1, 8, 1, 5},
		{8, 32, 9, 9, 3, 3, 1, 2, 8, 2, 3},
		{32, 32, 5, 5, 1, 1, 0, 1, 16, 2, 5},
		{3, 16, 10, 10, 5, 5, 2, 2, 8, 2, 4},
		{16, 16, 8, 8, 1, 1, 0, 2, 8, 1, 4},
	} {
		t.Run(fmt.Sprintf("%+v", tc), func(t *testing.T) {
			r := rand.New(rand.NewSource(2))
			a := &arena{r: r}
			ph, pw := tc.h+2*tc.pad, tc.w+2*tc.pad
			p, q := (ph-tc.r)/tc.stride+1, (pw-tc.s)/tc.stride+1
			in := make([]float32, tc.c*ph*pw) // padded, c h w
			for c := range tc.c {
				for y := range tc.h {
					for x := range tc.w {
						in[(c*ph+y+tc.pad)*pw+x+tc.pad] = r.Float32() - 0.5
					}
				}
			}
			wt := make([]float32, tc.k*tc.c*tc.r*tc.s)
			for i := range wt {
				wt[i] = r.Float32() - 0.5
			}
			v := tc.lanes
			red := min(v, tc.c)
			cb, kb := (tc.c+red-1)/red, tc.k/v
			addrIn, _ := a.tensor(cb*red*ph*pw, false)
			addrW, _ := a.tensor(kb*cb*tc.r*tc.s*red*v, false)
			addrO, _ := a.tensor(tc.k*p*q, false)
			blockedIn, blockedW := a.at(addrIn), a.at(addrW)
			planar := tc.c < v
			for c := range tc.c {
				for y := range ph {
					for x := range pw {
						at := ((c/red*ph+y)*pw+x)*v + c%red
						if planar {
							at = (c*ph+y)*pw + x
						}
						if !planar || c < red {
							blockedIn[at] = in[(c*ph+y)*pw+x]
						}
					}
				}
			}
			for k := range tc.k {
				for c := range tc.c {
					for y := range tc.r {
						for x := range tc.s {
							blockedW[((((k/v)*cb+c/red)*tc.r*tc.s+y*tc.s+x)*red+c%red)*v+k%v] = wt[((k*tc.c+c)*tc.r+y)*tc.s+x]
						}
					}
				}
			}
			for chunk := 0; chunk < kb; chunk += tc.nb {
				for block := range cb {
					for row := range p {
						for col := 0; col < q; col += tc.ur {
							u := directCall{nb: min(tc.nb, kb-chunk), ur: min(tc.ur, q-col), lanes: v, elem: 4, taps: tc.r * tc.s, red: red, reads: block > 0, fused: v == 16,
								stride: tc.stride, pixel: int64(4 * v), channel: 4, across: tc.s, block: int64(4 * cb * tc.r * tc.s * red * v), outBlock: int64(4 * p * q * v)}
							if planar {
								u.pixel, u.channel = 4, int64(4*ph*pw)
							}
							u.next, u.down = u.pixel, int64(pw)*u.pixel
							u.in = addrIn + uint64(int64(block*ph*pw*4*v)+int64((row*tc.stride)*pw+col*tc.stride)*u.pixel)
							u.w = addrW + uint64(4*((chunk*cb+block)*tc.r*tc.s*red*v))
							u.o = addrO + uint64(4*((chunk*p*q+row*q+col)*v))
							prog := &pipe.Program{}
							u.program(prog)
							pipe.Exec(prog, a.data, v)
						}
					}
				}
			}
			for k := range tc.k {
				for y := range p {
					for x := range q {
						want := 0.0
						for c := range tc.c {
							for dy := range tc.r {
								for dx := range tc.s {
									want += float64(in[(c*ph+y*tc.stride+dy)*pw+x*tc.stride+dx]) * float64(wt[((k*tc.c+c)*tc.r+dy)*tc.s+dx])
								}
							}
						}
						have := a.at(addrO)[((k/v*p+y)*q+x)*v+k%v]
						if math.Abs(float64(have)-want) > 1e-3 {
							t.Fatalf("channel %d, point %d %d: %g, want %g", k, y, x, have, want)
						}
					}
				}
			}
		})
	}
}
