package validate

import (
	"fmt"
	"math"
	"strconv"
)

// size reads a whole number of 1 or more; an empty or missing column gives def,
// or is a mistake if def is below 0.
func (r *record) size(column string, def int) int {
	v := r.number(column, float64(def))
	if v != math.Trunc(v) || v > 1<<31 || v < 0 || v == 0 && def != 0 {
		r.fail("%s: %q is not a whole number of 1 or more", column, r.text(column))
		return 1
	}
	return int(v)
}

// number reads a number of 0 or more; def as for size.
func (r *record) number(column string, def float64) float64 {
	s := r.text(column)
	if s == "" {
		if def < 0 {
			r.fail("%s: empty", column)
			return 1
		}
		return def
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0) || math.IsInf(v, 0) {
		r.fail("%s: %q is not a number of 0 or more", column, s)
		return 1
	}
	return v
}

// measured reads a figure above 0.
func (r *record) measured(column string) float64 {
	v := r.number(column, -1)
	if v == 0 {
		r.fail("%s: 0 is no measured value", column)
	}
	return v
}

func (r *record) fail(format string, a ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, a...)
	}
}
