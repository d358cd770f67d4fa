package cpu

import (
	"gpusim/configs"
	"gpusim/workloads"
)

// RunConv simulates a pass of a convolution as im2col and matrix products, an
// image and a group at a time.
func RunConv(m *configs.Machine, c *workloads.Conv) ([]Result, error) {
	mod, err := newModel(m, c.DType)
	if err != nil {
		return nil, err
	}
	pq := c.P() * c.Q()
	taps := c.C / c.Groups * c.R * c.S
	p := Problem{M: pq, N: c.K / c.Groups, K: taps, Batch: c.N * c.Groups, DType: c.DType}
	switch c.Pass {
	case workloads.PassData:
		p.N, p.K = taps, c.K/c.Groups
	case workloads.PassWeight:
		p.M, p.N, p.K, p.Batch = taps, c.K/c.Groups, pq*c.N, c.Groups
	}
	var out []Result
	if c.R*c.S > 1 || c.StrideH*c.StrideW > 1 {
		e := float64(mod.core.elem)
		cols := float64(pq) * float64(taps) * float64(c.Groups) * float64(c.N)
		image := float64(c.C) * float64(c.H) * float64(c.W) * e
		one := cols / float64(c.N) * e
		s := sweep{name: "im2col", elems: cols, streams: []stream{read(e, image), write(e, one)}}
		if out, err = mod.runSweeps(m, c.DType, []sweep{s}); err != nil {
			return nil, err
		}
	}
	r, err := Run(m, p)
	if err != nil {
		return nil, err
	}
	out = append(out, r)
	after, err := Epilogue(m, c.Epilogue, c.DType, float64(c.N)*float64(c.K)*float64(pq))
	return append(out, after...), err
}
