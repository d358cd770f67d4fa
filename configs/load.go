package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

// Load reads a machine file and checks it. nameOrPath is the name of an
// embedded machine ("volta"), the path of a file, or a device that an embedded
// machine answers to ("P100"); "configs/volta.yaml" means the embedded machine
// where there is no such file. sets are overrides
// "key.path=value", applied in order. Every mistake of the user's is an *Error.
func Load(nameOrPath string, sets []string) (*Machine, error) {
	l := loader{readDisk: readFile}
	src, err := l.locate(nameOrPath)
	if err != nil {
		return nil, err
	}
	return l.load(src, sets)
}

// source names one file: an embedded one by name, or one on disk by path.
type source struct {
	name     string // embedded: without folder and suffix; disk: the path as given
	embedded bool
	dir      string // embedded: the folder below configs, if not configs itself
}

// display is the file name in error messages.
func (s source) display() string {
	switch {
	case !s.embedded:
		return s.name
	case s.dir != "":
		return home + "/" + s.dir + "/" + s.name + suffix
	}
	return home + "/" + s.name + suffix
}

// same says whether two sources are one file.
func (s source) same(o source) bool {
	if s.embedded || o.embedded {
		return s == o
	}
	a, err1 := filepath.Abs(s.name)
	b, err2 := filepath.Abs(o.name)
	return err1 == nil && err2 == nil && a == b
}

// loader reads the files of one machine.
type loader struct {
	readDisk func(path string) ([]byte, error)
	open     []source // files being read, outermost first

	tableFrom source // the file whose energy_table counts
	areaFrom  source // the file whose area_table counts

	opened *Base // remembers the files that are read beside machine files; nil: nobody does
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte more than allowed, so that parse sees that it is too large.
	return io.ReadAll(io.LimitReader(f, maxFileBytes+1))
}

func noDisk(string) ([]byte, error) { return nil, fs.ErrNotExist }

func (l *loader) read(s source) ([]byte, error) {
	if !s.embedded {
		return l.readDisk(s.name)
	}
	return embedded.ReadFile(path.Join(s.dir, s.name+suffix))
}

func (l *loader) exists(s source) bool {
	_, err := l.read(s)
	return !errors.Is(err, fs.ErrNotExist)
}

// locate finds the file that the user names.
func (l *loader) locate(nameOrPath string) (source, error) {
	names := Names()
	if contains(names, nameOrPath) {
		return source{name: nameOrPath, embedded: true}, nil
	}
	systems := SystemNames()
	if contains(systems, nameOrPath) {
		return source{name: nameOrPath, embedded: true, dir: systemDir}, nil
	}
	disk := source{name: nameOrPath}
	if nameOrPath != "" && l.exists(disk) {
		return disk, nil
	}
	if name, ok := embeddedName(nameOrPath, names); ok {
		return source{name: name, embedded: true}, nil
	}
	if name, ok := embeddedSystem(nameOrPath, systems); ok {
		return source{name: name, embedded: true, dir: systemDir}, nil
	}
	if name, ok := ForDevice(nameOrPath); ok {
		return source{name: name, embedded: true}, nil
	}
	if nameOrPath == "" {
		return source{}, &Error{File: "config", Reason: "no machine named" + machineHint("", nil)}
	}
	word := strings.TrimSuffix(filepath.Base(nameOrPath), suffix)
	return source{}, &Error{File: nameOrPath, Reason: "no such file, and no embedded machine of that name" + machineHint(word, append(names, systems...))}
}

// machineHint names the machine that was probably meant, and where all stand: they are too
// many for one line.
func machineHint(word string, names []string) string {
	const all = "'gpusim config list' names those that are built in"
	if near, ok := nearest(word, names); ok {
		return fmt.Sprintf(" (did you mean %q? %s)", near, all)
	}
	return " (" + all + ")"
}

// load resolves, decodes and checks one machine.
func (l *loader) load(src source, sets []string) (*Machine, error) {
	root, err := l.machine(src)
	if err != nil {
		return nil, err
	}
	return l.resolve(root, sets)
}

// resolve overrides, completes, decodes and checks a machine's tree, whose top is
// changed.
func (l *loader) resolve(root *node, sets []string) (*Machine, error) {
	if root.isSystem() {
		return l.system(root, sets)
	}
	overrides, err := parseSets(sets, reflect.TypeFor[Machine](), root.machineKind())
	if err != nil {
		return nil, err
	}
	inherits := root.get("inherits")
	// The energy table is chosen first, so that a coefficient can be set.
	for i := range overrides {
		if o := &overrides[i]; o.first() {
			if err := o.apply(root); err != nil {
				return nil, err
			}
		}
	}
	if err := l.mergeEnergy(root); err != nil {
		return nil, err
	}
	if err := l.mergeArea(root); err != nil {
		return nil, err
	}
	energy := root.get("energy")
	units := root.get("area")
	for i := range overrides {
		if o := &overrides[i]; !o.first() {
			if err := o.apply(root); err != nil {
				return nil, err
			}
			if energy == nil {
				continue
			}
			// Coefficients can be changed but not invented.
			if key, e := invented(energy, root.get("energy")); e != nil {
				path := strings.Split(key, ".")
				return nil, o.unknown(path, 2, energy.get(path[1]).names())
			}
			if own := root.get("area"); units != nil && own != nil {
				if e := newUnit(units, own); e != nil {
					return nil, o.unknown([]string{"area", "units", e.name}, 2, units.get("units").names())
				}
			}
		}
	}
	if err := checkKind(root); err != nil {
		return nil, err
	}
	if err := setMode(root, overrides); err != nil {
		return nil, err
	}
	if err := l.mergeDRAM(root); err != nil {
		return nil, err
	}
	m := new(Machine)
	if err := decode(root, reflect.ValueOf(m).Elem(), &field{}, ""); err != nil {
		return nil, err
	}
	m.listed = root.get("workloads")
	if inherits != nil {
		m.Inherits = inherits.text
	}
	if m.Host != nil {
		c := &checker{root: root}
		if err := l.host(c, m.Host); err != nil {
			return nil, err
		}
		if c.err != nil {
			return nil, c.err
		}
	}
	if err := check(m, root); err != nil {
		return nil, err
	}
	return m, nil
}

// file reads and parses one file.
func (l *loader) file(s source) (*node, error) {
	if b := l.opened; b != nil {
		return b.file(s, func() (*node, error) { return (&loader{readDisk: l.readDisk}).file(s) })
	}
	text, err := l.read(s)
	if err != nil {
		var pe *fs.PathError
		reason := err.Error()
		if errors.As(err, &pe) {
			reason = pe.Err.Error() // without the path, which the error shows already
		}
		return nil, &Error{File: s.display(), Reason: fmt.Sprintf("cannot be read: %s", reason)}
	}
	return parse(s.display(), text)
}
