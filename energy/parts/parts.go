// Package parts prices memories, registers and multipliers by their sizes, from the
// sources that the energy tables of machines with an array name, and compares them
// with published tables of other tools.
package parts

import (
	"fmt"
	"math"

	"gpusim/energy"
)

// Part is something that is accessed: kind sram, regfile, register, mac_int8 or lpddr4.
type Part struct {
	Kind    string
	Entries float64 // of memories and register files
	Bits    float64 // that an access moves
	Ports   float64 // for reading and writing, of an SRAM
	NM      float64 // node; DRAM has none
}

// PJ is the energy of reading (or of a multiply-add) and of writing, in picojoules at
// 0.9 V.
func (p *Part) PJ() (read, write float64, err error) {
	switch p.Kind {
	case "sram":
		// A further port adds a word line and two bit lines to each cell, which makes it
		// about twice as large: wires are as long as those of an array of twice the bits.
		s, err := energy.SRAMOf(p.Entries*p.Bits/8*p.Ports, p.Bits, p.NM)
		return s.ReadPJ, s.WritePJ, err
	case "lpddr4": // with its interface: Ha, Stanford, 2018: 8.5 pJ/bit, as gv11b.yaml and nvdla.yaml
		return 8.5 * p.Bits, 8.5 * p.Bits, nil
	}
	scale, err := energy.NodeFactor(45, 0.9, p.NM, 0.9)
	if err != nil {
		return 0, 0, err
	}
	switch p.Kind {
	case "mac_int8": // Horowitz, ISSCC 2014, as in all tables: 8-bit product and 32-bit sum
		return scale * (0.2 + 0.1), 0, nil
	case "register":
		return scale * registerBit * p.Bits, 0, nil // an input that does not change costs its clock only
	case "regfile":
		r, w := registerFile(p.Entries, p.Bits)
		return scale * r, scale * w, nil
	}
	return 0, 0, fmt.Errorf("parts: %q is no kind of part", p.Kind)
}

// Accelergy's Aladdin tables, 40 nm, taken for 45 as in the energy tables.
const (
	registerBit = 0.009   // pJ of a bit of a register
	comparator  = 0.02947 // pJ of a comparator
)

// registerFile is one of Aladdin's: an access compares its address with that of every
// entry, and a read drives the bits out. Accelergy synthesised none below 64 entries and
// 32 bits; smaller ones scale linearly in width and with the power 0.78 in entries.
func registerFile(entries, bits float64) (read, write float64) {
	const fewest, narrowest, power = 64, 32, 0.78
	n, w := math.Max(entries, fewest), math.Max(bits, narrowest)
	scale := bits / w * math.Pow(entries/n, power)
	return scale * (n*comparator + w*registerBit), scale * n * comparator
}
