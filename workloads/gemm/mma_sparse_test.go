package gemm

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"
	"testing"

	"gpusim/workloads/tile"
)

// sparseOf is a sparse instruction; k counts the zeros.
func sparseOf(typ, acc string, k int) tile.MMA {
	m := mmaOf(typ, acc, 16, 8, k)
	m.Name, m.Sparse = "SP."+m.Name, true
	return m
}

// raw stores the bits of an element.
func raw(m *machine, t *tile.Tensor, at int64, bits uint32) {
	b := m.Bytes(t)[at*int64(t.Elem):]
	switch t.Elem {
	case 1:
		b[0] = byte(bits)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(bits))
	default:
		binary.LittleEndian.PutUint32(b, bits)
	}
}

// TestSparseFunctional prunes a random op(B), stores what is left with its metadata as
// a library would and compares the kernel's C with plain loops over the whole of it.
func TestSparseFunctional(t *testing.T) {
	for _, inst := range []tile.MMA{sparseOf("fp16", "fp32", 32), sparseOf("fp16", "fp16", 32), sparseOf("bf16", "fp32", 32), sparseOf("tf32", "fp32", 16), sparseOf("int8", "int32", 64)} {
		for i, c := range []Config{
			{TileM: 128, TileN: 128, TileK: 64, WarpM: 64, WarpN: 64, Stages: 3},
			{TileM: 64, TileN: 128, TileK: 64, WarpM: 32, WarpN: 64, Stages: 4},
			{TileM: 64, TileN: 64, TileK: 128, WarpM: 32, WarpN: 32, Stages: 3},
		} {
			if i > 0 && (inst.Type != "fp16" || inst.Acc != "fp32") {
				continue
			}
			c.Family = "mma"
			switch inst.Type {
			case "tf32":
				c.TileK /= 2
			case "int8":
				c.TileK = 128
			}
			for trans := range 4 {
				p := Problem{
					M: c.TileM + 8, N: c.TileN + 16*i, K: 192 + 64*i, Batch: 1 + i%2, TransA: trans&1 != 0, TransB: trans&2 != 0,
					DType: inst.Type, Acc: inst.Acc, Alpha: 1, Sparse: true,
				}
				if inst.Type == "int8" && trans != 1 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%dx%dx%d/%s", inst.Type, inst.Acc, c.TileM, c.TileN, c.TileK, p.Layout()), func(t *testing.T) {
					verifySparse(t, p, c, inst)
				})
			}
		}
	}
}

func verifySparse(t *testing.T, p Problem, c Config, inst tile.MMA) {
	ks, err := Build(p, c, mmaLatencies(inst))
	if err != nil {
		t.Fatal(err)
	}
	k := ks[0]
	ts := k.Tensors
	m := newMachine(ts)
	a, b, e := &ts[tensorA], &ts[tensorB], &ts[tensorC+1]
	perByte := int64(8) // of op(B) as a whole: two bits for half of the values, of tf32 four
	if p.DType == "tf32" {
		perByte = 4
	}
	if whole := int64(p.Batch*p.K) * int64(p.N); b.Bytes != whole*int64(b.Elem)/2 || e.Bytes != whole/perByte {
		t.Fatalf("%d bytes of op(B) and %d of metadata", b.Bytes, e.Bytes)
	}
	r := rand.New(rand.NewSource(int64(p.K)))
	at := func(x *tile.Tensor, batch, row, col int) int64 {
		return int64(batch)*x.BatchStride + int64(row)*x.RowStride + int64(col)*x.ColStride
	}
	fa, fb := make([]float64, p.Batch*p.M*p.K), make([]float64, p.Batch*p.K*p.N)
	for n := range p.Batch {
		for i := range p.M {
			for kk := range p.K {
				v := float64(r.Intn(9) - 4)
				fa[(n*p.M+i)*p.K+kk] = v
				raw(m, a, at(a, n, i, kk), encode(p.DType, v))
			}
		}
		for j := range p.N {
			for i := range p.K / 2 { // stored values, in order of k
				pick := r.Intn(2)
				kk := i/2*4 + i%2*2 + pick // one of either half of four
				if p.DType == "tf32" {
					kk = 2*i + pick
				} else if i%2 == 1 && r.Intn(3) == 0 { // or both of the first half
					kk = i/2*4 + 1
				}
				if fb[(n*p.N+j)*p.K+kk] != 0 {
					kk++
				}
				v := float64(1 + r.Intn(4))
				fb[(n*p.N+j)*p.K+kk] = v
				raw(m, b, at(b, n, i, j), encode(p.DType, v))
				// Its index: the word of the lane, of the block of columns and of k.
				step := kk / inst.K
				within := i - step*inst.K/2
				lane, bit, _ := inst.MetaAt(within)
				group, selected := step/inst.MetaSteps(), step%inst.MetaSteps()
				lane += j%16%8*4 + selected*inst.MetaLanes()
				word := at(e, n, 32*group+lane, j/16*16)
				mem := m.Bytes(e)[4*word:]
				old := binary.LittleEndian.Uint32(mem)
				binary.LittleEndian.PutUint32(mem, old|inst.Index(kk)<<(bit+j%16/8*16))
			}
		}
	}
	if err := m.Run(k); err != nil {
		t.Fatal(err)
	}
	cc := &ts[tensorC]
	for n := range p.Batch {
		for i := range p.M {
			for j := range p.N {
				want := 0.0
				for kk := range p.K {
					want += fa[(n*p.M+i)*p.K+kk] * fb[(n*p.N+j)*p.K+kk]
				}
				mem := m.Bytes(cc)[at(cc, n, i, j)*int64(cc.Elem):]
				var got float64
				switch p.Out() {
				case "fp16":
					got = float64(tile.HalfValue(binary.LittleEndian.Uint16(mem)))
				case "bf16":
					got = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(mem)) << 16))
				case "int32":
					got = float64(int32(binary.LittleEndian.Uint32(mem)))
				default:
					got = float64(math.Float32frombits(binary.LittleEndian.Uint32(mem)))
				}
				if tol := map[string]float64{"fp16": 0x1p-11, "bf16": 0x1p-8}[p.Out()] * math.Abs(want) * 2; math.Abs(got-want) > tol {
					t.Fatalf("C(%d,%d) of product %d is %g, want %g", i, j, n, got, want)
				}
			}
		}
	}
	if got := m.Stored["C"]; got != cc.Bytes {
		t.Errorf("wrote %d bytes of C, not %d", got, cc.Bytes)
	}
}
