package tile

// Sparse matrix instructions multiply by an A of which two of every four values
// along k are zeros that are not stored (2:4); of tf32 one of two. Metadata say where
// those that are stored belong: two bits for each, of tf32 four bits that name both
// of its halves. PTX takes them from one register, of some of a quad's four lanes;
// which, the instruction says, so that a register serves several instructions. Of
// those lanes number i holds, below, the 16 bits of row g that begin at 16*i, and above
// those of row g+8. (The division of a row's bits among lanes is not what decides
// about time.)

// metaBits is the metadata of a row.
func (m *MMA) metaBits() int {
	if m.Type == "tf32" {
		return 2 * m.K
	}
	return m.K
}

// MetaLanes is the lanes of a quad whose register an instruction takes.
func (m *MMA) MetaLanes() int { return m.metaBits() / 16 }

// MetaSteps is the instructions along k that one register of metadata serves.
func (m *MMA) MetaSteps() int { return 4 / m.MetaLanes() }

// MetaAt gives, of stored value i of a row, the lane of the quad among those that the
// instruction takes and the bit at which its index begins, and the bits of an index.
func (m *MMA) MetaAt(i int) (lane, bit, bits int) {
	bits = 2
	if m.Type == "tf32" {
		bits = 4
	}
	return i * bits / 16, i * bits % 16, bits
}

// Keeps gives the k of stored value i of a row whose index is as read.
func (m *MMA) Keeps(i int, index uint32) int {
	if m.Type == "tf32" { // its lower half
		return 2*i + int(index&3)/2
	}
	return i/2*4 + int(index)
}

// Index is what Keeps reads: the index of a value at k.
func (m *MMA) Index(k int) uint32 {
	if m.Type == "tf32" {
		half := uint32(k % 2 * 2)
		return half | (half+1)<<2
	}
	return uint32(k % 4)
}

// ExecSparse executes a sparse instruction: e holds the metadata, selected says which
// lanes of a quad count.
func (m *MMA) ExecSparse(a, b *[32][16]uint32, e *[32]uint32, selected int, c *[32][8]uint32) {
	kept := m.factorA(a, m.K/2)
	am := make([]float64, m.M*m.K)
	for row := range m.M {
		for i := range m.K / 2 {
			lane, bit, bits := m.MetaAt(i)
			word := e[row%8*4+selected*m.MetaLanes()+lane] >> (row / 8 * 16)
			am[row*m.K+m.Keeps(i, word>>bit&(1<<bits-1))] += kept[row*m.K/2+i]
		}
	}
	m.product(am, b, c)
}
