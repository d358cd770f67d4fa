package configs

import (
	"reflect"
	"slices"
	"strings"
)

// Area holds what the area ledger needs beside the machine itself: the process,
// the sizes of parts and what the die carries that no model of time asks for.
type Area struct {
	Process string               `yaml:"process,omitempty" doc:"name of a process in configs/area/process.yaml"`
	Node    Process              `yaml:"node,omitempty" doc:"figures of the process that replace those of the file"`
	From    string               `yaml:"units_from,omitempty" doc:"file in configs/area with the units of this kind of machine"`
	Units   map[string]AreaUnit  `yaml:"units,omitempty" doc:"size of one part: _mtr millions of transistors, _cells SRAM cells a bit, _mm2 area in any process"`
	Die     AreaDie              `yaml:"die,omitempty" doc:"what stands on the die beside what the models of time know"`
	Blocks  map[string]AreaBlock `yaml:"blocks,omitempty" doc:"blocks of known size that nothing else describes"`
}

// AreaUnit is a figure with the range in which it lies.
type AreaUnit struct {
	Value float64 `yaml:"value" min:"0" max:"1e6"`
	Low   float64 `yaml:"low" min:"0" max:"1e6"`
	High  float64 `yaml:"high" min:"0" max:"1e6"`
}

// Process is a manufacturing process.
type Process struct {
	Logic   AreaUnit `yaml:"logic_mtr_mm2,omitempty" doc:"millions of transistors in a square millimetre of logic as chips reach it"`
	Cell    AreaUnit `yaml:"sram_cell_um2,omitempty" doc:"area of the six-transistor cell"`
	Defects AreaUnit `yaml:"defects_per_cm2,omitempty"`
	Cluster AreaUnit `yaml:"defect_clustering,omitempty" doc:"alpha of the negative binomial yield"`
	Wafer   AreaUnit `yaml:"wafer_usd,omitempty" doc:"price of a 300 mm wafer"`
}

// AreaDie counts parts of the die.
type AreaDie struct {
	SpareSMs     int    `yaml:"spare_sms,omitempty" min:"0" max:"512" doc:"SMs that are on the die but off"`
	SpareL2      Bytes  `yaml:"spare_l2,omitempty" min:"0 B" max:"256 MiB" doc:"L2 that is on the die but off"`
	SpareMemory  int    `yaml:"spare_memory_bits,omitempty" min:"0" max:"8192" doc:"width of memory interfaces that are on the die but not used"`
	FP64Lanes    int    `yaml:"fp64_lanes,omitempty" min:"0" max:"256" doc:"of an SM, where some of them are off; none: as many as the machine has"`
	SpareCores   int    `yaml:"spare_cores,omitempty" min:"0" max:"512" doc:"CPU cores that are on the die but off"`
	Memory       string `yaml:"memory,omitempty" allowed:"none,hbm,gddr,lpddr,ddr" doc:"memory interface of machines that name no standard of DRAM; none: what a GPU's standard says"`
	MemoryBits   int    `yaml:"memory_bits,omitempty" min:"0" max:"8192" doc:"its width"`
	NVLinks      int    `yaml:"nvlinks,omitempty" min:"0" max:"64"`
	NVLink       int    `yaml:"nvlink_generation,omitempty" min:"1" max:"4"`
	PCIeLanes    int    `yaml:"pcie_lanes,omitempty" min:"0" max:"128"`
	PCIe         int    `yaml:"pcie_generation,omitempty" min:"3" max:"5"`
	TextureUnits int    `yaml:"texture_units,omitempty" min:"0" max:"64" doc:"of an SM"`
	RTCores      int    `yaml:"rt_cores,omitempty" min:"0" max:"4" doc:"of an SM"`
	ROPs         int    `yaml:"rops,omitempty" min:"0" max:"512" doc:"pixels a clock that the raster back ends write"`
	SocketLinks  int    `yaml:"socket_links,omitempty" min:"0" max:"8" doc:"links to other sockets"`
}

// AreaBlock is a block of a known or a missing area.
type AreaBlock struct {
	MM2 float64 `yaml:"mm2" min:"-2000" max:"2000"`
}

// areaDir holds the area tables, those of chips and those of units, and the file
// of processes.
const areaDir = "area"

const processFile = "process"

// AreaTables lists the embedded area tables in alphabetical order.
func AreaTables() []string {
	return slices.DeleteFunc(embeddedNames(areaDir), func(name string) bool { return name == processFile })
}

// mergeArea lays the machine's area section over its area table, the table over
// the units that it takes from another file, and the figures of the process under
// all of them.
func (l *loader) mergeArea(root *node) error {
	if ref := root.get("area_table"); ref != nil && ref.kind == scalar && ref.text != noTable {
		table, err := l.areaTable(ref, "area_table", l.areaFrom)
		if err != nil {
			return err
		}
		if from := table.get("units_from"); from != nil && from.kind == scalar {
			base, err := l.areaTable(from, "area.units_from", l.areaFrom)
			if err != nil {
				return err
			}
			table = overlay(base, table)
		}
		if inline := root.get("area"); inline != nil {
			if e := newUnit(table, inline); e != nil {
				return e.errorf("area.units."+e.name, "area table %s has no such unit%s", ref.text, suggestName(e.name, table.get("units").names()))
			}
			table = overlay(table, inline)
		}
		root.set("area", table)
	}
	return l.mergeProcess(root)
}

// newUnit finds a unit that the table lacks: nothing would read it.
func newUnit(table, own *node) *entry {
	s := own.get("units")
	if s == nil {
		return nil
	}
	for i := range s.entries {
		if e := &s.entries[i]; table.get("units").get(e.name) == nil {
			return e
		}
	}
	return nil
}

// mergeProcess puts the figures of the process below what the section states.
func (l *loader) mergeProcess(root *node) error {
	area := root.get("area")
	ref := area.get("process")
	if ref == nil || ref.kind != scalar {
		return nil
	}
	file, err := l.file(source{name: processFile, embedded: true, dir: areaDir})
	if err != nil {
		return err
	}
	node := file.get(ref.text)
	if node == nil {
		near, _ := nearest(ref.text, file.names())
		return ref.errorf("area.process", "%q is no process that is known here%s", ref.text, hint(near, strings.Join(file.names(), ", ")))
	}
	if own := area.get("node"); own != nil {
		node = overlay(node, own)
	}
	out := area.copied()
	out.set("node", node)
	root.set("area", out)
	return nil
}

// areaTable reads the table that a key names: NAME means area/NAME.yaml beside
// the file that says so, else the embedded table; a path counts from that file's
// folder, for --set from the working directory.
func (l *loader) areaTable(ref *node, key string, from source) (*node, error) {
	src := source{name: ref.text, embedded: true, dir: areaDir}
	onDisk := !from.embedded
	if strings.HasPrefix(ref.file, setPrefix) {
		from, onDisk = source{name: "."}, !isName(ref.text)
	}
	file := ref.text
	if isName(file) {
		file = areaDir + "/" + file + suffix
	}
	if beside := besideOf(from, file); onDisk && l.exists(beside) {
		src = beside
	} else if !contains(AreaTables(), ref.text) {
		near, _ := nearest(ref.text, AreaTables())
		return nil, ref.errorf(key, "%q is neither an embedded area table nor a file%s", ref.text, hint(near, strings.Join(AreaTables(), ", ")))
	}
	n, err := l.file(src)
	if err != nil {
		return nil, err
	}
	var probe Area
	return n, decode(n, reflect.ValueOf(&probe).Elem(), &field{}, "")
}

// first says whether an override chooses a file, so that what stands in it can be
// overridden by others.
func (o *override) first() bool {
	switch strings.Join(o.path, ".") {
	case "energy_table", "area_table", "area.process", "area.units_from":
		return true
	}
	return false
}
