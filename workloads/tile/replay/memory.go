package replay

import (
	"encoding/binary"
	"fmt"

	"gpusim/workloads/tile"
)

// memory executes a load, store or atomic addition.
func (m *Machine) memory(k *tile.Kernel, cta *tile.CTA, w int, s Step, regs *[32][256]uint32, shared []byte) error {
	in, a := s.Inst, &k.Accesses[s.Inst.Access]
	if a.Peer != 0 {
		return fmt.Errorf("loads from other CTAs of a cluster are not replayed")
	}
	loading := in.Op == tile.OpLDG || in.Op == tile.OpLDS
	for l := range 32 {
		t := w*32 + l
		var at []byte
		if a.Space == tile.Shared {
			count := s.Iter
			if a.Buffers > 0 {
				count = s.Seq
			}
			off := int(a.Addr[t]) + int(a.Buffer(count))
			if off%a.Bytes != 0 {
				return fmt.Errorf("shared address %d is not a multiple of %d", off, a.Bytes)
			}
			at = shared[off : off+a.Bytes]
		} else {
			var inside bool
			var err error
			if at, inside, err = m.element(k, cta, a, t, s.Iter); err != nil {
				return err
			}
			if !inside {
				if loading {
					for i := range max(a.Bytes/4, 1) {
						regs[l][int(in.Dst)+i] = 0
					}
				}
				continue
			}
			if !loading {
				m.Stored[k.Tensors[a.Tensor].Name] += int64(a.Bytes)
			}
		}
		if in.Op == tile.OpRED {
			sum := f32(binary.LittleEndian.Uint32(at)) + f32(regs[l][in.SrcA])
			binary.LittleEndian.PutUint32(at, bits(sum))
			continue
		}
		if a.Bytes == 1 {
			if loading {
				regs[l][in.Dst] = uint32(int32(int8(at[0])))
			} else {
				at[0] = byte(regs[l][in.SrcA])
			}
			continue
		}
		if a.Bytes == 2 {
			if loading {
				regs[l][in.Dst] = uint32(binary.LittleEndian.Uint16(at))
			} else {
				binary.LittleEndian.PutUint16(at, uint16(regs[l][in.SrcA]))
			}
			continue
		}
		for i := 0; i < a.Bytes; i += 4 {
			if loading {
				regs[l][int(in.Dst)+i/4] = binary.LittleEndian.Uint32(at[i:])
			} else {
				binary.LittleEndian.PutUint32(at[i:], regs[l][int(in.SrcA)+i/4])
			}
		}
	}
	return nil
}

// element is the memory that thread t touches, and whether that is inside its
// limits.
func (m *Machine) element(k *tile.Kernel, cta *tile.CTA, a *tile.Access, t int, iter int32) (at []byte, inside bool, err error) {
	iter += a.IterAdd
	ts := &k.Tensors[a.Tensor]
	row := cta.Origin[a.RowVar] + iter*a.RowStep + a.Row[t]
	if a.Gather != nil {
		row += a.Gather[int(iter)%len(a.Gather)] - iter*a.RowStep
	}
	col := cta.Origin[a.ColVar] + iter*a.ColStep + a.Col[t]
	rl, cl := cta.Limit[a.RowVar], cta.Limit[a.ColVar]
	if a.RowVar == tile.VarZero {
		rl = int32(ts.Rows)
	}
	if a.ColVar == tile.VarZero {
		cl = int32(ts.Cols)
	}
	if row >= rl || col >= cl {
		return nil, false, nil
	}
	if row < 0 || col < 0 || int(row) >= ts.Rows || int(col) >= ts.Cols {
		return nil, false, fmt.Errorf("%s: (%d, %d) out of bounds", ts.Name, row, col)
	}
	off := int64(row)*ts.RowStride + int64(col)*ts.ColStride
	if len(ts.Views) > 0 {
		if off, inside = ts.Views[min(int(cta.View), len(ts.Views)-1)].Element(row, col); !inside {
			return nil, false, nil
		}
	}
	if !a.BatchFree {
		off += int64(cta.Batch) * ts.BatchStride
	}
	off *= int64(ts.Elem)
	if off < 0 || off+int64(a.Bytes) > ts.Bytes || off%int64(a.Bytes) != 0 {
		return nil, false, fmt.Errorf("%s: offset %d of %d bytes, %d wide", ts.Name, off, ts.Bytes, a.Bytes)
	}
	return m.Mem[ts.Base+uint64(off)-m.Base:][:a.Bytes], true, nil
}
