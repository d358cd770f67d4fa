package nvdla

import (
	"fmt"
	"math"

	"gpusim/configs"
)

// Mode is how a convolution runs.
type Mode string

// Modes of the convolution core.
const (
	Direct   Mode = "direct"
	Image    Mode = "image"    // few channels, taken from pixels as they lie in memory
	Winograd Mode = "winograd" // 3 x 3 kernels of stride 1
	Batch    Mode = "batch"    // fully connected: images share the weights
)

// Conv is a convolution for the accelerator: N images; P and Q are the size of
// the output, so that padding may differ from side to side.
type Conv struct {
	N, C, H, W, K, R, S int
	P, Q                int
	StrideH, StrideW    int
	DilH, DilW          int
	Groups              int
	ElemBytes           int     // 1: int8; 2: int16 and fp16
	Density             float64 // of weights that are not 0; 1 or 0: not compressed
	Add                 bool    // a tensor of the output's size is added
	Mode                Mode    // "": the fastest that the accelerator has
}

// LackError says what the accelerator lacks for a layer.
type LackError struct{ Lacks string }

func (e *LackError) Error() string { return e.Lacks }

func lacks(format string, a ...any) error { return &LackError{fmt.Sprintf(format, a...)} }

// MACs are the multiplications of the direct convolution.
func (c *Conv) MACs() float64 {
	return float64(c.N) * float64(c.K) * float64(c.P*c.Q) * float64(c.C/c.Groups) * float64(c.R*c.S)
}

// plan is a convolution as hardware layers.
type plan struct {
	mode  Mode
	atomK int
	ops   []op
	reads float64 // bytes of input, if each image is fetched once
}

// modes are those that a convolution can run in, in the order of trying.
func modes(n *configs.NVDLA, c *Conv) []Mode {
	fc := c.P*c.Q == 1 && c.N > 1
	var out []Mode
	if fc && n.Features.MaxBatch > 1 {
		out = append(out, Batch)
	}
	if c.C <= 4 && c.Groups == 1 && c.DilH == 1 && c.DilW == 1 {
		out = append(out, Image)
	}
	if n.Features.Winograd && c.R == 3 && c.S == 3 && c.StrideH == 1 && c.StrideW == 1 && c.DilH == 1 && c.DilW == 1 {
		out = append(out, Winograd)
	}
	return append(out, Direct)
}

// newPlan maps a convolution. If it has to be cut, parts says whether the input of
// one slice is in the buffer or those of two: then the next one's comes while one
// is used, but there are more of them, and weights that do not stay come for each.
func newPlan(n *configs.NVDLA, c *Conv, parts int) (*plan, error) {
	try := modes(n, c)
	if c.Mode != "" {
		ok := false
		for _, m := range try {
			ok = ok || m == c.Mode
		}
		if !ok {
			return nil, lacks("no %s mode for this convolution", c.Mode)
		}
		try = []Mode{c.Mode}
	}
	if c.Add && !n.Features.Elementwise {
		return nil, lacks("no element-wise unit to add a tensor")
	}
	var best *plan
	var why error
	for _, m := range try {
		p, err := planMode(n, c, m, parts)
		if err != nil {
			why = err
			continue
		}
		if best == nil || p.work() < best.work() {
			best = p
		}
	}
	if best == nil {
		return nil, why
	}
	return best, nil
}

// work is the cycles of the MAC array alone.
func (p *plan) work() (cycles int) {
	for i := range p.ops {
		cycles += p.ops[i].work(p.atomK)
	}
	return cycles
}

// output is the cycles of the single-point processor alone.
func (p *plan) output(n *configs.NVDLA) (cycles int) {
	for i := range p.ops {
		o := &p.ops[i]
		for _, a := range o.atoms {
			cycles += len(o.kernels) * a * o.spread * o.pointCycles(n, p.atomK)
		}
	}
	return cycles
}

// shape is one convolution group of one image in the accelerator's terms.
type shape struct {
	channels  int // of the group
	rowBytes  int // of one line of the input, in the buffer
	lineBytes int // of one line of the input, in memory
	kernBytes int
	packages  int
	spread    int
	lines     bool // stripes end with lines of the output
}

func planMode(n *configs.NVDLA, c *Conv, m Mode, parts int) (*plan, error) {
	e := c.ElemBytes
	p := &plan{mode: m, atomK: n.AtomicK}
	atomC := n.AtomicC // elements of a package's channels
	if e == 2 {
		p.atomK = max(1, n.AtomicK/2)
	}
	cg, kg := c.C/c.Groups, c.K/c.Groups
	memAtom := max(1, n.MemoryAtom/e) // channels that lie together
	s := shape{channels: cg, spread: 1}
	s.lineBytes = c.W * ceilDiv(cg, memAtom) * n.MemoryAtom
	s.rowBytes = s.lineBytes
	blocks := ceilDiv(cg, atomC)
	s.packages = c.R * c.S * blocks
	weights := cg * c.R * c.S
	switch m {
	case Image:
		// The taps of a row are neighbours in memory: they count as channels. Two or
		// four rows go together if they fit a package.
		ext := c.S * cg
		rows := 1
		for _, y := range []int{2, 4} {
			if ext*y <= atomC && c.StrideW*cg*y <= atomC {
				rows = y
			}
		}
		s.packages = ceilDiv(c.R, rows) * ceilDiv(ext, atomC)
		s.lineBytes = c.W * 4 * e // pixels of four components
		s.rowBytes = c.W * cg * e
		s.lines = true
	case Winograd:
		s.packages = ceilDiv(cg*16, atomC) // 4 x 4 points of a channel
		s.spread = 4
		weights = cg * 16
	}
	s.kernBytes = weights * e
	if n.Features.Compression && c.Density > 0 && c.Density < 1 {
		// Weights that are not 0, and a bit for each.
		s.kernBytes = int(math.Ceil(float64(weights*e)*c.Density)) + ceilDiv(weights, 8)
	}
	images := c.N
	if m == Batch {
		images = ceilDiv(c.N, n.Features.MaxBatch)
	}
	for g := range c.Groups {
		begin := len(p.ops)
		for i := range images {
			batch, image := 1, i
			if m == Batch {
				image = i * n.Features.MaxBatch
				batch = min(n.Features.MaxBatch, c.N-image)
			}
			first := len(p.ops)
			if err := p.add(n, c, &s, kg, batch, parts); err != nil {
				return nil, err
			}
			for k := range p.ops[first:] {
				o := &p.ops[first+k]
				o.image, o.images, o.convGroup = image, batch, g
			}
		}
		p.keepWeights(n, begin, kg)
	}
	return p, nil
}

// keepWeights lets the hardware layers from begin on, which have the same weights,
// hand them on if all of them fit beside each one's input.
func (p *plan) keepWeights(n *configs.NVDLA, begin, kg int) {
	ops := p.ops[begin:]
	for i := range ops {
		if ops[i].dataBytes+kg*ops[i].kernBytes > n.CBUF.Total() {
			return
		}
	}
	for i := range ops {
		ops[i].keep, ops[i].kept = i < len(ops)-1, i > 0
	}
}

// add plans one convolution group: as one hardware layer if its input and two
// kernel groups' weights fit the buffer, else in slices of lines (see newPlan).
func (p *plan) add(n *configs.NVDLA, c *Conv, s *shape, kg, batch, parts int) error {
	room := n.CBUF.Total()
	up := func(bytes int) int { return ceilDiv(bytes, int(n.CBUF.Width)) * int(n.CBUF.Width) }
	reach := (c.R-1)*c.DilH + 1
	rows := func(p int) int { return min(c.H, (p-1)*c.StrideH+reach) }
	tile := 1
	if s.spread == 4 {
		tile = 2 // Winograd makes two lines of the output at a time
	}
	least := batch * up(rows(tile)*s.rowBytes)
	// A kernel group, or as many kernels of it as fit.
	group := min(p.atomK, kg)
	for group > 1 && least+group*up(s.kernBytes) > room {
		group--
	}
	if least+group*up(s.kernBytes) > room {
		return lacks("no room in the convolution buffer: %d lines of the input take %d bytes, a kernel %d, the buffer has %d",
			rows(tile), least, s.kernBytes, room)
	}
	groups := kernelGroups(kg, group)
	minWeights := min(2, len(groups)) * group * up(s.kernBytes)
	if least+minWeights > room {
		minWeights = group * up(s.kernBytes)
	}
	cut := cutting{lines: c.P, tile: tile, rows: rows, bytes: func(lines int) int { return batch * up(lines*s.rowBytes) }, minWeights: minWeights, room: room}
	whole := cut.bytes(c.H)+minWeights <= room // lines that no output needs are fetched too
	slice := c.P
	if !whole {
		slice = cut.slice(parts)
	}
	slices := ceilDiv(c.P, slice)
	for i := range slices {
		lines := min(slice, c.P-i*slice)
		first := i * slice
		o := op{kernels: groups, kernBytes: up(s.kernBytes), packages: s.packages, spread: s.spread, firstLine: first, lines: lines, partial: !whole}
		height := c.H
		if !whole {
			height = rows(lines)
		}
		o.dataBytes = batch * up(height*s.rowBytes)
		o.loadBytes = batch * height * s.lineBytes
		switch {
		case s.lines:
			for range lines {
				o.atoms = append(o.atoms, lineStripes(c.Q, p.atomK)...)
			}
		case batch > 1:
			o.atoms = []int{batch}
		default:
			o.atoms = stripes(ceilDiv(lines, tile)*ceilDiv(c.Q, tile), p.atomK)
		}
		o.atomOut = ceilDiv(min(p.atomK, kg)*c.ElemBytes, n.MemoryAtom) * n.MemoryAtom
		if c.Add {
			o.addBytes = o.atomOut
		}
		p.ops = append(p.ops, o)
		p.reads += float64(o.loadBytes)
	}
	return nil
}

// cutting is a layer whose input and weights do not fit the buffer together.
type cutting struct {
	lines, tile int // of the output, and how many are made at a time
	rows        func(lines int) int
	bytes       func(rows int) int // that rows of the input take
	minWeights  int                // bytes of the weights that must be there
	room        int
}

// slice is how many lines of the output a hardware layer makes: as many as let
// the input of one or of two slices stay.
func (c *cutting) slice(parts int) int {
	fits := func(lines int) bool { return parts*c.bytes(c.rows(lines))+c.minWeights <= c.room }
	if !fits(c.tile) {
		parts = 1
	}
	lines := c.tile
	for lines+c.tile <= c.lines && fits(lines+c.tile) {
		lines += c.tile
	}
	return lines
}

// lineStripes cuts a line of an image: full stripes, then the rest.
func lineStripes(q, atomK int) (out []int) {
	for ; q > 2*atomK; q -= 2 * atomK {
		out = append(out, 2*atomK)
	}
	return append(out, q)
}

// kernelGroups cuts kernels into groups.
func kernelGroups(k, size int) (out []int) {
	for ; k > size; k -= size {
		out = append(out, size)
	}
	return append(out, k)
}
