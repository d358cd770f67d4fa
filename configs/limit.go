package configs

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// rangeText is the allowed range as errors and the schema print it.
func (f *field) rangeText() string {
	switch {
	case len(f.allowed) > 0:
		return strings.Join(f.allowed, ", ")
	case f.min != "" && f.max != "":
		return f.min + ".." + f.max
	}
	return ""
}

// inRange compares a decoded number with the min and max tags.
func (f *field) inRange(v reflect.Value) bool {
	for _, b := range []struct {
		text string
		sign int
	}{{f.min, -1}, {f.max, 1}} {
		if b.text == "" {
			continue
		}
		limit, err := parseLimit(b.text, v.Type())
		if err != nil || compare(v, limit) == b.sign {
			return false
		}
	}
	return true
}

// limit is a min or max tag of a type.
type limit struct {
	text string
	of   reflect.Type
}

// parseLimit reads a min or max tag as a value of type t.
func parseLimit(s string, t reflect.Type) (reflect.Value, error) {
	if known, ok := limits.Load(limit{s, t}); ok {
		return known.(reflect.Value), nil
	}
	v, err := readLimit(s, t)
	if err == nil {
		limits.Store(limit{s, t}, v)
	}
	return v, err
}

func readLimit(s string, t reflect.Type) (reflect.Value, error) {
	if parse, ok := quantities[t]; ok {
		return parse(s)
	}
	v := reflect.New(t).Elem()
	if t.Kind() == reflect.Int {
		i, err := strconv.ParseInt(s, 10, 64)
		v.SetInt(i)
		return v, err
	}
	if t.Kind() == reflect.Float64 {
		x, err := strconv.ParseFloat(s, 64)
		v.SetFloat(x)
		return v, err
	}
	return v, fmt.Errorf("type %s has no range", t)
}

func compare(a, b reflect.Value) int {
	var less, more bool
	switch a.Kind() {
	case reflect.Int, reflect.Int64:
		less, more = a.Int() < b.Int(), a.Int() > b.Int()
	case reflect.Uint64:
		less, more = a.Uint() < b.Uint(), a.Uint() > b.Uint()
	default:
		less, more = a.Float() < b.Float(), a.Float() > b.Float()
	}
	switch {
	case less:
		return -1
	case more:
		return 1
	}
	return 0
}
