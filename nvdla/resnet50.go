package nvdla

// sheetResNet50 is ResNet-50 as the performance sheet lists it: projections of a
// stage's first block with stride 2, its first 1 x 1 too, pooling fused.
func sheetResNet50() (out []SheetLayer) {
	add := func(c, h, k, r, stride, pooled int, elementwise bool) int {
		p := ceilDiv(h, stride)
		size := p
		if pooled > 0 {
			size = pooled
		}
		out = append(out, SheetLayer{C: c, H: h, W: h, K: k, R: r, S: r, SamePad: true, StrideH: stride, StrideW: stride, OutH: size, OutW: size, Elementwise: elementwise})
		return p
	}
	add(3, 224, 64, 7, 2, 56, false)
	c, h := 64, 56
	for stage, blocks := range []int{3, 4, 6, 3} {
		width := 64 << stage
		for b := range blocks {
			stride := 1
			if b == 0 && stage > 0 {
				stride = 2
			}
			if b == 0 {
				add(c, h, 4*width, 1, stride, 0, false)
			}
			in := c
			if b == 0 && stage == 0 {
				in = 4 * width // the sheet gives the projection's output to the block's first layer
			}
			h = add(in, h, width, 1, stride, 0, false)
			add(width, h, width, 3, 1, 0, false)
			pooled := 0
			if stage == 3 && b == blocks-1 {
				pooled = 1
			}
			add(width, h, 4*width, 1, 1, pooled, true)
			c = 4 * width
		}
	}
	return append(out, SheetLayer{C: 2048, H: 1, W: 1, K: 1000, R: 1, S: 1, StrideH: 1, StrideW: 1, OutH: 1, OutW: 1, FC: true})
}

// SheetImagesPerSecond is ResNet-50 by the performance sheet, layer after layer.
func SheetImagesPerSecond(c SheetConfig) float64 {
	cycles := 0.0
	for i, l := range sheetResNet50() {
		rules := SheetResNet50
		if i == 0 {
			rules = SheetFirst
		}
		cycles += Sheet(l, c, rules).Cycles
	}
	return c.MHz * 1e6 / cycles
}
