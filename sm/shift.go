package sm

import "math"

// Phases say which part of the main loop a CTA is in when others are in theirs, where the
// scheduler does not serve all alike. Iterations that are simulated are few, so CTAs
// that are hundreds of iterations apart would be so close that one finds in L2 what
// another has loaded. Each CTA reads its operands further on by an offset of its own;
// what it does stays the same.
//
// CTAs that begin side by side, one on each SM, keep in step but for what they drift
// apart, see Drift; others are far away.
type Phases struct {
	Beside int // CTAs that begin side by side; 0: all have the same phase
	Slots  int // CTAs that the GPU holds at once
	Line   int // iterations that share what L2 fetches at once, of which offsets are whole ones
	Drift  Drift
	// Of CTAs [From, At) each stands for more than itself, those up to At+By.
	From, At, By int
}

// Drift is how far CTAs that have begun in step are apart after a number of iterations
// of each place for a CTA: at first Rate times as many, in the end no more than Most.
// It is a standard deviation, in iterations.
type Drift struct {
	Rate, Most float64
}

// Apart is the standard deviation after so many iterations.
func (d *Drift) Apart(trips float64) float64 {
	if d.Most <= 0 {
		return 0
	}
	return d.Most * (1 - math.Exp(-d.Rate*trips/d.Most))
}

// shift is how many iterations further on a CTA reads its operands, and after how many
// it begins again: the last iteration of a loop loads nothing ahead.
func (p *Phases) shift(index int, trips int32) (shift, round int32) {
	line := int64(max(1, p.Line))
	n := int64(trips-1) / line * line
	if p.Beside == 0 || n < 2*line {
		return 0, 0
	}
	const golden = 0x9e3779b9 // parts of 2^32: multiples of it are spread evenly
	at := int64(uint64(uint32(index/p.Beside)*golden) * uint64(n) >> 32)
	stands := index
	if index >= p.From && index < p.At {
		stands = p.From + (index-p.From)*(p.At+p.By-p.From)/(p.At-p.From)
	}
	apart := p.Drift.Apart(float64(stands) / float64(p.Slots) * float64(trips))
	at += int64(math.Round(apart * normal(uint64(index))))
	at = ((at % n) + n) % n
	return int32(at / line * line), int32(n)
}

// normal is a number of mean 0 and standard deviation 1 for each index, nearly normally
// distributed: the sum of four evenly distributed ones.
func normal(index uint64) float64 {
	h := (index + 1) * 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	sum := 0.0
	for ; h > 0; h >>= 16 {
		sum += float64(h & 0xffff)
	}
	return (sum/0x10000 - 2) * math.Sqrt(3)
}

// reads is the iteration whose operands a warp reads now.
func (w *warp) reads(u *uop) int32 {
	d := w.cta.shift
	if d == 0 || u.class != clLDG && u.class != clCopy {
		return w.iter
	}
	at := w.iter + d
	if at >= w.cta.round {
		at -= w.cta.round
	}
	return at
}
