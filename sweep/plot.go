package sweep

import (
	"fmt"
	"math"
	"strings"

	"gpusim/report"
)

// Extents of a panel in pixels.
const (
	panelW, panelH         = 460, 360
	left, right, up, below = 72, 16, 28, 52
)

// plot draws the points and the front as an SVG file: a panel for each pair of
// objectives, axes logarithmic. Grey is the space, blue the front of the first level where there
// are two, red the front.
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
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", cols*panelW, rows*panelH)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for n, p := range pairs {
		r.panel(&b, float64(n%cols*panelW), float64(n/cols*panelH), p[0], p[1])
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
	front := values(r.Front)
	span := func(o int) (lo, hi float64) {
		lo, hi = math.Inf(1), math.Inf(-1)
		for _, set := range [][][]float64{r.Sample, r.SampleFront, front} {
			for _, v := range set {
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
		x := sx.at(t)
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
			x, sy.from, x, sy.to, x, sy.from+16, report.Human(t))
	}
	for _, t := range ticks(yl, yh) {
		y := sy.at(t)
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n",
			sx.from, y, sx.to, y, sx.from-5, y+4, report.Human(t))
	}
	name := func(o int) string {
		n := r.Objectives[o]
		return fmt.Sprintf("%s (%s)", n, objectives[n].unit)
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", (sx.from+sx.to)/2, sy.from+36, name(i))
	fmt.Fprintf(b, `<text transform="translate(%.1f,%.1f) rotate(-90)" text-anchor="middle">%s</text>`+"\n", x0+16, (sy.from+sy.to)/2, name(j))
	dots := func(set [][]float64, style string, radius float64) {
		fmt.Fprintf(b, `<g %s>`+"\n", style)
		for _, v := range set {
			if x, y := sx.at(v[i]), sy.at(v[j]); !math.IsNaN(x+y) && !math.IsInf(x+y, 0) {
				fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%g"/>`+"\n", x, y, radius)
			}
		}
		b.WriteString("</g>\n")
	}
	dots(r.Sample, `fill="#bbb"`, 1.6)
	if len(r.Levels) > 1 {
		dots(r.SampleFront, `fill="none" stroke="#1f5fbf"`, 3.5)
	}
	dots(front, `fill="#c22"`, 3)
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
