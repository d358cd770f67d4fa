package configs

import (
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

// machine reads a machine file and the files it inherits from, each laid over
// its base.
func (l *loader) machine(s source) (*node, error) {
	l.open = append(l.open, s)
	defer func() { l.open = l.open[:len(l.open)-1] }()
	root, err := l.file(s)
	if err != nil {
		return nil, err
	}
	inherits := root.get("inherits")
	if inherits == nil {
		l.tableFrom, l.areaFrom = s, s
		return root, nil
	}
	if inherits.kind != scalar || inherits.tag != "!!str" || inherits.text == "" {
		return nil, inherits.errorf("inherits", "want the name of an embedded machine or a file, have %s", inherits.have())
	}
	base, err := l.base(s, inherits)
	if err != nil {
		return nil, err
	}
	b, err := l.machine(base)
	if err != nil {
		return nil, err
	}
	if root.get("energy_table") != nil {
		l.tableFrom = s
	}
	if root.get("area_table") != nil {
		l.areaFrom = s
	}
	return overlay(b, root), nil
}

// base finds the file that inherits names: NAME means NAME.yaml beside this
// file, else the embedded machine; a path counts from this file's folder and
// means an embedded machine where there is no such file.
func (l *loader) base(s source, inherits *node) (source, error) {
	want := inherits.text
	names := Names()
	var candidates []source
	file := want
	if isName(want) {
		file = want + suffix
	}
	if beside := besideOf(s, file); !s.embedded && l.exists(beside) {
		candidates = append(candidates, beside)
	}
	if isName(want) {
		switch {
		case contains(names, want):
			candidates = append(candidates, source{name: want, embedded: true})
		case contains(SystemNames(), want):
			candidates = append(candidates, source{name: want, embedded: true, dir: systemDir})
		}
	} else if name, ok := embeddedName(want, names); ok {
		candidates = append(candidates, source{name: name, embedded: true})
	}
	// A file volta.yaml that inherits volta means the embedded one.
	if isName(want) && len(candidates) > 1 && candidates[0].same(s) {
		candidates = candidates[1:]
	}
	if len(candidates) == 0 {
		return source{}, inherits.errorf("inherits", "%q is neither an embedded machine nor a file beside this one%s", want,
			machineHint(want, append(names, SystemNames()...)))
	}
	for i, o := range l.open {
		if o.same(candidates[0]) {
			var chain []string
			for _, c := range l.open[i:] {
				chain = append(chain, path.Base(filepath.ToSlash(c.display())))
			}
			chain = append(chain, path.Base(filepath.ToSlash(o.display())))
			return source{}, inherits.errorf("inherits", "cycle: %s", strings.Join(chain, " -> "))
		}
	}
	return candidates[0], nil
}

// isName says whether s is a bare name rather than a path.
func isName(s string) bool {
	return !strings.ContainsAny(s, `/\`) && !strings.HasSuffix(s, suffix)
}

// besideOf is a path as seen from the folder of a file on disk.
func besideOf(s source, file string) source {
	if filepath.IsAbs(file) {
		return source{name: file}
	}
	return source{name: filepath.Join(filepath.Dir(s.name), filepath.FromSlash(file))}
}

// noTable is the energy_table of a machine whose coefficients all stand inline.
const noTable = "none"

// mergeEnergy replaces the energy section by the energy table with the section
// laid over it.
func (l *loader) mergeEnergy(root *node) error {
	ref := root.get("energy_table")
	if ref == nil || ref.kind != scalar || ref.text == noTable {
		return nil // decode reports what is wrong
	}
	src, err := l.energyTable(ref)
	if err != nil {
		return err
	}
	table, err := l.file(src)
	if err != nil {
		return err
	}
	var probe Energy
	if err := decode(table, reflect.ValueOf(&probe).Elem(), &field{}, ""); err != nil {
		return err
	}
	inline := root.get("energy")
	if inline == nil {
		root.set("energy", table)
		return nil
	}
	if key, e := invented(table, inline); e != nil {
		known := table.get(strings.Split(key, ".")[1])
		return e.errorf(key, "energy table %s has no such coefficient%s", ref.text, suggestName(e.name, known.names()))
	}
	root.set("energy", overlay(table, inline))
	return nil
}

// invented finds a coefficient that the known ones lack: it is a misspelt one,
// nothing would read it.
func invented(known, own *node) (key string, e *entry) {
	for _, section := range []string{"events", "static"} {
		s := own.get(section)
		if s == nil {
			continue
		}
		for i := range s.entries {
			if e := &s.entries[i]; known.get(section).get(e.name) == nil {
				return "energy." + section + "." + e.name, e
			}
		}
	}
	return "", nil
}

// suggestName names the coefficient that was probably meant, or all.
func suggestName(name string, names []string) string {
	if near, ok := nearest(name, names); ok {
		return hint(near, "")
	}
	return " (allowed: " + strings.Join(names, ", ") + ")"
}

// energyTable finds the file that energy_table names: NAME means
// energy/NAME.yaml beside the file that says so, else the embedded table; a
// path counts from that file's folder, for --set from the working directory,
// and energy/NAME.yaml means the embedded table where there is no such file.
func (l *loader) energyTable(ref *node) (source, error) {
	want := ref.text
	names := EnergyTables()
	from, onDisk := l.tableFrom, !l.tableFrom.embedded
	if strings.HasPrefix(ref.file, setPrefix) {
		from, onDisk = source{name: "."}, !isName(want)
	}
	file, name := want, want
	if isName(want) {
		file = energyDir + "/" + want + suffix
	} else {
		p := strings.TrimPrefix(path.Clean(filepath.ToSlash(want)), home+"/")
		dir, base := path.Split(p)
		if name = ""; dir == energyDir+"/" {
			name = strings.TrimSuffix(base, suffix)
		}
	}
	if onDisk {
		if s := besideOf(from, file); l.exists(s) {
			return s, nil
		}
	}
	if contains(names, name) {
		return source{name: name, embedded: true, dir: energyDir}, nil
	}
	near, _ := nearest(want, names)
	return source{}, ref.errorf("energy_table", "%q is neither an embedded energy table nor a file%s", want,
		hint(near, strings.Join(append(names, noTable), ", ")))
}
