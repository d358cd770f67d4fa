package workloads

import "fmt"

// convPoolKind is a convolution with its bias and ReLU and the max pooling behind it in
// one kernel, as an inference compiler begins networks of bytes.
var convPoolKind = layerKind{
	name: KindConvPool,
	fields: []layerField{
		imageN, imageC, imageH, imageW, sizeKey("k", "", func(l *Layer) *int { return &l.K }),
		sizeKey("r", "", func(l *Layer) *int { return &l.R }), sizeKey("s", "", func(l *Layer) *int { return &l.S }),
		sizeKey("stride", "1", func(l *Layer) *int { return &l.Stride }),
		{key: "pad", def: "0", zero: true, size: func(l *Layer) *int { return &l.Pad }},
		sizeKey("pool", "", func(l *Layer) *int { return &l.Pool }), sizeKey("pool_stride", "", func(l *Layer) *int { return &l.PoolStride }),
		{key: "pool_pad", def: "0", zero: true, size: func(l *Layer) *int { return &l.PoolPad }},
		wordKey("dtype", "int8", func(l *Layer) *string { return &l.DType }, "int8"),
		wordKey("layout", LayoutVectC, func(l *Layer) *string { return &l.Layout }, LayoutVectC),
	},
	types: []string{"int8"},
	check: func(l *Layer) error {
		switch {
		case l.C > convPoolChannels:
			return fmt.Errorf("c=%d (allowed: 1..%d, as a first layer has)", l.C, convPoolChannels)
		case l.K != convPoolFilters:
			return fmt.Errorf("k=%d (allowed: %d)", l.K, convPoolFilters)
		case l.R > convPoolTaps || l.S > convPoolTaps:
			return fmt.Errorf("a filter of %dx%d (allowed: up to %dx%d)", l.R, l.S, convPoolTaps, convPoolTaps)
		case l.Stride > 2:
			return fmt.Errorf("stride=%d (allowed: 1, 2)", l.Stride)
		case l.Pool > 3 || l.PoolStride < 2:
			return fmt.Errorf("pool=%d with pool_stride=%d (allowed: windows of up to 3 points in steps of 2 and more)", l.Pool, l.PoolStride)
		case l.PoolPad >= l.Pool:
			return fmt.Errorf("pool_pad=%d leaves windows of %d points that see padding alone", l.PoolPad, l.Pool)
		case l.ConvP() < 1 || l.ConvQ() < 1 || l.P() < 1 || l.Q() < 1:
			return fmt.Errorf("the output is empty: %dx%d points with padding %d, a filter of %dx%d, windows of %d", l.H, l.W, l.Pad, l.R, l.S, l.Pool)
		case float64(l.N)*float64(l.K)*float64(l.ConvP())*float64(l.ConvQ()) > MaxDim: // some machines run the two
			return fmt.Errorf("what is pooled, %dx%dx%dx%d, has more than 2^31 elements", l.N, l.K, l.ConvP(), l.ConvQ())
		}
		return nil
	},
	count: (*Layer).countConvPool, batch: images,
	forms: []Form{{"convpool:n=16,c=3,h=224,w=224,k=64,r=7,s=7,stride=2,pad=3,pool=3,pool_stride=2,pool_pad=1", "first layer in int8: convolution, bias, ReLU and max pooling in one kernel"}},
}

// What kernels of this kind take: points of four bytes, all filters at a time.
const (
	convPoolChannels = 4
	convPoolFilters  = 64
	convPoolTaps     = 7
)

// ConvPool is a convolution and the pooling of its result as one layer; false if there is
// none that does both.
func ConvPool(conv, pool Workload) (Workload, bool) {
	c, l := conv.Conv, pool.Layer
	if c == nil || l == nil || l.Kind != KindPool || l.Op != "max" || l.Pass != PassForward || c.Pass != PassForward || c.DType != "int8" || l.DType != "int8" || c.Layout != LayoutVectC {
		return Workload{}, false
	}
	square := c.PadH == c.PadW && c.StrideH == c.StrideW && l.R == l.S
	if !square || c.DilH*c.DilW != 1 || c.Groups != 1 || c.Epilogue != EpilogueBias+"+"+EpilogueReLU || l.N != c.N || l.C != c.K || l.H != c.P() || l.W != c.Q() {
		return Workload{}, false
	}
	w, err := OfLayer(Layer{
		Kind: KindConvPool, N: c.N, C: c.C, H: c.H, W: c.W, K: c.K, R: c.R, S: c.S, Stride: c.StrideH, Pad: c.PadH,
		Pool: l.R, PoolStride: l.Stride, PoolPad: l.Pad, DType: c.DType,
	})
	return w, err == nil
}

// Apart is a convpool as the two layers that it is.
func (l *Layer) Apart() (conv, pool Workload, err error) {
	conv, err = OfConv(Conv{
		N: l.N, C: l.C, H: l.H, W: l.W, K: l.K, R: l.R, S: l.S, PadH: l.Pad, PadW: l.Pad, StrideH: l.Stride, StrideW: l.Stride,
		DType: l.DType, Layout: l.Layout, Epilogue: EpilogueBias + "+" + EpilogueReLU,
	})
	if err != nil {
		return conv, pool, err
	}
	pool, err = OfLayer(Layer{
		Kind: KindPool, Op: "max", N: l.N, C: l.K, H: l.ConvP(), W: l.ConvQ(), R: l.Pool, S: l.Pool, Stride: l.PoolStride, Pad: l.PoolPad,
		DType: l.DType, Layout: l.Layout,
	})
	return conv, pool, err
}

// P and Q are the height and width of the output of a layer that pools.
func (l *Layer) P() int {
	if l.Kind == KindConvPool {
		return outputs(l.ConvP(), l.Pool, l.PoolPad, l.PoolStride, 1)
	}
	return outputs(l.H, l.R, l.Pad, l.Stride, 1)
}

func (l *Layer) Q() int {
	if l.Kind == KindConvPool {
		return outputs(l.ConvQ(), l.Pool, l.PoolPad, l.PoolStride, 1)
	}
	return outputs(l.W, l.S, l.Pad, l.Stride, 1)
}

// ConvP and ConvQ are the height and width of the convolution that convpool pools.
func (l *Layer) ConvP() int { return outputs(l.H, l.R, l.Pad, l.Stride, 1) }
func (l *Layer) ConvQ() int { return outputs(l.W, l.S, l.Pad, l.Stride, 1) }

func (l *Layer) countPool() (ops, bytes float64, ok bool) {
	out := float64(l.N) * float64(l.C) * float64(l.P()) * float64(l.Q())
	bytes = (l.points() + out) * l.elem()
	if l.Op == "max" && l.Pass == PassBackward {
		bytes += 4 * out // where the maxima were
	}
	return out * float64(l.R*l.S), bytes, true
}

// countConvPool counts both layers' operations, and the bytes of what is read and of what
// is pooled: of as many channels as the images have, not the four of a point in memory.
func (l *Layer) countConvPool() (ops, bytes float64, ok bool) {
	out := float64(l.N) * float64(l.K) * float64(l.P()) * float64(l.Q())
	points := float64(l.N) * float64(l.K) * float64(l.ConvP()) * float64(l.ConvQ())
	taps := float64(l.C * l.R * l.S)
	return 2*points*taps + out*float64(l.Pool*l.Pool), l.points() + taps*float64(l.K) + float64(l.K) + out, points < 1<<52
}
