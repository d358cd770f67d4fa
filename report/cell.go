package report

import (
	"math"
	"strconv"
	"strings"
)

// cell is one value of a table. Empty text means that it does not apply.
type cell struct {
	text   string
	number bool
}

func text(s string) cell { return cell{text: s} }

// num writes a float: whole numbers in full, others with twelve significant
// digits, which is more than any model knows and less than the last bits that
// differ between processor architectures. NaN and infinities are empty.
func num(v float64) cell {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return cell{number: true}
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return cell{strconv.FormatFloat(v+0, 'f', -1, 64), true} // +0 turns -0 into 0
	}
	return cell{strconv.FormatFloat(v, 'g', 12, 64), true}
}

func count(v uint64) cell { return cell{strconv.FormatUint(v, 10), true} }

// positive leaves out a zero that means "not known".
func positive(v int) cell {
	if v <= 0 {
		return cell{number: true}
	}
	return cell{strconv.Itoa(v), true}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// human writes a number for reading: four significant digits, thousands
// separated, a dash where it does not apply.
func human(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	if v == 0 {
		return "0"
	}
	exp := math.Floor(math.Log10(math.Abs(v)))
	if exp < -4 || exp > 11 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	decimals := max(0, min(3-int(exp), 6))
	if exp >= 0 {
		decimals = min(decimals, 2)
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, frac, point := strings.Cut(s, ".")
	digits := strings.TrimPrefix(whole, "-")
	sign := whole[:len(whole)-len(digits)]
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if point {
		return sign + digits + "." + frac
	}
	return sign + digits
}
