package configs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Base is a machine file that is read once and loaded many times with other
// overrides, as sweeps do. It may be used from several goroutines.
type Base struct {
	root      *node
	tableFrom source
	mu        sync.Mutex
	read      func(path string) ([]byte, error)
	disk      map[string][]byte // files on disk that were read
	files     map[source]*node  // energy tables, DRAM standards and link types by place
}

// Open reads a machine file, and those that it inherits from, without checking
// what With will check.
func Open(nameOrPath string) (*Base, error) {
	return open(nameOrPath, readFile)
}

// OpenFiles is Open where files on disk are those of another process, by path: what
// Files of its Base gave.
func OpenFiles(nameOrPath string, files map[string][]byte) (*Base, error) {
	return open(nameOrPath, func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return text, nil
		}
		return nil, fs.ErrNotExist
	})
}

func open(nameOrPath string, read func(string) ([]byte, error)) (*Base, error) {
	b := &Base{files: map[source]*node{}, disk: map[string][]byte{}}
	b.read = func(path string) ([]byte, error) {
		text, err := read(path)
		if err == nil {
			b.mu.Lock()
			b.disk[path] = text
			b.mu.Unlock()
		}
		return text, err
	}
	l := loader{readDisk: b.read}
	src, err := l.locate(nameOrPath)
	if err != nil {
		return nil, err
	}
	if b.root, err = l.machine(src); err != nil {
		return nil, err
	}
	b.tableFrom = l.tableFrom
	return b, nil
}

// Files are the files on disk that were read so far, by path.
func (b *Base) Files() map[string][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.disk)
}

// With is Load with these overrides.
func (b *Base) With(sets []string) (*Machine, error) {
	l := loader{readDisk: b.read, tableFrom: b.tableFrom, opened: b}
	return l.resolve(b.root.copied(), sets)
}

// file gives a file that was read before.
func (b *Base) file(s source, read func() (*node, error)) (*node, error) {
	b.mu.Lock()
	n := b.files[s]
	b.mu.Unlock()
	if n == nil {
		var err error
		if n, err = read(); err != nil {
			return nil, err
		}
		b.mu.Lock()
		b.files[s] = n
		b.mu.Unlock()
	}
	return n.copied(), nil
}

// IsKey says whether a dotted path names a value that overrides of this machine can set, and
// if not, what is wrong with it.
func (b *Base) IsKey(key string) error {
	_, err := parseSets([]string{key + "=0"}, b.fileType(), b.root.machineKind())
	return err
}

// CheckValue says what is wrong with a value of a key whatever the others are: its form, its
// unit, its range.
func (b *Base) CheckValue(key, value string) error {
	sets, err := parseSets([]string{key + "=" + value}, b.fileType(), b.root.machineKind())
	if err != nil {
		return err
	}
	f := b.fieldAt(key)
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct || t.Kind() == reflect.Map {
		return nil // laid over what is there: it need not be whole
	}
	return decode(sets[0].value, reflect.New(t).Elem(), f, key)
}

func (b *Base) fileType() reflect.Type {
	if b.root.isSystem() {
		return reflect.TypeFor[systemFile]()
	}
	return reflect.TypeFor[Machine]()
}

// HashOf is the Hash of those values only whose keys are kept.
func (m *Machine) HashOf(keep func(key string) bool) string { return m.Written().HashOf(keep) }

// Written is a machine's values as they are hashed, for who needs several hashes of one
// machine. It does not follow changes of the machine.
type Written struct{ lines []written }

type written struct{ key, line string }

// Written writes a machine's values out.
func (m *Machine) Written() Written {
	var w Written
	flatten(m.file(), "", func(path, text string) {
		w.lines = append(w.lines, written{path, path + "=" + text + "\n"})
	})
	slices.SortFunc(w.lines, func(a, b written) int { return strings.Compare(a.line, b.line) })
	return w
}

// HashOf is the Hash of those values only whose keys are kept.
func (w Written) HashOf(keep func(key string) bool) string {
	sum := sha256.New()
	for i := range w.lines {
		if l := &w.lines[i]; keep(l.key) {
			_, _ = io.WriteString(sum, l.line) // a hash takes everything
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Value is a machine's value by its key in base units (Hz, bytes, bytes per
// second, watts); a switch is 0 or 1. ok is false where there is no such value, or it
// is no number.
func (m *Machine) Value(key string) (v float64, ok bool) {
	at := m.file()
	for _, p := range strings.Split(key, ".") {
		for at.Kind() == reflect.Pointer {
			if at.IsNil() {
				return 0, false
			}
			at = at.Elem()
		}
		switch at.Kind() {
		case reflect.Struct:
			fd := fieldOf(fields(at.Type()), p)
			if fd == nil {
				return 0, false
			}
			at = at.Field(fd.index)
		case reflect.Map:
			if at = at.MapIndex(reflect.ValueOf(p)); !at.IsValid() {
				return 0, false
			}
		case reflect.Slice:
			i := 0
			for _, c := range []byte(p) {
				if c < '0' || c > '9' || i > at.Len() {
					return 0, false
				}
				i = 10*i + int(c-'0')
			}
			if p == "" || i >= at.Len() {
				return 0, false
			}
			at = at.Index(i)
		default:
			return 0, false
		}
	}
	scale := 1.0
	switch at.Type() { // held in parts of the unit
	case voltageType:
		scale = 1e-6
	case durationType:
		scale = 1e-12
	}
	switch at.Kind() {
	case reflect.Bool:
		if at.Bool() {
			return 1, true
		}
		return 0, true
	case reflect.Int, reflect.Int64:
		return float64(at.Int()) * scale, true
	case reflect.Uint64:
		return float64(at.Uint()) * scale, true
	case reflect.Float64:
		return at.Float() * scale, true
	}
	return 0, false
}

// fieldAt is what is known of a key; nil if there is no such key.
func (b *Base) fieldAt(key string) *field {
	f := &field{typ: b.fileType()}
	for _, p := range strings.Split(key, ".") {
		t := f.typ
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Struct:
			if f = fieldOf(fields(t), p); f == nil {
				return nil
			}
		case reflect.Map, reflect.Slice:
			f = &field{typ: t.Elem()}
		default:
			return nil
		}
	}
	return f
}

// typeOf is the type of a key's values; nil if there is no such key.
func (b *Base) typeOf(key string) reflect.Type {
	if f := b.fieldAt(key); f != nil {
		return f.typ
	}
	return nil
}

// Unit is the base unit in which values of a key are written, such as "Hz"; empty
// for plain numbers, and for keys that are not known.
func (b *Base) Unit(key string) string { return unitOf(b.typeOf(key)) }

func unitOf(t reflect.Type) string {
	switch us := unitsOf[t]; {
	case len(us) == 0:
		return ""
	case t == powerType:
		return "W"
	case t == voltageType:
		return "V"
	case t == durationType:
		return "s"
	default:
		return us[len(us)-1].name
	}
}

// Format writes a number in base units as a value of a key: a whole number where only
// those are allowed, with its unit, a word for a switch.
func (b *Base) Format(key string, v float64) string {
	switch t := b.typeOf(key); {
	case t == nil:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case t == powerType:
		return Power(v).String()
	case t == voltageType:
		return Voltage(math.Round(v * 1e6)).String()
	case t == durationType:
		return Duration(math.Round(v * 1e12)).String()
	case t.Kind() == reflect.Bool:
		return strconv.FormatBool(v != 0)
	case t.Kind() == reflect.Float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		n := reflect.New(t).Elem()
		if n.CanUint() {
			n.SetUint(uint64(math.Round(v)))
		} else {
			n.SetInt(int64(math.Round(v)))
		}
		return scalarText(n)
	}
}

// ParseQuantity reads a number, with or without one of the units that machine
// files know, in base units (Hz, bytes, bytes per second, watts, volts, seconds).
func ParseQuantity(s string) (float64, error) {
	for _, us := range [][]unit{freqUnits, bytesUnits, rateUnits, powerUnits, {{"V", 1, 1}, {"mV", 1, 1e3}}, {{"s", 1, 1}, {"ms", 1, 1e3}, {"us", 1, 1e6}, {"ns", 1, 1e9}}} {
		if r, _, err := parseQuantity(s, us); err == nil {
			v, _ := r.Float64()
			return v, nil
		}
	}
	if !decimalNumber.MatchString(s) {
		return 0, fmt.Errorf("%q is neither a number nor a quantity (such as 900 GB/s, 6 MiB, 1.4 GHz, 300 W)", s)
	}
	return strconv.ParseFloat(s, 64)
}
