package workloads

import (
	"fmt"
	"sort"
	"strings"
)

// dtypes lists the canonical element types, widest first.
var dtypes = []string{"fp64", "fp32", "tf32", "bf16", "fp16", "int16", "fp8", "int8", "int4", "int1"}

// elemBytes is the size of one element in memory, rounded up to bytes. tf32 is
// a way to compute: its operands lie in memory as fp32.
var elemBytes = map[string]int{
	"fp64": 8, "fp32": 4, "tf32": 4, "bf16": 2, "fp16": 2, "int16": 2, "fp8": 1, "int8": 1, "int4": 1, "int1": 1,
}

// aliases are other names by which frameworks and tables call a type.
var aliases = map[string]string{
	"double": "fp64", "float64": "fp64", "f64": "fp64",
	"single": "fp32", "float": "fp32", "float32": "fp32", "f32": "fp32",
	"tensorfloat32": "tf32",
	"bfloat16":      "bf16", "amp_bf16": "bf16",
	"half": "fp16", "float16": "fp16", "f16": "fp16", "amp_fp16": "fp16",
	"fp8_e4m3": "fp8", "fp8_e5m2": "fp8", "e4m3": "fp8", "e5m2": "fp8", "float8": "fp8",
	"s16": "int16", "i16": "int16",
	"s8": "int8", "i8": "int8", "u8": "int8", "uint8": "int8",
	"s4": "int4", "i4": "int4", "u4": "int4", "uint4": "int4",
	"b1": "int1", "binary": "int1",
	"i32": "int32", "s32": "int32",
}

// accs lists the accumulator types of each element type; the first is the
// default, what libraries use when not told otherwise.
var accs = map[string][]string{
	"fp64": {"fp64"}, "fp32": {"fp32"}, "tf32": {"fp32"}, "bf16": {"fp32"},
	"fp16": {"fp32", "fp16"}, "fp8": {"fp32", "fp16"},
	"int16": {"int32"}, "int8": {"int32"}, "int4": {"int32"}, "int1": {"int32"},
}

// DTypes lists the canonical element types, widest first.
func DTypes() []string { return append([]string(nil), dtypes...) }

// DType gives the canonical name of an element type, whatever case or alias
// it is written in.
func DType(s string) (string, error) {
	name := canonicalType(s)
	if contains(dtypes, name) {
		return name, nil
	}
	names := DTypes()
	for a := range aliases {
		names = append(names, a)
	}
	sort.Strings(names[len(dtypes):])
	if near, ok := Nearest(s, names); ok {
		return "", fmt.Errorf("unknown dtype %q (did you mean %q?)", s, near)
	}
	return "", fmt.Errorf("unknown dtype %q (allowed: %s)", s, strings.Join(dtypes, ", "))
}

// Accumulator checks the accumulator type for a canonical element type; an
// empty one gives the default.
func Accumulator(dtype, acc string) (string, error) {
	allowed := accs[dtype]
	if acc == "" {
		return allowed[0], nil
	}
	name := canonicalType(acc)
	if !contains(allowed, name) {
		return "", fmt.Errorf("%s is not accumulated in %q (allowed: %s)", dtype, acc, strings.Join(allowed, ", "))
	}
	return name, nil
}

func canonicalType(s string) string {
	name := strings.ToLower(strings.TrimSpace(s))
	if a, ok := aliases[name]; ok {
		return a
	}
	return name
}
