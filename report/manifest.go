package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// Manifest says how a result folder came about, with all that is needed to
// make it again. It is the only file that holds wall-clock times.
type Manifest struct {
	Tool          string            `json:"tool"`
	Version       string            `json:"version"`
	Command       string            `json:"command"` // run, validate ...
	CommandLine   []string          `json:"command_line"`
	Config        *ManifestConfig   `json:"config,omitempty"`
	Configs       []ManifestConfig  `json:"configs,omitempty"` // machines that measured rows chose
	Baseline      *ManifestConfig   `json:"baseline,omitempty"`
	Workloads     []string          `json:"workloads,omitempty"`
	WorkloadsHash string            `json:"workloads_sha256,omitempty"`
	Inputs        map[string]string `json:"inputs_sha256,omitempty"` // file -> hash
	Options       map[string]string `json:"options"`
	Seed          uint64            `json:"seed"` // of sweeps; nothing else draws random numbers
	ModelHash     string            `json:"model_sha256,omitempty"`
	Interrupted   bool              `json:"interrupted,omitempty"`
	Files         map[string]string `json:"files_sha256"` // the other files of the folder
	Started       time.Time         `json:"started"`
	WallSeconds   float64           `json:"wall_s"`
}

// ManifestConfig names a machine.
type ManifestConfig struct {
	Argument  string   `json:"argument"` // as typed or chosen
	Name      string   `json:"name"`
	Hash      string   `json:"sha256"` // of the resolved content
	Overrides []string `json:"overrides,omitempty"`
}

// Hash is the SHA-256 of data in hexadecimal.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// HashList is the Hash of the lines of a list.
func HashList(list []string) string { return Hash([]byte(strings.Join(list, "\n") + "\n")) }

// WithManifest adds the manifest to the files of a folder.
func WithManifest(files []File, m Manifest) ([]File, error) {
	m.Tool = "gpusim"
	m.Files = map[string]string{}
	for _, f := range files {
		h, err := f.hash()
		if err != nil {
			return nil, err
		}
		m.Files[f.Name] = h
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(files, File{Name: ManifestName, Data: append(data, '\n')}), nil
}

// RunFiles gives the tables of a 'run'.
func RunFiles(entries []Entry) ([]File, error) {
	ledger, err := EnergyCSV(entries)
	if err != nil {
		return nil, err
	}
	files := []File{
		{Name: "summary.csv", Data: SummaryCSV(entries)},
		{Name: "layers.csv", Data: LayersCSV(entries)},
		{Name: "energy.csv", Data: ledger},
		{Name: "stalls.csv", Data: StallsCSV(entries)},
	}
	for _, f := range []File{{Name: "steps.csv", Data: StepsCSV(entries)}, {Name: "timeline.csv", Data: TimelineCSV(entries)}} {
		if f.Data != nil {
			files = append(files, f)
		}
	}
	if wall := WallCSV(entries); wall != nil {
		files = append(files, File{Name: "wall.csv", Data: wall})
	}
	if links := LinksCSV(entries); links != nil {
		files = append(files, File{Name: "links.csv", Data: links})
	}
	return files, nil
}
