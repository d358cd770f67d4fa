package configs

import (
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every value reads back from its own text, which is the shortest exact one in
// the allowed units.
func TestUnitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]reflect.Type{freqType, bytesType, bandwidthType, powerType, voltageType, durationType}).Draw(t, "type")
		v := reflect.New(typ).Elem()
		switch {
		case v.CanInt():
			v.SetInt(rapid.Int64Min(0).Draw(t, "value"))
		case v.CanUint():
			v.SetUint(rapid.Uint64().Draw(t, "value"))
		default:
			v.SetFloat(rapid.Float64Min(0).Draw(t, "value"))
		}
		text := scalarText(v)
		back, err := quantities[typ](text)
		if err != nil || !back.Equal(v) {
			t.Fatalf("%v is written as %q and read as %v, %v", v, text, back, err)
		}
		if !regexp.MustCompile(quantityPattern(unitsOf[typ])).MatchString(text) {
			t.Fatalf("the schema does not accept %q", text)
		}
		if v.CanFloat() {
			return
		}
		for _, u := range unitsOf[typ] {
			n := new(big.Rat).SetInt(mustInt(fmt.Sprint(v.Convert(reflect.TypeFor[uint64]()).Interface())))
			if n.Cmp(big.NewRat(u.num, 1)) < 0 {
				continue
			}
			n.Quo(n, big.NewRat(u.num, 1))
			other := strings.TrimSuffix(strings.TrimRight(n.FloatString(9), "0"), ".") + " " + u.name
			if back, err := quantities[typ](other); err == nil && back.Equal(v) && len(other) < len(text) {
				t.Fatalf("%q is longer than %q", text, other)
			}
		}
	})
}

func mustInt(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 10)
	return n
}

// What is written as a number and a unit is read exactly or refused, and the
// schema's pattern takes what the parser takes.
func TestUnitsParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]reflect.Type{freqType, bytesType, bandwidthType, powerType, voltageType, durationType}).Draw(t, "type")
		u := rapid.SampledFrom(unitsOf[typ]).Draw(t, "unit")
		number := rapid.StringMatching(`(0|[1-9][0-9]{0,20})(\.[0-9]{1,12})?`).Draw(t, "number")
		text := number + rapid.SampledFrom([]string{"", " "}).Draw(t, "blank") + u.name
		want, _ := new(big.Rat).SetString(number)
		want.Mul(want, big.NewRat(u.num, u.den))
		if !regexp.MustCompile(quantityPattern(unitsOf[typ])).MatchString(text) {
			t.Fatalf("the schema does not accept %q", text)
		}
		v, err := quantities[typ](text)
		switch {
		case v.CanFloat():
			f, _ := want.Float64()
			if err != nil || v.Float() != f {
				t.Fatalf("%q is read as %v, %v", text, v, err)
			}
		case err != nil:
			limit := mustInt("18446744073709551615")
			if v.CanInt() {
				limit = mustInt("9223372036854775807")
			}
			if want.IsInt() && want.Num().Cmp(limit) <= 0 {
				t.Fatal(err)
			}
		default:
			if n := mustInt(fmt.Sprint(v.Convert(reflect.TypeFor[uint64]()).Interface())); want.Cmp(new(big.Rat).SetInt(n)) != 0 {
				t.Fatalf("%q is read as %v", text, n)
			}
		}
	})
}

// Anything else is refused by parser and schema alike.
func TestUnitsRefuse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]reflect.Type{freqType, bytesType, bandwidthType, powerType, voltageType, durationType}).Draw(t, "type")
		text := rapid.OneOf(
			rapid.String(),
			rapid.StringMatching(`[-+0-9.eE_ ]{0,8} {0,2}[kMGTi]{0,2}(Hz|B|W|s|B/s|)`),
		).Draw(t, "text")
		_, err := quantities[typ](text)
		matches := regexp.MustCompile(quantityPattern(unitsOf[typ])).MatchString(text)
		if err == nil && !matches {
			t.Fatalf("the schema refuses %q", text)
		}
		if err != nil && matches && !strings.Contains(err.Error(), "whole number") && !strings.Contains(err.Error(), "too large") {
			t.Fatalf("the schema accepts %q: %v", text, err)
		}
		if err != nil && !strings.Contains(err.Error(), "allowed units: ") {
			t.Fatalf("%v: no allowed units", err)
		}
	})
}
