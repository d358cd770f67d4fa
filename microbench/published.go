package microbench

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"gpusim/configs"
)

// Published is a figure that others measured on silicon.
type Published struct {
	Device, Key string
	Value       float64
	Unit        string
	Source      string
}

//go:embed data/published.csv
var publishedCSV string

// published is the table that ships with the program.
var published = sync.OnceValues(func() ([]Published, error) {
	rows, err := csv.NewReader(strings.NewReader(publishedCSV)).ReadAll()
	if err != nil {
		return nil, err
	}
	var out []Published
	for i, r := range rows[1:] {
		v, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			return nil, fmt.Errorf("data/published.csv line %d: %w", i+2, err)
		}
		out = append(out, Published{Device: r[0], Key: r[1], Value: v, Unit: r[3], Source: r[4]})
	}
	return out, nil
})

// PublishedFor gives the figures of the devices that a machine answers to, by
// key.
func PublishedFor(m *configs.Machine) (map[string]Published, error) {
	all, err := published()
	if err != nil {
		return nil, err
	}
	out := map[string]Published{}
	for _, p := range all {
		if name, ok := configs.ForDevice(p.Device); ok && name == m.Name {
			out[p.Key] = p
		}
	}
	return out, nil
}
