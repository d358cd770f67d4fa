package winograd

import (
	"fmt"

	"gpusim/workloads/gemm"
	"gpusim/workloads/stride1"
	"gpusim/workloads/tile"
)

// The non-fused algorithm writes all transformed data to memory. Component e of
// tile i of channel c of the images, of filter k and of the output is element
//
//	forward:         V[e][c][i], U[e][k][c], M[e][k][i]
//	gradient of w:   V[e][i][c], D[e][i][k], W[e][k][c]
//
// so that one batched product computes all components. In front of it and behind
// it, each thread of a transform kernel does one tile or filter.

// batchPad is what the number of images is padded to: in a published profile of
// cuDNN on an RTX 2070 Super, ten images of 224x224 and 128 channels make a
// grid of 196 x 128 CTAs of 256 threads for the data transform, 392 x 2 x 36
// for volta_sgemm_128x64_nn: tiles of sixteen images. It explains why eight
// images take nearly as long as sixteen in DeepBench.
const batchPad = 16

// nonfused is the algorithm for one problem.
type nonfused struct {
	p    Problem // as a forward pass, but for a gradient of the filters
	flip bool    // filters are turned by half a turn, channels and filters exchanged
	a    algorithm
	tile string // suffix of the kernels' names
	step int    // rows and columns of the output, or of its gradient, that a tile covers
	th   int    // tiles along the output's rows and columns
	tw   int
	n    int // images, padded
}

func newNonfused(p Problem) (*nonfused, error) {
	if err := check(&p, 3, 5); err != nil {
		return nil, err
	}
	f := &nonfused{p: p.AsForward(), flip: p.Pass == BackwardData, a: f43, tile: "4x4"}
	if p.R == 5 {
		f.a, f.tile = f55, "9x9_5x5"
	}
	f.step, f.n = f.a.m, ceilDiv(p.N, batchPad)*batchPad
	if p.Pass == BackwardWeight {
		if p.R == 3 {
			f.a = f34
		}
		f.step, f.n = f.a.r, p.N
	}
	f.th, f.tw = ceilDiv(f.p.P(), f.step), ceilDiv(f.p.Q(), f.step)
	if size := int64(f.a.t*f.a.t) * 4 * int64(f.tiles()) * int64(max(p.C, p.K)); size > 1<<40 || f.tiles() > 1<<28 {
		return nil, fmt.Errorf("winograd: %d tiles of %d channels and %d filters do not fit any device", f.tiles(), p.C, p.K)
	}
	return f, nil
}

// tiles is the number of tiles of all images.
func (f *nonfused) tiles() int { return f.n * f.th * f.tw }

// product is the batched matrix product.
func (f *nonfused) product() gemm.Problem {
	p := gemm.Problem{
		M: f.tiles(), N: f.p.K, K: f.p.C, Batch: f.a.t * f.a.t,
		TransB: f.flip, DType: "fp32", Acc: "fp32", Alpha: 1,
	}
	if f.p.Pass == BackwardWeight {
		p.M, p.K, p.TransB = f.p.C, f.tiles(), true
	}
	return p
}

// Product is the batched matrix product that the non-fused algorithm makes of a
// convolution, for a library to choose its kernel.
func Product(p Problem) (gemm.Problem, error) {
	f, err := newNonfused(p)
	if err != nil {
		return gemm.Problem{}, err
	}
	return f.product(), nil
}

// Workspace is the bytes of transformed data that the non-fused algorithm keeps
// in memory.
func Workspace(p Problem) (int64, error) {
	f, err := newNonfused(p)
	if err != nil {
		return 0, err
	}
	t, c, k := int64(f.tiles()), int64(f.p.C), int64(f.p.K)
	return 4 * int64(f.a.t*f.a.t) * (t*c + t*k + c*k), nil
}

// NonFused generates the kernels of the non-fused algorithm, for filters of
// 3x3 and 5x5, in launch order. c is the kernel of the batched product.
func NonFused(p Problem, c gemm.Config, l tile.Latencies) ([]*tile.Kernel, error) {
	f, err := newNonfused(p)
	if err != nil {
		return nil, err
	}
	q := &f.p
	t2 := f.a.t * f.a.t
	x, w, y := q.Tensors()
	v, u, m := stride1.Dense("V", 4, t2, f.tiles(), q.C), stride1.Dense("U", 4, t2, q.K, q.C), stride1.Dense("M", 4, t2, q.K, f.tiles())
	pre, post := []*transform{f.filter(w, u), f.data(x, v)}, f.output(m, y)
	if q.Pass == BackwardWeight {
		d, g := stride1.Dense("D", 4, t2, f.tiles(), q.K), stride1.Dense("W", 4, t2, q.K, q.C)
		pre, post = []*transform{f.wgradData(x, v), f.wgradDelta(y, d)}, f.wgradOutput(g, w)
		u, m = d, g
	}
	partial := stride1.Dense("workspace", 4)
	if c.Workspace {
		partial = stride1.Dense("workspace", 4, t2, max(1, c.Splits), f.product().M, f.product().N)
	}
	stride1.Allocate(x, w, y, v, u, m, partial)
	post.scale, post.alpha = true, p.Alpha

	var out []*tile.Kernel
	for _, tr := range pre {
		k, err := tr.build(l)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	products, err := gemm.Build(f.product(), c, l)
	if err != nil {
		return nil, err
	}
	shared := map[string]*tile.Tensor{"A": v, "B": u, "C": m, "workspace": partial}
	for _, k := range products {
		for i := range k.Tensors {
			t := &k.Tensors[i]
			s, ok := shared[t.Name]
			if !ok {
				return nil, fmt.Errorf("winograd: %s has a tensor %s", k.Name, t.Name)
			}
			t.Base, t.Name = s.Base, s.Name
		}
	}
	out = append(out, products...)
	k, err := post.build(l)
	if err != nil {
		return nil, err
	}
	return append(out, k), nil
}
