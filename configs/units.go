package configs

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Freq is a frequency in Hz.
type Freq uint64

// Bytes is a size in bytes.
type Bytes int64

// Bandwidth is a rate in bytes per second.
type Bandwidth uint64

// Power is a power in watts.
type Power float64

// Voltage is a supply voltage in microvolts.
type Voltage uint64

// Duration is a time in picoseconds.
type Duration uint64

// unit is one unit of a quantity: its size in the quantity's base unit.
type unit struct {
	name string
	num  int64
	den  int64 // above 1 only for parts of the base unit
}

// The units of each quantity, largest first; where two are equally short the
// first wins in String, so binary sizes stand before decimal ones.
var (
	freqUnits  = []unit{{"GHz", 1e9, 1}, {"MHz", 1e6, 1}, {"kHz", 1e3, 1}, {"Hz", 1, 1}}
	bytesUnits = []unit{{"TiB", 1 << 40, 1}, {"GiB", 1 << 30, 1}, {"MiB", 1 << 20, 1}, {"KiB", 1 << 10, 1},
		{"TB", 1e12, 1}, {"GB", 1e9, 1}, {"MB", 1e6, 1}, {"kB", 1e3, 1}, {"B", 1, 1}}
	rateUnits = []unit{{"TB/s", 1e12, 1}, {"GB/s", 1e9, 1}, {"MB/s", 1e6, 1}, {"kB/s", 1e3, 1},
		{"TiB/s", 1 << 40, 1}, {"GiB/s", 1 << 30, 1}, {"MiB/s", 1 << 20, 1}, {"KiB/s", 1 << 10, 1}, {"B/s", 1, 1}}
	powerUnits = []unit{{"kW", 1e3, 1}, {"W", 1, 1}, {"mW", 1, 1e3}, {"uW", 1, 1e6}}
	voltUnits  = []unit{{"V", 1e6, 1}, {"mV", 1e3, 1}, {"uV", 1, 1}}
	timeUnits  = []unit{{"s", 1e12, 1}, {"ms", 1e9, 1}, {"us", 1e6, 1}, {"ns", 1e3, 1}, {"ps", 1, 1}}
)

// ParseFreq reads a frequency such as "1.53 GHz". The value must be a whole
// number of Hz; the error names the allowed units.
func ParseFreq(s string) (Freq, error) {
	v, err := parseWhole(s, freqUnits, math.MaxUint64)
	return Freq(v), err
}

// ParseBytes reads a size such as "6 MiB" or "16 GB". The value must be a
// whole number of bytes; the error names the allowed units.
func ParseBytes(s string) (Bytes, error) {
	v, err := parseWhole(s, bytesUnits, math.MaxInt64)
	return Bytes(v), err
}

// ParseBandwidth reads a rate such as "900 GB/s". The value must be a whole
// number of bytes per second; the error names the allowed units.
func ParseBandwidth(s string) (Bandwidth, error) {
	v, err := parseWhole(s, rateUnits, math.MaxUint64)
	return Bandwidth(v), err
}

// ParseDuration reads a time such as "85 ns". The value must be a whole number
// of picoseconds; the error names the allowed units.
func ParseDuration(s string) (Duration, error) {
	v, err := parseWhole(s, timeUnits, math.MaxUint64)
	return Duration(v), err
}

// ParseVoltage reads a voltage such as "0.85 V". The value must be a whole
// number of microvolts; the error names the allowed units.
func ParseVoltage(s string) (Voltage, error) {
	v, err := parseWhole(s, voltUnits, math.MaxUint64)
	return Voltage(v), err
}

// ParsePower reads a power such as "300 W" and rounds it to the nearest
// float64; the error names the allowed units.
func ParsePower(s string) (Power, error) {
	r, _, err := parseQuantity(s, powerUnits)
	if err != nil {
		return 0, err
	}
	f, _ := r.Float64()
	return Power(f), nil
}

// parseWhole reads a quantity that must be a whole number of base units, at
// most limit.
func parseWhole(s string, units []unit, limit uint64) (uint64, error) {
	r, u, err := parseQuantity(s, units)
	if err != nil {
		return 0, err
	}
	base := units[len(units)-1].name
	if !r.IsInt() {
		if u.name == base {
			return 0, fmt.Errorf("%q is not a whole number of %s (allowed units: %s)", s, base, unitNames(units))
		}
		return 0, fmt.Errorf("%q is %s %s, not a whole number (allowed units: %s)", s, r.FloatString(3), base, unitNames(units))
	}
	if n := r.Num(); !n.IsUint64() || n.Uint64() > limit {
		return 0, fmt.Errorf("%q is too large (at most %d %s; allowed units: %s)", s, limit, base, unitNames(units))
	}
	return r.Num().Uint64(), nil
}

// parseQuantity splits "NUMBER UNIT" and multiplies exactly. The space may be
// missing; a sign, an exponent or a second space may not be there.
func parseQuantity(s string, units []unit) (*big.Rat, unit, error) {
	bad := func(format string, a ...any) (*big.Rat, unit, error) {
		return nil, unit{}, fmt.Errorf("%s (allowed units: %s)", fmt.Sprintf(format, a...), unitNames(units))
	}
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
		n++
	}
	number, name := s[:n], strings.TrimPrefix(s[n:], " ")
	whole, frac, point := strings.Cut(number, ".")
	switch {
	case whole == "" || point && frac == "" || strings.Contains(frac, "."):
		return bad("%q is not a number with a unit", s)
	case len(number) > 1200: // a float64 in full needs up to 1075
		return bad("%q has too many digits", s)
	case len(whole) > 1 && whole[0] == '0':
		return bad("%q has a leading zero", s)
	case name == "":
		return bad("%q has no unit", s)
	}
	for _, u := range units {
		if u.name != name {
			continue
		}
		r, ok := new(big.Rat).SetString(number)
		if !ok {
			return bad("%q is not a number with a unit", s)
		}
		return r.Mul(r, big.NewRat(u.num, u.den)), u, nil
	}
	var names []string
	for _, u := range units {
		names = append(names, u.name)
	}
	if near, ok := nearest(name, names); ok {
		return bad("%q has the unknown unit %q, did you mean %q?", s, name, near)
	}
	return bad("%q has the unknown unit %q", s, name)
}

func unitNames(units []unit) string {
	names := make([]string, len(units))
	for i, u := range units {
		names[len(units)-1-i] = u.name
	}
	return strings.Join(names, ", ")
}

// String gives the frequency with the unit that makes it shortest; ParseFreq
// reads it back exactly.
func (f Freq) String() string { return formatWhole(uint64(f), freqUnits) }

// String gives the size with the unit that makes it shortest, binary units
// first; ParseBytes reads it back exactly.
func (b Bytes) String() string {
	if b < 0 {
		return "-" + formatWhole(-uint64(b), bytesUnits)
	}
	return formatWhole(uint64(b), bytesUnits)
}

// String gives the rate with the unit that makes it shortest; ParseBandwidth
// reads it back exactly.
func (b Bandwidth) String() string { return formatWhole(uint64(b), rateUnits) }

// String gives the time with the unit that makes it shortest; ParseDuration
// reads it back exactly.
func (d Duration) String() string { return formatWhole(uint64(d), timeUnits) }

// String gives the voltage with the unit that makes it shortest; ParseVoltage
// reads it back exactly.
func (v Voltage) String() string { return formatWhole(uint64(v), voltUnits) }

// String gives the power in watts; ParsePower reads it back exactly.
func (p Power) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + " W" }

// formatWhole writes v exactly in the unit with the shortest text among those
// that it reaches.
func formatWhole(v uint64, units []unit) string {
	base := strconv.FormatUint(v, 10) + " " + units[len(units)-1].name
	best := base
	for _, u := range units {
		if v < uint64(u.num) {
			continue
		}
		s, exact := decimal(v, uint64(u.num))
		if !exact {
			continue
		}
		s += " " + u.name
		if len(s) < len(best) || len(s) == len(best) && best == base {
			best = s
		}
	}
	return best
}

// decimal writes v/den with up to nine decimals and says whether that is exact.
func decimal(v, den uint64) (string, bool) {
	whole, part := v/den, v%den
	if part == 0 {
		return strconv.FormatUint(whole, 10), true
	}
	high, low := bits.Mul64(part, 1e9)
	billionths, rest := bits.Div64(high, low, den)
	if rest != 0 {
		return "", false
	}
	return strconv.FormatUint(whole, 10) + "." + strings.TrimRight(fmt.Sprintf("%09d", billionths), "0"), true
}
