package gemm

// walk is the order in which a grid of gx M tiles and gy N tiles is walked: from the
// number of a CTA to its tile.
func (c *Config) walk(gx, gy int) func(i int) (x, y int) {
	switch strip := min(c.Swizzle, gy); {
	case c.Blocks:
		return blocks(gx, gy)
	case strip > 1:
		return strips(gx, gy, strip)
	}
	return func(i int) (x, y int) { return i % gx, i / gx }
}

// strips walks strips of so many N tiles one after another, so that the CTAs of a wave
// share more.
func strips(gx, gy, strip int) func(i int) (x, y int) {
	return func(i int) (x, y int) {
		y = i / (gx * strip) * strip
		i %= gx * strip
		width := min(strip, gy-y)
		return i / width, y + i%width
	}
}

// blocks walks blocks of two by two tiles along M. An odd number of M tiles leaves them
// one wide, one of N tiles makes a block of all of them.
func blocks(gx, gy int) func(i int) (x, y int) {
	wide, high := 2-gx%2, 2
	if gy%2 == 1 {
		high = gy
	}
	return func(i int) (x, y int) {
		block, in := i/(wide*high), i%(wide*high)
		along := gx / wide
		return block%along*wide + in%wide, block/along*high + in/wide
	}
}
