package configs

import (
	"embed"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync"
)

// embedded holds the machine files and, in folders of their own, the energy
// and area tables, the DRAM standards, the systems and the types of links.
//
//go:embed *.yaml energy/*.yaml area/*.yaml dram/*.yaml systems/*.yaml links/*.yaml
var embedded embed.FS

const (
	suffix    = ".yaml"
	energyDir = "energy"
	dramDir   = "dram"
	// home is the folder that embedded files show in error messages and under
	// which they are found when there is no such folder on disk.
	home = "configs"
)

// Names lists the embedded machines in alphabetical order.
func Names() []string { return embeddedNames(".") }

// EnergyTables lists the embedded energy tables in alphabetical order.
func EnergyTables() []string { return embeddedNames(energyDir) }

func embeddedNames(dir string) []string {
	files, err := embedded.ReadDir(dir)
	if err != nil {
		return nil // the folder is not part of this build
	}
	var names []string
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), suffix); ok && !f.IsDir() {
			names = append(names, name)
		}
	}
	sort.Strings(names) // ReadDir sorts h800-pcie.yaml before h800.yaml
	return names
}

// embeddedName finds the embedded file that a path may mean when there is no
// such file on disk: volta.yaml and configs/volta.yaml mean volta.
func embeddedName(p string, known []string) (string, bool) {
	p = path.Clean(filepath.ToSlash(p))
	dir, file := path.Split(p)
	name, ok := strings.CutSuffix(file, suffix)
	if !ok || dir != "" && dir != home+"/" {
		return "", false
	}
	return name, contains(known, name)
}

// ForDevice gives the embedded machine that answers to a device name of a
// measured table. Case and surrounding blanks do not count.
func ForDevice(device string) (name string, ok bool) {
	name, ok = deviceTable()[normalDevice(device)]
	return name, ok
}

func normalDevice(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// deviceTable maps the device names of all embedded machines; a test holds
// that no name is claimed twice.
var deviceTable = sync.OnceValue(func() map[string]string {
	table := make(map[string]string)
	for _, name := range Names() {
		l := loader{readDisk: noDisk}
		root, err := l.machine(source{name: name, embedded: true})
		if err != nil {
			continue // Load reports it to whoever asks for this machine
		}
		devices := root.get("devices")
		if devices == nil {
			continue
		}
		for _, d := range devices.items {
			table[normalDevice(d.text)] = name
		}
	}
	return table
})
