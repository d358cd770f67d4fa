package tile

import "fmt"

// Hopper's asynchronous units: the tensor memory accelerator (TMA), which moves
// boxes of tensors between global and shared memory, the matrix instructions of
// warp groups (WGMMA), which read their operands from shared memory, and the
// barriers in shared memory by which warps and units wait for each other.
//
// Buffers of a main loop form a ring of stages. Which one an instruction means
// follows from the count of main-loop iterations that its warp has gone through,
// of all tiles: iteration s works on stage s mod Stages, and a barrier of the
// ring completes its phase s/Stages for it.

// GroupWarps is the number of warps of a warp group.
const GroupWarps = 4

// SwizzleBytes is the width of a line of a swizzled box, RowSwizzle the number of
// lines after which the pattern repeats.
const (
	SwizzleBytes = 128
	RowSwizzle   = 8
)

// Swizzle is where byte b of a line of a swizzled box lies within the line:
// 16-byte units are exchanged by the line's number, so that eight lines of one
// column lie in different banks.
func Swizzle(line, b int) int { return b ^ line%RowSwizzle*16 }

// MBarrier is a ring of barriers in shared memory. A phase completes when all
// arrivals and all bytes that it expects have come; then the next one begins.
type MBarrier struct {
	Name     string
	Stages   int
	Arrivals int // of a phase
	Bytes    int // that OpMBTX lets a phase expect
}

// Box is a part of a tensor that the TMA moves with one instruction:
// Rows x Cols elements from (row, col) on, as for an Access. What lies beyond a
// limit reads as zeros and is not written.
//
// In shared memory its lines, which run along the tensor's contiguous dimension,
// follow each other from Addr on, plus the stage times Stride.
type Box struct {
	Tensor           int
	RowVar, ColVar   Var
	RowStep, ColStep int32 // by main-loop iteration
	Row, Col         int32
	Rows, Cols       int
	Addr, Stride     int32
	Swizzled         bool // lines of 128 B, see Swizzle
	Barrier          int  // of a load: index into Kernel.Barriers
	Multicast        bool // each CTA of a cluster loads its share of the lines for all of them
}

// Lines is the number of lines of a box, and the bytes of each.
func (b *Box) Lines(k *Kernel) (n, bytes int) {
	t := &k.Tensors[b.Tensor]
	if t.RowStride == 1 {
		return b.Cols, b.Rows * t.Elem
	}
	return b.Rows, b.Cols * t.Elem
}

// Share is the lines [from, to) of a box that a CTA moves.
func (b *Box) Share(k *Kernel, c *CTA) (from, to int) {
	n, _ := b.Lines(k)
	if !b.Multicast {
		return 0, n
	}
	part := n / k.Cluster
	return int(c.Rank) * part, (int(c.Rank) + 1) * part
}

// Line gives the address of a box's line and how many of its bytes lie within
// the limits: the first ones.
func (b *Box) Line(k *Kernel, c *CTA, iter int32, line int) (addr uint64, bytes int) {
	t := &k.Tensors[b.Tensor]
	row := c.Origin[b.RowVar] + iter*b.RowStep + b.Row
	col := c.Origin[b.ColVar] + iter*b.ColStep + b.Col
	rows, cols := limit(t.Rows, c, b.RowVar), limit(t.Cols, c, b.ColVar)
	n := 0
	if t.RowStride == 1 {
		col += int32(line)
		n = min(b.Rows, int(rows-row))
	} else {
		row += int32(line)
		n = min(b.Cols, int(cols-col))
	}
	if row >= rows || col >= cols || n <= 0 {
		return 0, 0
	}
	off := int64(row)*t.RowStride + int64(col)*t.ColStride + int64(c.Batch)*t.BatchStride
	return t.Base + uint64(off*int64(t.Elem)), n * t.Elem
}

// What Imm of OpWGMMA says.
const (
	MMAZero      = 1 // the accumulators count as zero
	MMAZeroFirst = 2 // they do in the first main-loop iteration
	MMACommit    = 4 // it ends a group, see OpWGWAIT
)

// GroupMMA is a matrix instruction of a warp group: 64 x N x K, accumulators in
// registers, both factors in shared memory.
type GroupMMA struct {
	N, K      int
	Type, Acc string
	A, B      SharedOperand
}

// SharedOperand is a factor of a GroupMMA in shared memory, as boxes have brought it:
// lines of 128 bytes along k, one for each row of A or column of B, or, with
// Outer, lines along those, one for each k, in blocks of as many as a line holds.
type SharedOperand struct {
	Addr, Stride int32 // the stage's first line; between stages
	Elem         int
	K            int // at which the instruction begins, in elements
	Outer        bool
	Block        int32 // with Outer: bytes between blocks
}

// At is the address of element (outer, k) in a stage.
func (o *SharedOperand) At(stage, outer, k int) int {
	line, b := outer, (o.K+k)*o.Elem
	at := int(o.Addr) + stage*int(o.Stride)
	if o.Outer {
		per := SwizzleBytes / o.Elem
		at += outer / per * int(o.Block)
		line, b = o.K+k, outer%per*o.Elem
	}
	return at + line*SwizzleBytes + Swizzle(line, b)
}

// Registers is the number of a thread's accumulator registers.
func (m *GroupMMA) Registers() int {
	if m.Acc == "fp16" {
		return m.N / 4
	}
	return m.N / 2
}

// FragMMA gives the row (0..63) and column of 32-bit accumulator i of a thread
// (0..127) of a warp group, as the PTX ISA documents for wgmma.
func FragMMA(thread, i int) (row, col int) {
	return thread/32*16 + thread%32/4 + i&2*4, i/4*8 + thread%4*2 + i&1
}

// checkAsync reports boxes, barriers and matrix instructions that do not fit
// their kernel.
func (k *Kernel) checkAsync() error {
	for i := range k.Boxes {
		b := &k.Boxes[i]
		n, bytes := b.Lines(k)
		stages := 1
		if b.Stride > 0 {
			stages = k.Barriers[b.Barrier].Stages
		}
		switch {
		case n < 1 || n > 256 || bytes%16 != 0:
			return fmt.Errorf("box %d: %d lines of %d B", i, n, bytes)
		case b.Swizzled && (bytes != SwizzleBytes || b.Addr%(RowSwizzle*SwizzleBytes) != 0 || b.Stride%(RowSwizzle*SwizzleBytes) != 0):
			return fmt.Errorf("box %d: swizzled lines of %d B at %d", i, bytes, b.Addr)
		case int(b.Addr)+(stages-1)*int(b.Stride)+n*bytes > k.Shared:
			return fmt.Errorf("box %d ends beyond %d B of shared memory", i, k.Shared)
		case b.Multicast && (k.Cluster < 2 || n%k.Cluster != 0):
			return fmt.Errorf("box %d: %d lines for %d CTAs", i, n, k.Cluster)
		}
		t := &k.Tensors[b.Tensor]
		for _, s := range []int64{t.RowStride, t.ColStride, t.BatchStride} {
			if s != 1 && s*int64(t.Elem)%16 != 0 {
				return fmt.Errorf("box %d: the TMA wants lines of %s at multiples of 16 B, not %d", i, t.Name, s*int64(t.Elem))
			}
		}
	}
	for i := range k.GroupMMAs {
		m := &k.GroupMMAs[i]
		if m.N < 8 || m.N > 256 || m.N%8 != 0 {
			return fmt.Errorf("matrix instruction %d: n = %d", i, m.N)
		}
	}
	if k.Tiles > 0 && k.CTAs() > k.Tiles {
		return fmt.Errorf("%d CTAs for %d tiles", k.CTAs(), k.Tiles)
	}
	if k.Cluster > 1 && k.CTAs()%k.Cluster != 0 {
		return fmt.Errorf("%d CTAs are not whole clusters of %d", k.CTAs(), k.Cluster)
	}
	return nil
}

// checkAsyncInst does the same for an instruction; regs is the number of
// registers that it may name.
func (k *Kernel) checkAsyncInst(in *Inst, regs int) error {
	n := -1
	switch in.Op {
	case OpMBINIT, OpMBTX, OpMBARRIVE, OpMBWAIT:
		n = len(k.Barriers)
	case OpTMALD, OpTMAST:
		n = len(k.Boxes)
	case OpWGMMA:
		n = len(k.GroupMMAs)
	}
	if n >= 0 && (in.Access < 0 || int(in.Access) >= n) {
		return fmt.Errorf("no object %d of %d", in.Access, n)
	}
	if in.Op == OpWGMMA {
		if last := int(in.Dst) + k.GroupMMAs[in.Access].Registers(); last > regs {
			return fmt.Errorf("accumulator %d of %d registers", last-1, regs)
		}
	}
	return nil
}
