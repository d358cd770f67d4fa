package sweep

import (
	"fmt"
	"math"
	"strings"

	"gpusim/configs"
)

// An expression is a formula over values of a point's machine, for linked keys and
// constraints: numbers with or without a unit, names (keys of the machine file,
// axes, derived values), + - * / ^, comparisons, and, or, not, and functions.
// Comparisons are 1 or 0.
//
// base(x) is x on the base machine; same(x) holds where x is within 1 % of base(x),
// same(x, 5%) within 5 %.
type expr struct {
	eval func(env *env) (float64, error)
	text string
}

// env is what names mean: on a point, and on the base.
type env struct {
	value func(name string) (float64, error)
	base  *env // nil: this is the base
}

func (e *env) onBase() *env {
	if e.base == nil {
		return e
	}
	return e.base
}

// defaultTolerance is that of same().
const defaultTolerance = 0.01

var functions = map[string]struct {
	least, most int
	of          func(args []float64) float64
}{
	"min":   {2, 2, func(a []float64) float64 { return math.Min(a[0], a[1]) }},
	"max":   {2, 2, func(a []float64) float64 { return math.Max(a[0], a[1]) }},
	"abs":   {1, 1, func(a []float64) float64 { return math.Abs(a[0]) }},
	"sqrt":  {1, 1, func(a []float64) float64 { return math.Sqrt(a[0]) }},
	"log2":  {1, 1, func(a []float64) float64 { return math.Log2(a[0]) }},
	"floor": {1, 1, func(a []float64) float64 { return math.Floor(a[0]) }},
	"ceil":  {1, 1, func(a []float64) float64 { return math.Ceil(a[0]) }},
	"round": {1, 1, func(a []float64) float64 { return math.Round(a[0]) }},
	"base":  {1, 1, nil},
	"same":  {1, 2, nil},
}

// parseExpr reads an expression; known is asked whether a name means something, and gives
// the reason if not. Errors name the column, from 1.
func parseExpr(text string, known func(name string) error) (*expr, error) {
	p := &exprParser{s: text, known: known}
	e, err := p.or(0)
	if err == nil {
		if p.space(); p.at < len(p.s) {
			err = p.fail("unexpected %q", p.s[p.at:p.at+1])
		}
	}
	if err != nil {
		return nil, err
	}
	return &expr{eval: e, text: text}, nil
}

type evaluate = func(*env) (float64, error)

type exprParser struct {
	s     string
	at    int
	known func(string) error
}

const deepest = 100

func (p *exprParser) fail(format string, a ...any) error {
	return fmt.Errorf("column %d: %s", p.at+1, fmt.Sprintf(format, a...))
}

func (p *exprParser) space() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\t') {
		p.at++
	}
}

// take reads one of some operators, the longest that fits.
func (p *exprParser) take(ops ...string) string {
	p.space()
	for _, o := range ops {
		if strings.HasPrefix(p.s[p.at:], o) {
			if isWord(o[0]) && p.at+len(o) < len(p.s) && isWord(p.s[p.at+len(o)]) {
				continue
			}
			p.at += len(o)
			return o
		}
	}
	return ""
}

// binary gives what two operands joined by an operator come to.
func binary(a, b evaluate, of func(x, y float64) float64) evaluate {
	return func(e *env) (float64, error) {
		x, err := a(e)
		if err != nil {
			return 0, err
		}
		y, err := b(e)
		return of(x, y), err
	}
}

func zero(*env) (float64, error) { return 0, nil }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var operators = map[string]func(x, y float64) float64{
	"+": func(x, y float64) float64 { return x + y }, "-": func(x, y float64) float64 { return x - y },
	"*": func(x, y float64) float64 { return x * y }, "/": func(x, y float64) float64 { return x / y }, "^": math.Pow,
	"<": func(x, y float64) float64 { return truth(x < y) }, "<=": func(x, y float64) float64 { return truth(x <= y) },
	">": func(x, y float64) float64 { return truth(x > y) }, ">=": func(x, y float64) float64 { return truth(x >= y) },
	"==": func(x, y float64) float64 { return truth(x == y) }, "!=": func(x, y float64) float64 { return truth(x != y) },
	"and": func(x, y float64) float64 { return truth(x != 0 && y != 0) }, "or": func(x, y float64) float64 { return truth(x != 0 || y != 0) },
}

func (p *exprParser) chain(depth int, next func(int) (evaluate, error), ops ...string) (evaluate, error) {
	if depth > deepest {
		return nil, p.fail("nested more than %d deep", deepest)
	}
	left, err := next(depth + 1)
	for err == nil {
		op := p.take(ops...)
		if op == "" {
			return left, nil
		}
		var right evaluate
		if right, err = next(depth + 1); err == nil {
			left = binary(left, right, operators[op])
		}
	}
	return nil, err
}

func (p *exprParser) or(d int) (evaluate, error)  { return p.chain(d, p.and, "or") }
func (p *exprParser) and(d int) (evaluate, error) { return p.chain(d, p.not, "and") }
func (p *exprParser) not(d int) (evaluate, error) {
	if d > deepest {
		return nil, p.fail("nested more than %d deep", deepest)
	}
	if p.take("not") == "" {
		return p.compare(d + 1)
	}
	e, err := p.not(d + 1)
	if err != nil {
		return nil, err
	}
	return binary(zero, e, operators["=="]), nil
}
func (p *exprParser) compare(d int) (evaluate, error) {
	return p.chain(d, p.sum, "<=", ">=", "==", "!=", "<", ">")
}
func (p *exprParser) sum(d int) (evaluate, error)     { return p.chain(d, p.product, "+", "-") }
func (p *exprParser) product(d int) (evaluate, error) { return p.chain(d, p.unary, "*", "/") }

func (p *exprParser) unary(d int) (evaluate, error) {
	if d > deepest {
		return nil, p.fail("nested more than %d deep", deepest)
	}
	if p.take("-") != "" {
		e, err := p.unary(d + 1)
		if err != nil {
			return nil, err
		}
		return binary(zero, e, operators["-"]), nil
	}
	e, err := p.atom(d + 1)
	if err != nil || p.take("^") == "" {
		return e, err
	}
	power, err := p.unary(d + 1)
	if err != nil {
		return nil, err
	}
	return binary(e, power, math.Pow), nil
}

func (p *exprParser) atom(d int) (evaluate, error) {
	if p.take("(") != "" {
		e, err := p.or(d + 1)
		if err == nil && p.take(")") == "" {
			err = p.fail("want )")
		}
		return e, err
	}
	p.space()
	from := p.at
	switch {
	case p.at == len(p.s):
		return nil, p.fail("the expression ends too early")
	case p.s[p.at] >= '0' && p.s[p.at] <= '9':
		return p.number()
	case !isWord(p.s[p.at]):
		return nil, p.fail("want a number, a name or (, not %q", p.s[p.at:p.at+1])
	}
	for p.at < len(p.s) && (isWord(p.s[p.at]) || p.s[p.at] == '.') {
		p.at++
	}
	name := p.s[from:p.at]
	if p.take("(") != "" {
		return p.call(name, from, d)
	}
	if err := p.known(name); err != nil {
		p.at = from
		return nil, p.fail("%v", err)
	}
	return func(e *env) (float64, error) { return e.value(name) }, nil
}

// call reads a function's arguments.
func (p *exprParser) call(name string, from, d int) (evaluate, error) {
	f, ok := functions[name]
	if !ok {
		var names []string
		for n := range functions {
			names = append(names, n)
		}
		p.at = from
		return nil, p.fail("unknown function %q%s", name, meant(name, sortedCopy(names)))
	}
	var args []evaluate
	for {
		e, err := p.or(d + 1)
		if err != nil {
			return nil, err
		}
		if args = append(args, e); p.take(",") == "" {
			break
		}
	}
	if p.take(")") == "" {
		return nil, p.fail("want ) or ,")
	}
	if len(args) < f.least || len(args) > f.most {
		return nil, p.fail("%s takes %d arguments, not %d", name, f.least, len(args))
	}
	switch name {
	case "base":
		return func(e *env) (float64, error) { return args[0](e.onBase()) }, nil
	case "same":
		return func(e *env) (float64, error) {
			tolerance := defaultTolerance
			var err error
			if len(args) > 1 {
				if tolerance, err = args[1](e); err != nil {
					return 0, err
				}
			}
			is, err := args[0](e)
			if err != nil {
				return 0, err
			}
			was, err := args[0](e.onBase())
			return truth(math.Abs(is-was) <= tolerance*math.Abs(was)), err
		}, nil
	}
	return func(e *env) (float64, error) {
		v := make([]float64, len(args))
		for i, a := range args {
			var err error
			if v[i], err = a(e); err != nil {
				return 0, err
			}
		}
		return f.of(v), nil
	}, nil
}

// number reads a number with or without a unit, or a percentage.
func (p *exprParser) number() (evaluate, error) {
	from := p.at
	digits := func() {
		for p.at < len(p.s) && (p.s[p.at] >= '0' && p.s[p.at] <= '9' || p.s[p.at] == '.') {
			p.at++
		}
	}
	digits()
	if p.at < len(p.s) && p.s[p.at] == 'e' {
		p.at++
		if p.at < len(p.s) && (p.s[p.at] == '-' || p.s[p.at] == '+') {
			p.at++
		}
		digits()
	}
	text := p.s[from:p.at]
	if p.take("%") != "" {
		v, err := configs.ParseQuantity(text)
		return func(*env) (float64, error) { return v / 100, nil }, err
	}
	// A unit is a word behind the number, perhaps with /s.
	end := p.at
	p.space()
	word := p.at
	for p.at < len(p.s) && isWord(p.s[p.at]) {
		p.at++
	}
	if strings.HasPrefix(p.s[p.at:], "/s") && (p.at+2 == len(p.s) || !isWord(p.s[p.at+2])) {
		p.at += 2
	}
	if unit := p.s[word:p.at]; unit != "" && unit != "and" && unit != "or" {
		v, err := configs.ParseQuantity(text + " " + unit)
		if err != nil {
			p.at = from
			return nil, p.fail("%v", err)
		}
		return func(*env) (float64, error) { return v, nil }, nil
	}
	p.at = end
	v, err := configs.ParseQuantity(text)
	if err != nil {
		p.at = from
		return nil, p.fail("%v", err)
	}
	return func(*env) (float64, error) { return v, nil }, nil
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
