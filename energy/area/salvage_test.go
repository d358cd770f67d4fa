package area

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Without units that may be off the integral is the negative binomial itself, and with
// all of them off only what lies outside counts.
func TestSalvagedAtItsEnds(t *testing.T) {
	for _, alpha := range []float64{2, 3, 10} {
		none := salvaged(800, 0.12, alpha, spares{"SM", 84, 0, 5})
		if want := yield(800, 0.12, alpha); math.Abs(none-want) > 1e-12 {
			t.Errorf("alpha %g: %g of dies without spares, want %g", alpha, none, want)
		}
		all := salvaged(800, 0.12, alpha, spares{"SM", 84, 84, 5})
		if want := yield(800-84*5, 0.12, alpha); math.Abs(all/want-1) > 1e-4 {
			t.Errorf("alpha %g: %g of dies with all SMs off, want %g", alpha, all, want)
		}
		last := none
		for off := 1; off < 12; off++ {
			y := salvaged(800, 0.12, alpha, spares{"SM", 84, off, 5})
			if !(y > last) || y > all {
				t.Errorf("alpha %g: %d spares give %g, %d gave %g", alpha, off, y, off-1, last)
			}
			last = y
		}
	}
}

// Dice: defects thrown one by one onto dies.
func TestSalvagedAgainstDice(t *testing.T) {
	const dies, mm2, density, alpha = 200_000, 800.0, 0.12, 3
	s := spares{"SM", 84, 4, 5}
	rng := rand.New(rand.NewPCG(3, 4))
	good := 0
	for range dies {
		d := 0.0 // gamma of mean 1 and a whole alpha: a sum of exponentials
		for range alpha {
			d += rng.ExpFloat64() / alpha
		}
		hit, dead := map[int]bool{}, false
		for at := rng.ExpFloat64(); at < d*density*mm2/100; at += rng.ExpFloat64() {
			where := rng.Float64() * mm2
			if unit := int(where / s.mm2); unit < s.units {
				hit[unit] = true
			} else {
				dead = true
			}
		}
		if !dead && len(hit) <= s.off {
			good++
		}
	}
	want := float64(good) / dies
	if got := salvaged(mm2, density, alpha, s); math.Abs(got-want) > 0.004 {
		t.Errorf("%.4f of dies can be sold, by dice %.4f", got, want)
	}
}

// V100 and A100 sell dies with SMs off: that raises their yield by more than the spare
// SMs cost in area.
func TestSparesPay(t *testing.T) {
	for _, name := range []string{"volta", "ampere"} {
		l := of(t, name)
		c := l.Cost()
		t.Logf("%s: %d of %d SMs spare, %.0f mm2; %.0f %% good, %.0f %% perfect; $%.0f, without spares $%.0f at %.0f %%",
			name, c.Spare, c.Units, c.SpareMM2, c.YieldPct, c.PerfectPct, c.USD, c.BareUSD, c.BarePct)
		if c.YieldPct <= c.PerfectPct || c.USD >= c.BareUSD {
			t.Errorf("%s: spares do not pay: %+v", name, c)
		}
	}
}
