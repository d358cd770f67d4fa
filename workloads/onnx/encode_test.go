package onnx

import "encoding/binary"

// Encoding of small files for the tests.

func num(field int, v int64) []byte {
	b := binary.AppendUvarint(nil, uint64(field)<<3)
	return binary.AppendUvarint(b, uint64(v))
}

func msg(field int, parts ...[]byte) []byte {
	var body []byte
	for _, p := range parts {
		body = append(body, p...)
	}
	b := binary.AppendUvarint(nil, uint64(field)<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(body))), body...)
}

func text(field int, s string) []byte { return msg(field, []byte(s)) }

func onnxFile(graph ...[]byte) []byte {
	return append(append(num(1, 8), msg(7, graph...)...), msg(8, num(2, 13))...)
}

func encNode(name, op string, in, out []string, attrs ...[]byte) []byte {
	var b []byte
	for _, s := range in {
		b = append(b, text(1, s)...)
	}
	for _, s := range out {
		b = append(b, text(2, s)...)
	}
	b = append(append(b, text(3, name)...), text(4, op)...)
	for _, a := range attrs {
		b = append(b, msg(5, a)...)
	}
	return msg(1, b)
}

func encInts(name string, v ...int64) []byte {
	b := text(1, name)
	for _, x := range v {
		b = append(b, num(8, x)...)
	}
	return b
}

func encInt(name string, v int64) []byte { return append(text(1, name), num(3, v)...) }

// weightOf is an initialiser of a shape, without values or with integers.
func weightOf(name string, dims []int64, vals ...int64) []byte {
	var b []byte
	for _, d := range dims {
		b = append(b, num(1, d)...)
	}
	dtype := int64(1)
	if len(vals) > 0 {
		dtype = typeInt64
	}
	b = append(append(b, num(2, dtype)...), text(8, name)...)
	for _, v := range vals {
		b = append(b, num(7, v)...)
	}
	return msg(5, b)
}

// valueOf is an input (11) or output (12); a side of -1 is called "N".
func valueOf(field int, name string, dims ...int64) []byte {
	var sides []byte
	for _, d := range dims {
		if d == -1 {
			sides = append(sides, msg(1, text(2, "N"))...)
		} else {
			sides = append(sides, msg(1, num(1, d))...)
		}
	}
	return msg(field, text(1, name), msg(2, msg(1, num(1, 1), msg(2, sides))))
}
