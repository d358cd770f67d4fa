package nvdla

// Derive finds stride, padding and dilation of a convolution of which only the
// number of output points is known: the least dilation, then strides, then
// padding that give it. The pipeline's time depends on the points alone. False:
// there are none.
func Derive(c Conv, points int, dilated bool) (Conv, bool) {
	first := 1
	if dilated {
		first = 2
	}
	for dil := first; dil <= 4; dil++ {
		for strides := 2; strides <= 16; strides++ {
			for pads := 0; pads <= 16; pads++ {
				for sh := 1; sh < strides; sh++ {
					for ph := range pads + 1 {
						o := c
						o.StrideH, o.StrideW, o.DilH, o.DilW = sh, strides-sh, dil, dil
						o.P, o.Q = out(c.H, c.R, ph, o.StrideH, dil), out(c.W, c.S, pads-ph, o.StrideW, dil)
						if o.P > 0 && o.Q > 0 && o.P*o.Q == points {
							return o, true
						}
					}
				}
			}
		}
	}
	return c, false
}

// out is the size of the output with pad points on both sides together.
func out(size, filter, pad, stride, dil int) int {
	room := size + pad - dil*(filter-1) - 1
	if room < 0 {
		return 0
	}
	return room/stride + 1
}
