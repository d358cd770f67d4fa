package configs

import (
	"reflect"
	"strings"
)

// UserFile is a YAML file whose values know where they stand, for files of other
// kinds than machines: read as strictly, and blamed in the same way.
type UserFile struct{ root *node }

// ParseUserFile reads one YAML document.
func ParseUserFile(name string, text []byte) (*UserFile, error) {
	root, err := parse(name, text)
	if err != nil {
		return nil, err
	}
	return &UserFile{root}, nil
}

// Decode fills a struct by its tags (yaml, min, max, allowed), as of machine files.
func (f *UserFile) Decode(into any) error {
	return decode(f.root, reflect.ValueOf(into).Elem(), &field{}, "")
}

// Errorf is a mistake at a key, or at the nearest one above it that is there.
func (f *UserFile) Errorf(key, format string, a ...any) error {
	at := f.root
	for _, p := range strings.Split(key, ".") {
		next := at.find(p)
		if next == nil {
			break
		}
		at = next
	}
	return at.errorf(key, format, a...)
}

// Has says whether a key is there.
func (f *UserFile) Has(key string) bool { return f.root.find(strings.Split(key, ".")...) != nil }

// Scalar is a single value of any kind as it is written: a number, a quantity, a word.
type Scalar string

// Nearest gives the candidate that was probably meant by a word.
func Nearest(word string, candidates []string) (string, bool) { return nearest(word, candidates) }
