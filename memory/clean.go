package memory

// cleanRow writes back what is dirty of the DRAM row of a line that must go, while the
// row is going to be open: lines leave L2 in no order, and each alone would open its row
// once more. NVIDIA's L2 tells the DRAM controllers which dirty lines it holds, and they
// fetch those of a page together (Glasco et al., US patents 8,244,984 and 8,949,541). The
// lines stay, clean. The writes are added to cleaned.
func (s *System) cleanRow(slice int, local, at uint64) {
	p := &s.place
	c, within := p.slices.div(uint64(slice))
	fan, f := p.fan.div(local)
	row, own := p.columns.div(fan*p.slices.n + within)
	for col := uint64(0); col < p.columns.n; col++ {
		if col == own {
			continue
		}
		n, w := p.slices.div(row*p.columns.n + col)
		e := s.cache.find(int(c*p.slices.n+w), n*p.fan.n+f)
		if e < 0 {
			continue
		}
		l := &s.cache.lines[e]
		d := l.dirty &^ l.asked // what an atomic waits for is not there yet
		if d == 0 {
			continue
		}
		s.cleaned = append(s.cleaned, s.queue(int(c*p.slices.n+w), n*p.fan.n+f, d, at, true))
		l.dirty &^= d
	}
}

// bufferAll finds places in the write buffer for what a request has sent to DRAM.
func (s *System) bufferAll(gone, flight int32) {
	s.buffer(gone, flight)
	for _, d := range s.cleaned {
		s.buffer(d, flight)
	}
	s.cleaned = s.cleaned[:0]
}
