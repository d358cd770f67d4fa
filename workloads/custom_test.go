package workloads

import (
	"strings"
	"testing"
)

func TestCustomErrors(t *testing.T) {
	const good = "cols: 4\ninputs: [x]\noutput: y = x + 1\n"
	if _, err := readCustom("f", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                                    "f: empty file",
		"- 1":                                 "f:1: want keys",
		"cols: 4\ninputs: [x]":                "f:1: output is missing",
		"cols: 0\ninputs: [x]\noutput: y = x": "f:1: cols=0 is out of range",
		"cols: 4\ninputs: [x]\noutptu: y = x": `f:3: unknown key "outptu" (did you mean "output"?)`,
		"cols: 4\ninputs: x\noutput: y = x":   "f:2: inputs: want a list",
		"cols: 4\ninputs: [\"x: up\"]\noutput: y = x":        "f:2: inputs: want NAME, NAME: row or NAME: col",
		"cols: 4\ninputs: [x]\noutput: y":                    "f:3: output: want NAME = FORMULA",
		"cols: 4\ninputs: [x]\noutput: x = 1":                "f:3: output: x has a meaning already",
		"cols: 4\ninputs: [x]\noutput: y = x +":              "f:3: output: y: column 5: the formula ends too early",
		"cols: 4\ninputs: [x]\noutput: y = (x":               "f:3: output: y: column 4: want )",
		"cols: 4\ninputs: [x]\noutput: y = x x":              `f:3: output: y: column 4: unexpected "x"`,
		"cols: 4\ninputs: [x]\noutput: y = epx(x)":           `unknown function "epx" (did you mean "exp"?)`,
		"cols: 4\ninputs: [x]\noutput: y = sinh(x)":          `f:3: output: y: column 7: unknown function "sinh" (allowed: abs, erf, exp, `,
		"cols: 4\ninputs:\n  - x\n  - x: row\noutput: y = x": "f:4: inputs: x stands twice",
		"cols: 4\ninputs: [x]\noutput: y = max(x)":           "max takes 2 arguments, not 1",
		"cols: 4\ninputs: [x]\nlet: [a = b]\noutput: y=x":    `f:3: let: a: nothing is called "b" before this line`,
		"cols: 4\ninputs: [x]\noutput: y = x\ncols: 5":       "f:",
		"cols: 4\ninputs: [x]\ndtype: int8\noutput: y=x $":   `unexpected "$"`,
	} {
		if _, err := readCustom("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func FuzzExpr(f *testing.F) {
	for _, s := range []string{"x + 1", "-(a*b)^2/exp(c)", "select(x-1, 2e-3, max(y, 1.5))", "((((", "1..2", "rowsum(x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := ParseExpr(s); (e == nil) == (err == nil) {
			t.Errorf("%q: %v and %v", s, e, err)
		}
	})
}

func FuzzCustom(f *testing.F) {
	f.Add("cols: 4\ninputs: [x]\nlet:\n  - a = x\noutput: y = a + 1\n")
	f.Add("cols: 4\ninputs: [{w: row}, x]\noutput: y = x*w\n")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := readCustom("f", []byte(s)); (c == nil) == (err == nil) {
			t.Errorf("%q: %v and %v", s, c, err)
		}
	})
}
