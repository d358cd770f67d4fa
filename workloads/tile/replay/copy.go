package replay

import (
	"encoding/binary"
	"fmt"

	"gpusim/workloads/tile"
)

// matrices executes an OpLDSM.
func matrices(k *tile.Kernel, w int, s Step, regs *[32][256]uint32, shared []byte) error {
	in, a := s.Inst, &k.Accesses[s.Inst.Access]
	for i := range a.Matrices {
		var rows [8][]byte
		for r := range rows {
			off := int(a.Addr[w*32+8*i+r]) + int(a.Buffer(s.Iter))
			if off%16 != 0 {
				return fmt.Errorf("shared address %d is not a multiple of 16", off)
			}
			rows[r] = shared[off : off+16]
		}
		for l := range 32 {
			v := binary.LittleEndian.Uint32(rows[l/4][l%4*4:])
			if in.Imm&tile.LDSMTrans != 0 {
				at := func(row int) uint32 { return uint32(binary.LittleEndian.Uint16(rows[row][l/4*2:])) }
				v = at(l%4*2) | at(l%4*2+1)<<16
			}
			regs[l][int(in.Dst)+i] = v
		}
	}
	return nil
}

// copy starts an OpLDGSTS: its data are read now and arrive with their group.
func (m *Machine) copy(k *tile.Kernel, cta *tile.CTA, w int, s Step, shared []byte) error {
	from, to := &k.Accesses[s.Inst.Access], &k.Accesses[s.Inst.Into]
	if from.Bytes != to.Bytes {
		return fmt.Errorf("copy of %d bytes to %d", from.Bytes, to.Bytes)
	}
	if len(m.copies[w]) == 0 {
		m.copies[w] = [][]func(){nil}
	}
	open := &m.copies[w][len(m.copies[w])-1]
	for l := range 32 {
		at, inside, err := m.element(k, cta, from, w*32+l, s.Iter)
		if err != nil {
			return err
		}
		data := make([]byte, from.Bytes)
		if inside {
			copy(data, at)
		}
		off := int(to.Addr[w*32+l]) + int(to.Buffer(s.Iter))
		if off%to.Bytes != 0 {
			return fmt.Errorf("shared address %d is not a multiple of %d", off, to.Bytes)
		}
		*open = append(*open, func() { copy(shared[off:], data) })
	}
	return nil
}
