package workloads

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Expr is a formula of a custom kernel: a number, a name, or a function of others.
// Operators are functions too: add, sub, mul, div, pow, neg.
type Expr struct {
	Number float64
	Name   string
	Func   string
	Args   []*Expr
}

// exprFuncs are the functions that formulas know, with the number of arguments.
var exprFuncs = map[string]int{
	"exp": 1, "log": 1, "sqrt": 1, "rsqrt": 1, "tanh": 1, "sigmoid": 1, "relu": 1, "gelu": 1, "erf": 1, "abs": 1, "square": 1,
	"max": 2, "min": 2, "pow": 2, "select": 3, // of the second where the first is above 0, else of the third
	"rowsum": 1, "rowmax": 1, "rowmean": 1,
}

// IsRowFunc says whether a function is a reduction along a row.
func IsRowFunc(name string) bool { return name == "rowsum" || name == "rowmax" || name == "rowmean" }

// ParseExpr reads a formula. Errors name the column, from 1.
func ParseExpr(s string) (*Expr, error) {
	p := &exprParser{s: s}
	e, err := p.sum(0)
	if err == nil {
		if p.space(); p.at < len(s) {
			err = p.fail("unexpected %q", s[p.at:p.at+1])
		}
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

type exprParser struct {
	s  string
	at int
}

// deepest bounds how far formulas nest.
const deepest = 100

func (p *exprParser) fail(format string, a ...any) error {
	return fmt.Errorf("column %d: %s", p.at+1, fmt.Sprintf(format, a...))
}

func (p *exprParser) space() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\t') {
		p.at++
	}
}

// take reads one of some operators.
func (p *exprParser) take(ops string) byte {
	if p.space(); p.at < len(p.s) && strings.IndexByte(ops, p.s[p.at]) >= 0 {
		p.at++
		return p.s[p.at-1]
	}
	return 0
}

var operators = map[byte]string{'+': "add", '-': "sub", '*': "mul", '/': "div", '^': "pow"}

func (p *exprParser) sum(depth int) (*Expr, error) {
	return p.chain("+-", depth, p.product)
}

func (p *exprParser) product(depth int) (*Expr, error) { return p.chain("*/", depth, p.power) }

// chain reads operands joined by operators that bind to the left.
func (p *exprParser) chain(ops string, depth int, operand func(int) (*Expr, error)) (*Expr, error) {
	if depth > deepest {
		return nil, p.fail("nested more than %d deep", deepest)
	}
	e, err := operand(depth + 1)
	for err == nil {
		op := p.take(ops)
		if op == 0 {
			return e, nil
		}
		var right *Expr
		if right, err = operand(depth + 1); err == nil {
			e = &Expr{Func: operators[op], Args: []*Expr{e, right}}
		}
	}
	return nil, err
}

func (p *exprParser) power(depth int) (*Expr, error) {
	if p.take("-") != 0 {
		e, err := p.power(depth + 1)
		if err != nil || depth > deepest {
			return nil, err
		}
		return &Expr{Func: "neg", Args: []*Expr{e}}, nil
	}
	e, err := p.atom(depth + 1)
	if err != nil || p.take("^") == 0 {
		return e, err
	}
	exponent, err := p.power(depth + 1)
	if err != nil {
		return nil, err
	}
	return &Expr{Func: "pow", Args: []*Expr{e, exponent}}, nil
}

func (p *exprParser) atom(depth int) (*Expr, error) {
	if depth > deepest {
		return nil, p.fail("nested more than %d deep", deepest)
	}
	if p.take("(") != 0 {
		e, err := p.sum(depth + 1)
		if err == nil && p.take(")") == 0 {
			err = p.fail("want )")
		}
		return e, err
	}
	from := p.at
	for p.at < len(p.s) && (isLetter(p.s[p.at]) || p.at > from && isDigit(p.s[p.at])) {
		p.at++
	}
	if name := p.s[from:p.at]; name != "" {
		n, known := exprFuncs[name]
		if p.take("(") == 0 {
			return &Expr{Name: name}, nil
		}
		if !known {
			names := slices.Sorted(maps.Keys(exprFuncs))
			if near, ok := Nearest(name, names); ok {
				return nil, p.fail("unknown function %q (did you mean %q?)", name, near)
			}
			return nil, p.fail("unknown function %q (allowed: %s)", name, strings.Join(names, ", "))
		}
		e := &Expr{Func: name}
		for {
			arg, err := p.sum(depth + 1)
			if err != nil {
				return nil, err
			}
			e.Args = append(e.Args, arg)
			if p.take(",") == 0 {
				break
			}
		}
		if p.take(")") == 0 {
			return nil, p.fail("want ) or ,")
		}
		if len(e.Args) != n {
			return nil, p.fail("%s takes %d arguments, not %d", name, n, len(e.Args))
		}
		return e, nil
	}
	for p.at < len(p.s) && (isDigit(p.s[p.at]) || p.s[p.at] == '.' || p.at > from && (p.s[p.at] == 'e' || strings.IndexByte("+-", p.s[p.at]) >= 0 && p.s[p.at-1] == 'e')) {
		p.at++
	}
	v, err := strconv.ParseFloat(p.s[from:p.at], 64)
	if err != nil {
		p.at = from
		if from == len(p.s) {
			return nil, p.fail("the formula ends too early")
		}
		return nil, p.fail("want a number, a name or (, not %q", p.s[from:from+1])
	}
	return &Expr{Number: v}, nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// walk calls f for an expression and all that it is made of.
func (e *Expr) walk(f func(*Expr)) {
	f(e)
	for _, a := range e.Args {
		a.walk(f)
	}
}
