package sweep

import (
	"fmt"
	"math"
	"strings"

	"gpusim/report"
)

// Extents in pixels: of the title and the legend, of a panel, and of a letter.
const (
	head                   = 52
	panelW, panelH         = 460, 348
	left, right, up, below = 92, 16, 16, 52
	letterW, letterH       = 7.6, 12
)

// layer is one kind of points in the picture.
type layer struct {
	name, style string
	radius      float64
	points      [][]float64
}

// layers are what is drawn, from below: the space, the front of the first level where there
// are two, and the front.
func (r *Result) layers() []layer {
	all := layer{"all points", `fill="#999"`, 1.6, r.Sample}
	front := layer{"Pareto front", `fill="#c22"`, 3, values(r.Front)}
	if len(r.Levels) < 2 {
		return []layer{all, front}
	}
	one, two := " ("+r.Levels[0].Level+")", " ("+r.Levels[1].Level+")"
	first := layer{"Pareto front" + one, `fill="none" stroke="#1f5fbf"`, 3.5, r.SampleFront}
	all.name, front.name = all.name+one, front.name+two
	return []layer{all, first, front}
}

// plot draws the points and the front as an SVG file: a panel for each pair of
// objectives, axes logarithmic.
func (r *Result) plot() []byte {
	var pairs [][2]int
	for i := range r.Objectives {
		for j := i + 1; j < len(r.Objectives); j++ {
			pairs = append(pairs, [2]int{i, j})
		}
	}
	if len(pairs) == 0 {
		pairs = [][2]int{{0, 0}}
	}
	cols := min(3, len(pairs))
	rows := (len(pairs) + cols - 1) / cols
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="%d">`+"\n", cols*panelW, head+rows*panelH, letterH)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	fmt.Fprintf(&b, `<text x="16" y="22" font-size="15">%s: variants of %s</text>`+"\n", r.Space.spec.Name, r.Space.machine.Name)
	x := 20.0
	for _, l := range r.layers() {
		fmt.Fprintf(&b, `<circle %s cx="%.1f" cy="38" r="%g"/><text x="%.1f" y="42">%s</text>`+"\n", l.style, x, l.radius, x+8, l.name)
		x += 28 + letterW*float64(len(l.name))
	}
	for n, p := range pairs {
		r.panel(&b, float64(n%cols*panelW), float64(head+n/cols*panelH), p[0], p[1])
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// scale maps logarithms to pixels.
type scale struct{ lo, hi, from, to float64 }

func (s scale) at(v float64) float64 {
	return s.from + (math.Log10(math.Abs(v))-s.lo)/(s.hi-s.lo)*(s.to-s.from)
}

func (r *Result) panel(b *strings.Builder, x0, y0 float64, i, j int) {
	span := func(o int) (lo, hi float64) {
		lo, hi = math.Inf(1), math.Inf(-1)
		for _, set := range r.layers() {
			for _, v := range set.points {
				if l := math.Log10(math.Abs(v[o])); !math.IsInf(l, 0) && !math.IsNaN(l) {
					lo, hi = math.Min(lo, l), math.Max(hi, l)
				}
			}
		}
		if lo > hi {
			lo, hi = 0, 1
		}
		margin := math.Max(0.05*(hi-lo), 0.01)
		return lo - margin, hi + margin
	}
	xl, xh := span(i)
	yl, yh := span(j)
	sx := scale{xl, xh, x0 + left, x0 + panelW - right}
	sy := scale{yl, yh, y0 + panelH - below, y0 + up}
	fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="none" stroke="#444"/>`+"\n", sx.from, sy.to, sx.to-sx.from, sy.from-sy.to)
	for _, t := range ticks(xl, xh) {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", sx.at(t), sy.from, sx.at(t), sy.to)
	}
	for _, t := range apart(ticks(xl, xh), sx, x0+panelW, func(t float64) float64 { return letterW * float64(len(label(t))) }) {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", sx.at(t), sy.from+16, label(t))
	}
	for _, t := range ticks(yl, yh) {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", sx.from, sy.at(t), sx.to, sy.at(t))
	}
	for _, t := range apart(ticks(yl, yh), sy, math.Inf(1), func(float64) float64 { return letterH }) {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", sx.from-5, sy.at(t)+4, label(t))
	}
	name := func(o int) string {
		n := r.Objectives[o]
		return fmt.Sprintf("%s (%s)", n, objectives[n].unit)
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", (sx.from+sx.to)/2, sy.from+36, name(i))
	fmt.Fprintf(b, `<text transform="translate(%.1f,%.1f) rotate(-90)" text-anchor="middle">%s</text>`+"\n", x0+16, (sy.from+sy.to)/2, name(j))
	for _, l := range r.layers() {
		fmt.Fprintf(b, `<g %s>`+"\n", l.style)
		for _, v := range l.points {
			if x, y := sx.at(v[i]), sy.at(v[j]); !math.IsNaN(x+y) && !math.IsInf(x+y, 0) {
				fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%g"/>`+"\n", x, y, l.radius)
			}
		}
		b.WriteString("</g>\n")
	}
}

// label is a tick's number without zeros behind the point.
func label(t float64) string {
	s := report.Human(t)
	if strings.Contains(s, ".") && !strings.Contains(s, "e") {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// apart are the ticks whose labels, so large along the axis, neither touch each other nor
// reach beyond the end; powers of ten come first.
func apart(ticks []float64, s scale, end float64, size func(float64) float64) (out []float64) {
	for _, decades := range []bool{true, false} {
		for _, t := range ticks {
			l := math.Log10(t)
			free := decades == (math.Abs(l-math.Round(l)) < 1e-9) && s.at(t)+size(t)/2 <= end
			for _, o := range out {
				free = free && math.Abs(s.at(t)-s.at(o)) >= (size(t)+size(o))/2+4
			}
			if free {
				out = append(out, t)
			}
		}
	}
	return out
}

// ticks are round values between two logarithms: 1, 2 and 5 of each decade, or more
// where less than a decade is shown.
func ticks(lo, hi float64) (out []float64) {
	steps := []float64{1, 2, 5}
	switch {
	case hi-lo > 4:
		steps = []float64{1}
	case hi-lo < 0.15:
		steps = nil
		for v := 1.0; v < 10; v += 0.1 {
			steps = append(steps, v)
		}
	case hi-lo < 0.5:
		steps = []float64{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9}
	case hi-lo < 1:
		steps = []float64{1, 1.5, 2, 3, 5, 7}
	}
	for d := math.Floor(lo); d <= hi; d++ {
		for _, s := range steps {
			v := s * math.Pow(10, d)
			if l := math.Log10(v); l >= lo && l <= hi {
				out = append(out, v)
			}
		}
	}
	for len(out) > 9 {
		half := out[:0]
		for i := 0; i < len(out); i += 2 {
			half = append(half, out[i])
		}
		out = half
	}
	return out
}
