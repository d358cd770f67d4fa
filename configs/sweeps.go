package configs

import "embed"

// sweepFiles are the example sweeps. They are no part of any machine.
//
//go:embed sweeps/*.yaml
var sweepFiles embed.FS

// Sweeps lists the embedded sweeps in alphabetical order.
func Sweeps() []string {
	files, err := sweepFiles.ReadDir("sweeps")
	if err != nil {
		return nil // the folder is not part of this build
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name()[:len(f.Name())-len(suffix)])
	}
	return names
}

// Sweep gives the text of an embedded sweep.
func Sweep(name string) ([]byte, bool) {
	text, err := sweepFiles.ReadFile("sweeps/" + name + suffix)
	return text, err == nil
}
