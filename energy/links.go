package energy

// LinkCount is the bytes that crossed links of a type, with what a bit costs.
type LinkCount struct {
	Type     string
	Bytes    uint64
	PJPerBit float64
	Lo, Hi   float64 // factors of it between which it lies
}

// LinkByte is the component of a byte on links of a type.
func LinkByte(typ string) string { return typ + "_byte" }

// OfLinks is the ledger of links. Types without a known cost are left out.
func OfLinks(counts []LinkCount, scope string) Ledger {
	l := Ledger{Scope: scope}
	for _, c := range counts {
		if c.Bytes == 0 || c.PJPerBit == 0 {
			continue
		}
		pj := 8 * c.PJPerBit
		uj := float64(c.Bytes) * pj * uJPerPJ
		l.Rows = append(l.Rows, Row{Component: LinkByte(c.Type), Column: Link, Events: c.Bytes, PJPerEvent: pj, EnergyUJ: uj, DownUJ: (1 - c.Lo) * uj, UpUJ: (c.Hi - 1) * uj})
	}
	l.finish()
	return l
}
