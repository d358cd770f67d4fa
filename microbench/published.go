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

// PublishedRung is a line of a published overhead ladder, at its node.
type PublishedRung struct {
	PayloadPJ, OverheadPJ, OverheadPct, NM float64
	Source                                 string
}

//go:embed data/ladder_published.csv
var ladderCSV string

// PublishedLadder gives the published lines by instruction class.
func PublishedLadder() (map[string]PublishedRung, error) {
	rows, err := csv.NewReader(strings.NewReader(ladderCSV)).ReadAll()
	if err != nil {
		return nil, err
	}
	out := map[string]PublishedRung{}
	for i, r := range rows[1:] {
		var v [4]float64
		for j := range v {
			if v[j], err = strconv.ParseFloat(r[j+1], 64); err != nil {
				return nil, fmt.Errorf("data/ladder_published.csv line %d: %w", i+2, err)
			}
		}
		out[r[0]] = PublishedRung{v[0], v[1], v[2], v[3], r[5]}
	}
	return out, nil
}
