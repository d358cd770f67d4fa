package configs

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// noStandard is the standard of a memory whose values all stand inline.
const noStandard = "custom"

// DRAMStandard is a memory standard: what all devices of it share. Delays are
// given in nanoseconds where the standard's follow from the cells, whatever the
// clock, and in clocks where they follow from the protocol.
type DRAMStandard struct {
	Standard          string `yaml:"standard"`
	Clock             Freq   `yaml:"clock" min:"50 MHz" max:"10 GHz" doc:"command clock of the fastest grade"`
	TransfersPerClock int    `yaml:"transfers_per_clock" min:"1" max:"8"`
	ChannelBits       int    `yaml:"channel_bits" min:"8" max:"1024"`
	BurstLength       int    `yaml:"burst_length" min:"1" max:"32"`
	BankGroups        int    `yaml:"bank_groups" min:"1" max:"16"`
	BanksPerGroup     int    `yaml:"banks_per_group" min:"1" max:"16"`
	Refresh           string `yaml:"refresh" allowed:"all_bank,per_bank"`
	RowBytes          Bytes  `yaml:"row_bytes" min:"256 B" max:"16 KiB"`

	Nanoseconds map[string]float64 // timing constraint -> ns
	Clocks      map[string]float64 // timing constraint -> command clocks
}

// DRAMStandards lists the embedded standards in alphabetical order.
func DRAMStandards() []string { return embeddedNames(dramDir) }

// LoadDRAMStandard gives an embedded standard by name, whatever its case.
func LoadDRAMStandard(name string) (*DRAMStandard, error) {
	l := loader{readDisk: noDisk}
	s, _, err := l.dramStandard(strings.ToLower(name))
	return s, err
}

func (l *loader) dramStandard(name string) (*DRAMStandard, *node, error) {
	root, err := l.file(source{name: name, embedded: true, dir: dramDir})
	if err != nil {
		return nil, nil, err
	}
	s := new(DRAMStandard)
	if s.Nanoseconds, err = takeDelays(root, "nanoseconds"); err != nil {
		return nil, nil, err
	}
	if s.Clocks, err = takeDelays(root, "clocks"); err != nil {
		return nil, nil, err
	}
	return s, root, decode(root, reflect.ValueOf(s).Elem(), &field{}, "")
}

// takeDelays removes a section of timing constraints from a standard and
// gives its values by name.
func takeDelays(root *node, section string) (map[string]float64, error) {
	n := root.get(section)
	if n == nil {
		return nil, root.errorf(section, "missing")
	}
	root.remove(section)
	known := fields(reflect.TypeFor[Timing]())
	out := map[string]float64{}
	for i := range n.entries {
		e := &n.entries[i]
		if fieldOf(known, e.name) == nil {
			return nil, e.errorf(join(section, e.name), "unknown key%s", suggestKey(e.name, section, "", known))
		}
		var x float64
		if err := decode(e.value, reflect.ValueOf(&x).Elem(), &field{min: "0.1", max: "100000"}, join(section, e.name)); err != nil {
			return nil, err
		}
		out[e.name] = x
	}
	return out, nil
}

// Cycles is a delay of the standard in clocks of a frequency, false if it
// states none. Data sheets round up to clocks of the speed grade; the nearest
// clock comes closest to the delay behind a figure that has been rounded up
// already.
func (s *DRAMStandard) Cycles(name string, clock Freq) (int, bool) {
	if ns, ok := s.Nanoseconds[name]; ok {
		return max(1, int(math.Round(ns*float64(clock)/1e9))), true
	}
	n, ok := s.Clocks[name]
	return int(n), ok
}

// BurstClocks is the time of one burst on the data bus, in command clocks.
func (d *DRAM) BurstClocks() int { return max(1, (d.BurstLength+d.Transfers-1)/max(1, d.Transfers)) }

// mergeDRAM lays gpu.dram over the standard that it names, with delays in
// clocks of gpu.dram.clock.
func (l *loader) mergeDRAM(root *node) error {
	const key = "gpu.dram.standard"
	dram := root.get("gpu").get("dram")
	ref, clock := dram.get("standard"), dram.get("clock")
	if ref == nil || ref.kind != scalar || ref.text == noStandard {
		return nil // decode reports what is wrong
	}
	names := DRAMStandards()
	if name := strings.ToLower(ref.text); !contains(names, name) {
		near, _ := nearest(name, names)
		return ref.errorf(key, "%q is no DRAM standard that is known here%s", ref.text, hint(near, strings.Join(append(names, noStandard), ", ")))
	}
	if clock == nil || clock.kind != scalar {
		return nil
	}
	hz, err := ParseFreq(clock.text)
	if err != nil {
		return nil
	}
	s, file, err := l.dramStandard(strings.ToLower(ref.text))
	if err != nil {
		return err
	}
	base := &node{kind: mapping, file: ref.file, line: ref.line, col: ref.col}
	for _, name := range []string{"transfers_per_clock", "channel_bits", "burst_length", "bank_groups", "banks_per_group", "row_bytes", "refresh"} {
		base.set(name, file.get(name))
	}
	timing := &node{kind: mapping, file: ref.file, line: ref.line, col: ref.col}
	for _, f := range fields(reflect.TypeFor[Timing]()) {
		if n, ok := s.Cycles(f.name, hz); ok {
			timing.set(f.name, &node{kind: scalar, file: ref.file, line: ref.line, col: ref.col, text: strconv.Itoa(n), tag: "!!int"})
		}
	}
	base.set("timing", timing)
	gpu := root.get("gpu").copied()
	gpu.set("dram", overlay(base, dram))
	root.set("gpu", gpu)
	return nil
}
