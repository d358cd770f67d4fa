package library

import (
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/conv"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// TestPrepared: who has filled a layer's table beforehand launches no kernel for it, and
// finds it in memory as filters are found.
func TestPrepared(t *testing.T) {
	g, c := convOn(t, "ampere", "conv:n=2,c=64,h=9,w=9,k=64,r=3,s=3,pad=1,dtype=int8,layout=nchw_vect_c,epilogue=bias+relu")
	call, err := ChooseConv(g, c, AlgoPrecomp)
	if err != nil {
		t.Fatal(err)
	}
	for prepared, build := range map[bool]func(tile.Latencies) ([]*tile.Kernel, error){false: call.Build, true: call.Prepared} {
		ks, err := build(Latencies(g))
		if err != nil {
			t.Fatal(err)
		}
		fills, tables := 0, 0
		for _, k := range ks {
			if conv.FillsTable(k) {
				fills++
			}
			for _, x := range k.Tensors {
				if x.Name == gemm.TableName && !conv.FillsTable(k) {
					tables++
					if x.Parameter != prepared {
						t.Errorf("prepared %v: the table is a parameter: %v", prepared, x.Parameter)
					}
				}
			}
		}
		if tables != 1 || (fills == 0) != prepared {
			t.Errorf("prepared %v: %d kernels fill tables, %d of %d tables are read", prepared, fills, tables, len(ks))
		}
	}
}

// TestOffsetKernels: a kernel fills a table of the images' offsets before the product,
// another one of the filters' before gradients of the input; they share no byte with
// each other or with what the product reads and writes.
func TestOffsetKernels(t *testing.T) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	for pass, names := range map[string][]string{
		workloads.PassForward: {"computeOffsetsKernel"},
		workloads.PassData:    {"computeOffsetsKernel", "computeBOffsetsKernel"},
		workloads.PassWeight:  {"memset_C"},
	} {
		c := &workloads.Conv{N: 2, C: 64, H: 9, W: 9, K: 64, R: 3, S: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1,
			Groups: 1, DType: "fp16", Acc: "fp32", Layout: workloads.LayoutNHWC, Pass: pass}
		call, err := ChooseConv(m.GPU, c, AlgoPrecomp)
		if err != nil {
			t.Fatal(err)
		}
		ks, err := call.Build(Latencies(m.GPU))
		if err != nil {
			t.Fatal(err)
		}
		var tables []tile.Tensor
		for i, name := range names {
			if len(ks) <= i || ks[i].Name != name {
				t.Fatalf("%s: kernel %d is %q, want %q", pass, i, ks[i].Name, name)
			}
			tables = append(tables, ks[i].Tensors[0])
		}
		if pass == workloads.PassWeight {
			continue
		}
		main := ks[len(names)].Tensors
		for i, a := range tables {
			if want := int64(4 * c.C * c.R * c.S); a.Bytes != want {
				t.Errorf("%s: table of %d bytes, want %d: one entry for each k", pass, a.Bytes, want)
			}
			for _, b := range append(main[:len(main)-1:len(main)-1], tables[i+1:]...) {
				if a.Base < b.Base+uint64(b.Bytes) && b.Base < a.Base+uint64(a.Bytes) {
					t.Errorf("%s: table %s lies in %s", pass, a.Name, b.Name)
				}
			}
		}
	}
}
