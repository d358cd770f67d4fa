package configs

import "testing"

// Every area table is read by some machine or other table, and says what it says of
// any process; its figures lie in their ranges.
func TestShippedAreaTables(t *testing.T) {
	used := map[string]bool{}
	for _, name := range Names() {
		m, err := Load(name, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		used[m.AreaTable], used[m.Area.From] = true, true
		units := map[string]AreaUnit{"logic": m.Area.Node.Logic, "cell": m.Area.Node.Cell, "defects": m.Area.Node.Defects, "wafer": m.Area.Node.Wafer, "clustering": m.Area.Node.Cluster}
		for unit, u := range m.Area.Units {
			units[unit] = u
		}
		for unit, u := range units {
			if u.Low > u.Value || u.High < u.Value {
				t.Errorf("%s: %s is %g, outside %g to %g", name, unit, u.Value, u.Low, u.High)
			}
		}
	}
	for _, table := range AreaTables() {
		if !used[table] {
			t.Errorf("nothing uses the area table %s", table)
		}
		if _, err := Load("volta", []string{"area_table=" + table}); err != nil {
			t.Error(err)
		}
	}
	for _, n := range embeddedTree(t, source{name: processFile, embedded: true, dir: areaDir}).names() {
		if _, err := Load("volta", []string{"area.process=" + n}); err != nil {
			t.Error(err)
		}
	}
}

// A figure, a count and a process can be overridden, and a file of one's own may lie
// beside the machine.
func TestAreaOverrides(t *testing.T) {
	files := map[string]string{
		"m.yaml":         "inherits: volta\narea: {units: {l2_cells: {value: 4}}}",
		"own.yaml":       "inherits: volta\narea_table: mine",
		"area/mine.yaml": "units_from: gpu\nprocess: n7\ndie: {spare_sms: 1}",
		"bad.yaml":       "inherits: volta\narea: {units: {l2_cell: {value: 4}}}",
	}
	m, err := loadFiles(files, "m.yaml", "area.die.spare_sms=7", "area.node.sram_cell_um2.value=0.05")
	if err != nil {
		t.Fatal(err)
	}
	if u := m.Area.Units["l2_cells"]; u.Value != 4 || u.High == 0 || m.Area.Die.SpareSMs != 7 || m.Area.Node.Cell.Value != 0.05 || m.Area.Die.NVLinks != 6 {
		t.Errorf("%+v %+v %+v", u, m.Area.Die, m.Area.Node)
	}
	m, err = loadFiles(files, "own.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if m.Area.Process != "n7" || m.Area.Die.NVLinks != 0 || len(m.Area.Units) == 0 {
		t.Errorf("%+v", m.Area)
	}
	if _, err = loadFiles(files, "bad.yaml"); err == nil {
		t.Error("a misspelt unit is accepted")
	} else {
		isMistake(t, err)
	}
}
