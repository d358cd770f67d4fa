package workloads

import (
	"fmt"
	"strconv"
	"strings"
)

// Conv is a two-dimensional convolution layer: N images of C channels and
// H x W points, K filters of R x S. Its three passes are the forward one and
// the gradients of the input and of the filters.
type Conv struct {
	N, C, H, W       int
	K, R, S          int
	PadH, PadW       int
	StrideH, StrideW int
	DilH, DilW       int
	Groups           int
	DType, Acc       string
	Pass             string // fwd, bwd_data, bwd_weight
	Layout           string // of images: nchw, nhwc, or nchw_vect_c (four int8 channels to a word)
	Epilogue         string // what the kernel does to the output before it writes it: steps such as bias+relu; empty for none
	Algo             string // forces an algorithm; empty lets the library choose
}

// Passes and layouts of convolutions.
const (
	PassForward = "fwd"
	PassData    = "bwd_data"
	PassWeight  = "bwd_weight"

	LayoutNCHW  = "nchw"
	LayoutNHWC  = "nhwc"
	LayoutVectC = "nchw_vect_c"
)

var (
	passes  = []string{PassForward, PassData, PassWeight}
	layouts = []string{LayoutNCHW, LayoutNHWC, LayoutVectC}
)

// P and Q are the height and width of the output, 0 or less if the filter does
// not fit the padded input.
func (c *Conv) P() int { return outputs(c.H, c.R, c.PadH, c.StrideH, c.DilH) }
func (c *Conv) Q() int { return outputs(c.W, c.S, c.PadW, c.StrideW, c.DilW) }

func outputs(size, filter, pad, stride, dil int) int {
	room := size + 2*pad - dil*(filter-1) - 1
	if room < 0 {
		return 0
	}
	return room/stride + 1
}

// OfConv checks a convolution and fills in what is left empty: strides,
// dilations and groups of one, the forward pass, the accumulator and NCHW.
func OfConv(c Conv) (Workload, error) {
	fail := func(format string, a ...any) (Workload, error) {
		return Workload{}, &Error{Text: c.typed(), Reason: fmt.Sprintf(format, a...)}
	}
	for _, d := range []*int{&c.StrideH, &c.StrideW, &c.DilH, &c.DilW, &c.Groups} {
		if *d == 0 {
			*d = 1
		}
	}
	if c.Pass == "" {
		c.Pass = PassForward
	}
	if c.Layout == "" {
		c.Layout = LayoutNCHW
	}
	for _, d := range []struct {
		key string
		v   int
		low int
	}{
		{"n", c.N, 1}, {"c", c.C, 1}, {"h", c.H, 1}, {"w", c.W, 1}, {"k", c.K, 1}, {"r", c.R, 1}, {"s", c.S, 1},
		{"pad_h", c.PadH, 0}, {"pad_w", c.PadW, 0}, {"stride_h", c.StrideH, 1}, {"stride_w", c.StrideW, 1},
		{"dilation_h", c.DilH, 1}, {"dilation_w", c.DilW, 1}, {"groups", c.Groups, 1},
	} {
		if d.v < d.low || d.v > maxConvDim {
			return fail("%s=%d is out of range (allowed %d..%d)", d.key, d.v, d.low, maxConvDim)
		}
	}
	var err error
	if c.DType, err = DType(c.DType); err != nil {
		return fail("%v", err)
	}
	if c.Acc, err = Accumulator(c.DType, c.Acc); err != nil {
		return fail("%v", err)
	}
	switch {
	case !contains(passes, c.Pass):
		return fail("pass=%s (allowed: %s)", c.Pass, strings.Join(passes, ", "))
	case !contains(layouts, c.Layout):
		return fail("layout=%s (allowed: %s)", c.Layout, strings.Join(layouts, ", "))
	case c.C%c.Groups != 0 || c.K%c.Groups != 0:
		return fail("groups=%d does not divide c=%d and k=%d", c.Groups, c.C, c.K)
	case c.P() < 1 || c.Q() < 1:
		return fail("the output is empty: a %dx%d filter (dilation %dx%d) does not fit %dx%d points with padding %dx%d",
			c.R, c.S, c.DilH, c.DilW, c.H, c.W, c.PadH, c.PadW)
	}
	if c.Epilogue, err = epilogue(c.Epilogue); err != nil {
		return fail("%v", err)
	}
	if c.Epilogue != "" && c.Pass != PassForward {
		return fail("epilogue=%s belongs to pass=fwd, not to pass=%s", c.Epilogue, c.Pass)
	}
	if err := kernelName(c.Algo); err != nil {
		return fail("algo: %v", err)
	}
	if _, ok := product(2, c.N, c.K, c.P(), c.Q(), c.C/c.Groups, c.R, c.S); !ok {
		return fail("needs more than 2^63 operations")
	}
	for _, t := range [][]int{{c.N, c.C, c.H, c.W}, {c.N, c.K, c.P(), c.Q()}, {c.K, c.C, c.R, c.S}} {
		if v, ok := product(elemBytes[c.DType], t[0], t[1], t[2], t[3]); !ok || v > MaxDim*int64(elemBytes[c.DType]) {
			return fail("a tensor of %dx%dx%dx%d has more than 2^31 elements", t[0], t[1], t[2], t[3])
		}
	}
	return Of(&c), nil
}

// maxConvDim bounds each size, so that products of a few fit 64 bits.
const maxConvDim = 1 << 24

// String gives the canonical long form.
func (c *Conv) String() string {
	s := fmt.Sprintf("conv:n=%d,c=%d,h=%d,w=%d,k=%d,r=%d,s=%d,pad_h=%d,pad_w=%d,stride_h=%d,stride_w=%d,dilation_h=%d,dilation_w=%d,groups=%d,dtype=%s,acc=%s,pass=%s,layout=%s",
		c.N, c.C, c.H, c.W, c.K, c.R, c.S, c.PadH, c.PadW, c.StrideH, c.StrideW, c.DilH, c.DilW, c.Groups, c.DType, c.Acc, c.Pass, c.Layout)
	if c.Epilogue != "" {
		s += ",epilogue=" + c.Epilogue
	}
	if c.Algo != "" {
		s += ",algo=" + c.Algo
	}
	return s
}

// typed is the convolution as far as it is known, for error messages.
func (c *Conv) typed() string {
	return fmt.Sprintf("conv:n=%d,c=%d,h=%d,w=%d,k=%d,r=%d,s=%d", c.N, c.C, c.H, c.W, c.K, c.R, c.S)
}

// Short leaves out everything that is a default.
func (c *Conv) Short() string {
	s := c.typed()
	two := func(key string, h, w, def int) {
		switch {
		case h == def && w == def:
		case h == w:
			s += fmt.Sprintf(",%s=%d", key, h)
		default:
			s += fmt.Sprintf(",%s_h=%d,%s_w=%d", key, h, key, w)
		}
	}
	two("pad", c.PadH, c.PadW, 0)
	two("stride", c.StrideH, c.StrideW, 1)
	two("dilation", c.DilH, c.DilW, 1)
	if c.Groups != 1 {
		s += ",groups=" + strconv.Itoa(c.Groups)
	}
	s += ",dtype=" + c.DType
	if acc, _ := Accumulator(c.DType, ""); c.Acc != acc {
		s += ",acc=" + c.Acc
	}
	if c.Pass != PassForward {
		s += ",pass=" + c.Pass
	}
	if c.Layout != LayoutNCHW {
		s += ",layout=" + c.Layout
	}
	if c.Epilogue != "" {
		s += ",epilogue=" + c.Epilogue
	}
	if c.Algo != "" {
		s += ",algo=" + c.Algo
	}
	return s
}

// Ops counts multiply and add as two, of the direct convolution with the taps
// that fall into the padding.
func (c *Conv) Ops() int64 {
	p, _ := product(2, c.N, c.K, c.P(), c.Q(), c.C/c.Groups, c.R, c.S) // OfConv has checked that it fits
	return p
}

// Bytes is the size of input, filters and output in memory, each once, and of
// what the epilogue reads.
func (c *Conv) Bytes() float64 {
	out := float64(c.N) * float64(c.K) * float64(c.P()) * float64(c.Q())
	n := float64(c.N)*float64(c.C)*float64(c.H)*float64(c.W) + out +
		float64(c.K)*float64(c.C/c.Groups)*float64(c.R)*float64(c.S) +
		epilogueElements(c.Epilogue, float64(c.K), out)
	return n * float64(elemBytes[c.DType])
}

// Type is the type of the elements.
func (c *Conv) Type() string { return c.DType }

// Batches is the number of images.
func (c *Conv) Batches() int { return c.N }

// Unforced is the convolution without an algorithm.
func (c *Conv) Unforced() Shape {
	u := *c
	u.Algo = ""
	return &u
}

var convKeys = []string{
	"n", "c", "h", "w", "k", "r", "s", "pad", "pad_h", "pad_w", "stride", "stride_h", "stride_w",
	"dilation", "dilation_h", "dilation_w", "groups", "dtype", "acc", "pass", "layout", "epilogue", "algo",
}

// convKind reads what stands behind "conv:".
var convKind = kind{
	name: KindConv,
	parse: func(rest string) (Workload, error) {
		c := Conv{N: 1, DType: "fp32"}
		if err := pairs(rest, convKeys, convKeys[1:7], map[string]bool{}, c.set); err != nil {
			return Workload{}, err
		}
		return OfConv(c)
	},
	forms: []Form{
		{"conv:n=16,c=64,h=56,w=56,k=64,r=3,s=3,pad=1,dtype=fp16", "convolution: n images of c channels, k filters of r x s"},
		{"  stride=2,dilation=1", "for both directions, like pad; pad_h, pad_w, stride_h ... for each"},
		{"  groups=32", "of channels (default 1)"},
		{"  pass=fwd", "fwd, bwd_data (gradient of the input), bwd_weight (default fwd)"},
		{"  layout=nhwc", "of images: nchw, nhwc, nchw_vect_c (default nchw)"},
		{"  epilogue=bias+add+relu", "done to the output before it is written: bias, add (of a second tensor), relu or gelu (default none)"},
		{"  algo=NAME", "forces an algorithm of the library"},
	},
}

// set assigns one key.
func (c *Conv) set(key, value string) (err error) {
	sizes := map[string][]*int{
		"n": {&c.N}, "c": {&c.C}, "h": {&c.H}, "w": {&c.W}, "k": {&c.K}, "r": {&c.R}, "s": {&c.S}, "groups": {&c.Groups},
		"stride": {&c.StrideH, &c.StrideW}, "stride_h": {&c.StrideH}, "stride_w": {&c.StrideW},
		"dilation": {&c.DilH, &c.DilW}, "dilation_h": {&c.DilH}, "dilation_w": {&c.DilW},
		"pad": {&c.PadH, &c.PadW}, "pad_h": {&c.PadH}, "pad_w": {&c.PadW},
	}
	if to, ok := sizes[key]; ok {
		least := 1
		if strings.HasPrefix(key, "pad") {
			least = 0
		}
		v, err := wholeNumber(key, value, least)
		for _, p := range to {
			*p = v
		}
		return err
	}
	switch key {
	case "dtype":
		c.DType, err = DType(value)
	case "acc":
		c.Acc = value // checked when the type is known
	case "pass":
		c.Pass = strings.ToLower(value)
	case "layout":
		c.Layout = strings.ToLower(value)
	case "epilogue":
		c.Epilogue = value
	case "algo":
		c.Algo = value
	}
	return err
}
