package configs

import (
	"slices"
	"strings"
	"testing"
)

// Every shipped machine loads, is named as its file and says what it is.
func TestShippedMachines(t *testing.T) {
	names := Names()
	if len(names) == 0 || !slices.IsSorted(names) {
		t.Fatal(names)
	}
	hashes := map[string]string{}
	for _, name := range names {
		m, err := Load(name, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.Name != name || m.Description == "" || len(m.Workloads) == 0 {
			t.Errorf("%s: name %q, description %q, %d workloads", name, m.Name, m.Description, len(m.Workloads))
		}
		byPath, err := Load("configs/"+name+".yaml", nil)
		if err != nil || byPath.Hash() != m.Hash() {
			t.Errorf("%s by its path: %v", name, err)
		}
		if other, dup := hashes[m.Hash()]; dup {
			t.Errorf("%s is the same as %s", name, other)
		}
		hashes[m.Hash()] = name
	}
	if m, err := Load("volta", nil); err != nil || m.GPU == nil || m.CPU != nil {
		t.Error("volta is no GPU", err)
	}
}

// Every energy table is read by some machine, and says where it counts.
func TestShippedEnergyTables(t *testing.T) {
	used := map[string]bool{}
	for _, name := range Names() {
		if m, err := Load(name, nil); err == nil {
			used[m.EnergyTable] = true
		}
	}
	for _, table := range EnergyTables() {
		if !used[table] {
			t.Errorf("no machine uses the energy table %s", table)
		}
		if _, err := Load("volta", []string{"energy_table=" + table}); err != nil {
			t.Error(err)
		}
	}
}

// No device name is claimed twice, and each leads to its machine however it is
// spelt.
func TestForDevice(t *testing.T) {
	claims := map[string]string{}
	for _, name := range Names() {
		m, err := Load(name, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, d := range m.Devices {
			n := normalDevice(d)
			if other, dup := claims[n]; dup {
				t.Errorf("%q is claimed by %s and %s", d, other, name)
			}
			claims[n] = name
			for _, spelling := range []string{d, strings.ToUpper(d), strings.ToLower(d), "  " + d + "\t", strings.ReplaceAll(d, " ", "  ")} {
				if have, ok := ForDevice(spelling); !ok || have != name {
					t.Errorf("%q leads to %q, want %s", spelling, have, name)
				}
			}
			if m, err := Load(strings.ToLower(d), nil); err != nil || m.Name != name {
				t.Errorf("%q loads %v, %v", strings.ToLower(d), m, err)
			}
		}
	}
	for _, d := range []string{"", " ", "Voodoo 2", "V 100"} {
		if have, ok := ForDevice(d); ok {
			t.Errorf("%q leads to %s", d, have)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"cuont", "count"}, {"COUNT", "count"}, {"coun", "count"}, {"slices", "slices"}, {"slice", "slices"}, {"x", ""}, {"", ""}, {"l3", "l1"}, {"entirely", ""},
		{strings.Repeat("c", 100), ""},
	} {
		if have, _ := nearest(c.word, []string{"count", "slices", "l1", "l2"}); have != c.want {
			t.Errorf("nearest to %q is %q, want %q", c.word, have, c.want)
		}
	}
}
