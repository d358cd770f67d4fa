package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

// Lowered makes a product of something else, a convolution for one: its
// matrices are seen through views of tensors in memory. Leading dimensions,
// and with them TransA and TransB, then say only along which index elements
// lie side by side.
type Lowered struct {
	A, B, C Seen
	// Phases are the products that one launch computes, one view of each tensor
	// for each; nil: one, of the problem's own size. The problem has the largest.
	Phases []Phase
	// GatherB says that op(B) is gathered, whose addresses take work in every
	// k-tile, and not op(A).
	GatherB bool
	// Apart says that every vector of the gathered matrix has an address of its own.
	Apart bool
	// Table is the bytes of a table of offsets, one for each k, by which the
	// gathered matrix is addressed. 0: addresses are computed by increments.
	Table int64
	// Late says that kernels of the plain pipes look an offset up in the k-tile whose
	// load it is for, in the register of what is loaded, and not one before.
	Late bool
	// Added says that kernels of the plain pipes add each element of C by itself and
	// atomically to what a memset has left, as where several tiles have a part of it.
	Added bool
	// Reordered says that the rows of op(A) come in the order of Reorder, and that C has
	// blocks of ReorderBlock of them side by side.
	Reordered bool
	// Words says that what lies side by side along k, and of C along n, are whole
	// words of packed elements: kernels of the plain pipes move them as they are.
	Words bool
	// Name of the kernel in place of the one after layouts; what it stands for
	// is the caller's.
	Name string
}

// Seen is a tensor and how a matrix is seen in it.
type Seen struct {
	Bytes     int64
	Batch     int64       // elements from one matrix of a batch to the next
	Views     []tile.View // by phase, or one for all
	Vec       int         // elements side by side at least, beginning at a multiple of so many
	Parameter bool        // as of tile.Tensor
	Dense     bool        // the view is the tensor as it stands, but for padding of its rows: an output may be walked as one column
}

// column is an m x n output walked as one column, if rows are padded; what lies
// side by side in the tensor may then not do so as far as m says.
func (s *Seen) column(m, n int) (tile.View, bool) {
	v := s.Views[0]
	if len(v.Row) < 2 {
		return v, false
	}
	row := append([]tile.Digit{}, v.Row...)
	last := &row[len(row)-1]
	last.Size = int32(m)
	for _, d := range row[:len(row)-1] {
		last.Size /= d.Size
	}
	v.Row, v.Col = append(row, v.Col...), nil
	return v, true
}

// Phase is the size of one product of a launch.
type Phase struct{ M, N, K int }

// tensor is a tensor seen as a rows x cols matrix.
func (s *Seen) tensor(name string, elem, rows, cols int) tile.Tensor {
	return tile.Tensor{Name: name, Elem: elem, Rows: rows, Cols: cols, BatchStride: s.Batch, Bytes: s.Bytes, Parameter: s.Parameter, Views: s.Views}
}

// tensors are those of a lowered product, workspace and table last.
func (w *Lowered) tensors(p Problem, in, out, splits int) ([]tile.Tensor, error) {
	if splits > 0 && (!w.C.Dense || len(w.Phases) > 1) {
		return nil, fmt.Errorf("gemm: split-K of a lowered product whose output is not dense")
	}
	ts := []tile.Tensor{
		w.A.tensor("A", in, p.M, p.K), w.B.tensor("B", in, p.K, p.N), w.C.tensor("C", out, p.M, p.N),
		stored("workspace", 4, p.M, p.N*max(1, splits), p.Batch, false),
	}
	if splits == 0 {
		ts[tensorWorkspace].Bytes = 0
	}
	if w.Table > 0 {
		ts = append(ts, tile.Tensor{Name: TableName, Elem: 4, Rows: p.K, Cols: 1, RowStride: 1, ColStride: 1, Bytes: w.Table})
	}
	allocate(ts)
	return ts, nil
}

// phases are the products of a launch.
func (p *Problem) phases() []Phase {
	if p.Lowered == nil || len(p.Lowered.Phases) == 0 {
		return []Phase{{p.M, p.N, p.K}}
	}
	return p.Lowered.Phases
}

// grid is the CTAs of a launch: tiles along m and n, and slices of k of each
// matrix of a batch. Of several products there is a tile of each in turn, so that
// long and short ones share the SMs; where one has no more, the CTA has nothing to do.
func (p *Problem) grid(c *Config) [3]int {
	g := [3]int{ceilDiv(p.M, c.TileM), ceilDiv(p.N, c.TileN), p.Batch * c.Splits}
	if ph := p.phases(); len(ph) > 1 {
		turns := multiplied(ph)
		g[0], g[1] = 0, 1
		for _, i := range turns {
			g[0] = max(g[0], len(turns)*ph[i].tiles(c))
		}
	}
	return g
}

// multiplied are the products of a launch, by index, that have any k. What the
// others are of C is zero; Cleared sees to it.
func multiplied(ph []Phase) []int {
	var out []int
	for i := range ph {
		if ph[i].K > 0 || len(ph) == 1 {
			out = append(out, i)
		}
	}
	return out
}

// Cleared puts a memset of C before kernels whose products do not reach all of
// it, as gradients of filters smaller than their strides, or are added to it.
func Cleared(ks []*tile.Kernel, p Problem, l tile.Latencies) ([]*tile.Kernel, error) {
	if !p.added() && len(multiplied(p.phases())) == len(p.phases()) {
		return ks, nil
	}
	z, err := ZeroKernel(ks[0].Tensors[tensorC], l)
	return append([]*tile.Kernel{z}, ks...), err
}

// tiles is the CTA tiles of a product.
func (f *Phase) tiles(c *Config) int { return ceilDiv(f.M, c.TileM) * ceilDiv(f.N, c.TileN) }

// contiguous is the elements that lie side by side in A, B and C: whole leading
// dimensions where the matrices are stored as such.
func (p *Problem) contiguous() (a, b, c int) {
	if w := p.Lowered; w != nil {
		return w.A.Vec, w.B.Vec, w.C.Vec
	}
	a, b = p.M, p.K
	if p.TransA {
		a = p.K
	}
	if p.TransB {
		b = p.N
	}
	return a, b, p.M
}

// phased places the CTAs of such a grid.
func phased(p Problem, c Config, per int) func(int, *tile.CTA) {
	ph := p.phases()
	if len(ph) == 1 {
		return placer(p, c, per)
	}
	var places []func(int, *tile.CTA)
	for _, f := range ph {
		one := p
		one.M, one.N, one.K, one.Lowered = f.M, f.N, f.K, nil
		places = append(places, placer(one, c, ceilDiv(f.K, c.TileK)))
	}
	total, turns := p.grid(&c)[0], multiplied(ph)
	return func(index int, cta *tile.CTA) {
		at, z := index%total/len(turns), index/total
		i := turns[index%total%len(turns)]
		tiles := ph[i].tiles(&c)
		if at < tiles {
			places[i](at+tiles*z, cta)
		} else {
			*cta = tile.CTA{Batch: int32(z), Splits: 1}
		}
		cta.Index, cta.View, cta.Tile = index, int32(i), int32(index)
	}
}

// indexRegs is the registers for addressing elements of the gathered matrix, of which a thread
// loads n per k-tile: an offset each, and what they are worked on in.
func (p *Problem) indexRegs(n int) int {
	if p.Lowered == nil {
		return 0
	}
	if p.Lowered.Table > 0 && !p.Lowered.Late {
		return n + indexWork
	}
	return indexWork
}

const indexWork = 4

// apart says whether each piece of a gathered operand's chunks takes address work.
func (p *Problem) apart() bool { return p.Lowered != nil && p.Lowered.Apart }

// gathers says whether an operand is a gathered one.
func (p *Problem) gathers(tensor int) bool {
	return p.Lowered != nil && (tensor == tensorB) == p.Lowered.GatherB
}

// addressing is the integer work for an element of the gathered matrix: the offset
// of its k, in a register of its own or in the first of four that it works in from
// work on, added to a pointer of 64 bits, and the test against the bounds.
func addressing(work, offset int) []tile.Inst {
	return []tile.Inst{
		ins(tile.OpIADD, work, work, offset, tile.RZ), ins(tile.OpIADD, work+1, work+1, tile.RZ, tile.RZ),
		ins(tile.OpLOP, work+2, offset, tile.RZ, tile.RZ), integer(tile.OpISETP, work+2),
	}
}

// tableTensor is the place of the table of offsets among a lowered product's tensors.
const tableTensor = tensorWorkspace + 1

// TableName is the tensor of a table of offsets.
const TableName = "offsets"

// Table is the table of offsets of a lowered product's kernel.
func Table(k *tile.Kernel) tile.Tensor { return k.Tensors[tableTensor] }

// lookup loads the offset of the k that each thread has in an access of the
// gathered matrix to a register.
func lookup(k *tile.Kernel, of tile.Access, reg int) tile.Inst {
	a := tile.Access{Space: tile.Global, Bytes: 4, Tensor: tableTensor, BatchFree: true, IterAdd: of.IterAdd, Col: make([]int32, len(of.Col))}
	if of.Tensor == tensorA {
		a.RowVar, a.Row, a.RowStep = of.ColVar, of.Col, of.ColStep
	} else {
		a.RowVar, a.Row, a.RowStep = of.RowVar, of.Row, of.RowStep
	}
	return load(tile.OpLDG, reg, addAccess(k, a))
}
