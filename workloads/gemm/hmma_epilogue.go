package gemm

// staging describes the epilogue of an HMMA.884 kernel: 8 rows per step with
// fp32 accumulators, 16 with fp16; TestHMMAPasses asserts that no bank conflicts.
func (h *hmma) staging() *staging {
	e := &staging{
		converter: converter{p: h.p, c: h.c, k: h.k}, acc16: h.acc16, warpM: h.warpM, warpN: h.warpN, temp: h.regTemp, addr: h.regAddr,
		rows: 8, odd: 8*stagePitch(h.c, false) + 4, rowN: h.rowN,
	}
	if h.acc16 {
		e.rows, e.odd = 16, 16*stagePitch(h.c, true)+2
	}
	for fc := range h.cols.frags {
		for high := range 2 {
			e.puts = append(e.puts, staged{bytes: 8,
				at: func(lane int) (row, m int) {
					c := high * 4
					if !h.acc16 {
						c += lane & 2
					}
					return h.stageRow(lane), h.cols.outerOf(fc, h.cols.half(lane), c)
				},
				reg: func(s int) int {
					if h.acc16 {
						return h.acc(s, fc) + high*2
					}
					return h.acc(s/2, fc) + high*4 + s%2*2
				}})
		}
	}
	return e
}

// stageRow is the staged row that a lane's accumulators of a step go to, and
// rowN the n, within the warp tile, of a staged row in step s.
func (h *hmma) stageRow(lane int) int {
	if h.acc16 {
		return lane&3 + 4*h.rows.half(lane) + lane>>4*8
	}
	return lane>>4 + lane&1*2 + 4*h.rows.half(lane)
}

func (h *hmma) rowN(s, row int) int {
	if h.acc16 {
		return h.rows.outerOf(s, row>>2&1, row&3+row>>3*4)
	}
	return h.rows.outerOf(s/2, row>>2&1, row>>1&1+s&1*2+row&1*4)
}
