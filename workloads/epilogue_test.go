package workloads

import (
	"strings"
	"testing"
)

// An epilogue stands in the canonical text, costs the bytes that it reads and
// no operations.
func TestEpilogueBytes(t *testing.T) {
	const conv = "conv:n=2,c=8,h=6,w=6,k=16,r=3,s=3,pad=1,dtype=fp16"
	const gemm = "gemm:64x48x32:fp16"
	for _, c := range []struct {
		plain, steps string
		extra        float64
	}{
		{conv, "bias", 2 * 16},
		{conv, "relu", 0},
		{conv, "bias+add+relu", 2 * (16 + 2*16*36)},
		{gemm, "bias+gelu", 2 * 64},
		{gemm, "add", 2 * 64 * 48},
	} {
		plain, err := Parse(c.plain)
		if err != nil {
			t.Fatal(err)
		}
		w, err := Parse(c.plain + ",epilogue=" + c.steps)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(w.Short()); err != nil || again.Text != w.Text || w.Text == plain.Text {
			t.Errorf("%s does not round-trip: %v %v", w.Text, again, err)
		}
		if d := w.Shape().Bytes() - plain.Shape().Bytes(); d != c.extra {
			t.Errorf("%s: %g more bytes, want %g", w.Text, d, c.extra)
		}
		if w.Shape().Ops() != plain.Shape().Ops() {
			t.Errorf("%s: other operations than without", w.Text)
		}
	}
}

func TestEpilogueErrors(t *testing.T) {
	for in, want := range map[string]string{
		"conv:c=3,h=2,w=2,k=1,r=1,s=1,epilogue=relu+bias":          `"bias" stands too late or twice`,
		"conv:c=3,h=2,w=2,k=1,r=1,s=1,epilogue=silu":               `unknown step "silu"`,
		"conv:c=3,h=2,w=2,k=1,r=1,s=1,epilogue=relu,pass=bwd_data": "belongs to pass=fwd",
		"gemm:1x2x3:fp32,epilogue=relu+gelu":                       `"gelu" stands too late or twice`,
	} {
		if _, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}
