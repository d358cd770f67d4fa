package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is one file of a result folder.
type File struct {
	Name string
	Data []byte
	Path string // a file in the folder, under another name, that holds the data instead
}

// hash is the SHA-256 of the data in hexadecimal.
func (f *File) hash() (string, error) {
	if f.Path == "" {
		return Hash(f.Data), nil
	}
	in, err := os.Open(f.Path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ManifestName is the file that makes a folder a complete result folder.
const ManifestName = "manifest.json"

// WriteResults writes the tables of a result folder and its manifest.
func WriteResults(dir string, tables []File, m Manifest) error {
	files, err := WithManifest(tables, m)
	if err != nil {
		return err
	}
	return WriteFolder(dir, files)
}

// WriteFolder writes all files or none: they go to temporary names first and
// are renamed when all are on disk, the manifest last, so a folder with a
// manifest is complete. What a failed attempt made, folders included, is
// removed again. The error is one line.
func WriteFolder(dir string, files []File) (err error) {
	undo, err := MakeFolder(dir)
	if err != nil {
		return err
	}
	var temps []string
	defer func() {
		if err == nil {
			return
		}
		for _, t := range temps {
			_ = os.Remove(t) // gone already where it was renamed
		}
		undo()
	}()
	for _, f := range files {
		target := filepath.Join(dir, f.Name)
		if st, err := os.Lstat(target); err == nil && !st.Mode().IsRegular() {
			return fmt.Errorf("cannot write %s: not a regular file", target)
		}
		t, err := writeTemp(dir, f)
		if err != nil {
			return fmt.Errorf("cannot write %s: %s", target, reason(err))
		}
		temps = append(temps, t)
	}
	// An old manifest must not stand beside new tables, should we be stopped
	// between two renames.
	manifest := filepath.Join(dir, ManifestName)
	if err := os.Remove(manifest); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot replace %s: %s", manifest, reason(err))
	}
	last := -1
	for i, f := range files {
		if f.Name == ManifestName {
			last = i
			continue
		}
		if err := os.Rename(temps[i], filepath.Join(dir, f.Name)); err != nil {
			return fmt.Errorf("cannot write %s: %s", filepath.Join(dir, f.Name), reason(err))
		}
	}
	if last >= 0 {
		if err := os.Rename(temps[last], manifest); err != nil {
			return fmt.Errorf("cannot write %s: %s", manifest, reason(err))
		}
	}
	return nil
}

// resultNames are the files that some command writes beside a manifest.
var resultNames = []string{
	"summary.csv", "layers.csv", "energy.csv", "stalls.csv", "links.csv", "wall.csv", "steps.csv", "timeline.csv", "power.csv",
	"validation.csv", "suites.csv", "microbench.csv", "curves.csv", "ladder.csv", "claims.csv", "claims.md",
	"sweep.csv", "pareto.csv", "elasticities.csv", "pareto.svg",
}

// CheckFolder finds out before a long run whether results can be written:
// it makes the folder and a file in it and takes both away again. A folder without a
// manifest that holds a file of a result's name is somebody else's.
func CheckFolder(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, ManifestName)); err != nil {
		for _, name := range resultNames {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				return fmt.Errorf("%s holds %s but no %s, so it is no result folder: name another one, or move the file away", dir, name, ManifestName)
			}
		}
	}
	undo, err := MakeFolder(dir)
	if err != nil {
		return err
	}
	defer undo()
	t, err := writeTemp(dir, File{Name: ManifestName})
	if err != nil {
		return fmt.Errorf("cannot write into the result folder %s: %s", dir, reason(err))
	}
	return os.Remove(t)
}

// MakeFolder makes a folder that is written to while the results come. undo takes away
// what it made and is still empty.
func MakeFolder(dir string) (undo func(), err error) {
	made, err := makeDirs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot create the result folder %s: %s", dir, reason(err))
	}
	return func() {
		for i := len(made) - 1; i >= 0; i-- {
			_ = os.Remove(made[i]) // only empty ones go
		}
	}, nil
}

// makeDirs is MkdirAll that tells which folders it made, outermost first.
func makeDirs(dir string) (made []string, err error) {
	dir = filepath.Clean(dir)
	if st, err := os.Stat(dir); err == nil {
		if !st.IsDir() {
			return nil, &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("not a folder")}
		}
		return nil, nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if made, err = makeDirs(parent); err != nil {
			return made, err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		for i := len(made) - 1; i >= 0; i-- {
			_ = os.Remove(made[i])
		}
		return nil, err
	}
	return append(made, dir), nil
}

func writeTemp(dir string, f File) (string, error) {
	if f.Path != "" {
		return f.Path, os.Chmod(f.Path, 0o644)
	}
	t, err := os.CreateTemp(dir, "."+f.Name+".tmp*")
	if err != nil {
		return "", err
	}
	_, err = t.Write(f.Data)
	if err == nil {
		err = t.Sync() // a full disk shows here at the latest
	}
	if e := t.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(t.Name(), 0o644)
	}
	if err != nil {
		_ = os.Remove(t.Name())
		return "", err
	}
	return t.Name(), nil
}

// reason is an I/O error without the path, which the message names already.
func reason(err error) string {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		return pe.Err.Error()
	case errors.As(err, &le):
		return le.Err.Error()
	}
	return oneLine(err.Error())
}
