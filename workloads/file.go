package workloads

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFileBytes bounds workload files and tables; ours are below 1 MB.
const maxFileBytes = 64 << 20

// Expand turns one --workload argument into workloads: a workload string
// gives one, a .yaml list or a .csv table of measured rows all it holds, a
// network's file the network.
// Every error is an *Error.
func Expand(arg string) ([]Workload, error) {
	switch ext := strings.ToLower(filepath.Ext(arg)); {
	case strings.Contains(arg, ":") && !fileExists(arg):
		w, err := Parse(arg)
		if err != nil {
			return nil, err
		}
		return []Workload{w}, nil
	case ext == ".yaml" || ext == ".yml":
		text, err := readAll(arg)
		if err != nil {
			return nil, err
		}
		return parseYAML(arg, text)
	case ext == ".csv":
		text, err := readAll(arg)
		if err != nil {
			return nil, err
		}
		if isNetworkTable(text) {
			return networkFile(arg)
		}
		return tableWorkloads(arg, text)
	case ext == ".onnx":
		return networkFile(arg)
	}
	_, err := Parse(arg)
	return nil, err
}

// networkFile gives the network of a file, with nothing more said about it.
func networkFile(path string) ([]Workload, error) {
	w, err := OfNetwork(Network{Model: path, Fused: true})
	if err != nil {
		return nil, err
	}
	return []Workload{w}, nil
}

func fileExists(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.IsDir()
}

func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	if len(text) > maxFileBytes {
		return nil, &Error{File: path, Reason: "larger than 64 MiB: not a workload file"}
	}
	return text, nil
}

func fileError(path string, err error) error {
	reason := err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		reason = pe.Err.Error()
	}
	return &Error{File: path, Reason: "cannot be read: " + reason}
}

// parseYAML reads a list of workload strings, at the top of the file or below
// the one key "workloads".
func parseYAML(file string, text []byte) ([]Workload, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &Error{File: file, Reason: "empty file (want a list of workloads)"}
		}
		return nil, &Error{File: file, Reason: strings.ReplaceAll(err.Error(), "\n", " ")}
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Error{File: file, Reason: "more than one document"}
	}
	list := doc.Content[0]
	if list.Kind == yaml.MappingNode {
		if len(list.Content) != 2 || list.Content[0].Value != "workloads" {
			return nil, &Error{File: file, Line: list.Line, Reason: `want one key, "workloads", or a plain list`}
		}
		list = list.Content[1]
	}
	if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return nil, &Error{File: file, Line: list.Line, Reason: "want a list of workloads"}
	}
	var out []Workload
	for _, n := range list.Content {
		if n.Kind != yaml.ScalarNode {
			return nil, &Error{File: file, Line: n.Line, Reason: "want a workload string (quote it if it holds a colon and a blank)"}
		}
		w, err := Parse(n.Value)
		if err != nil {
			return nil, at(err, file, n.Line)
		}
		out = append(out, w)
	}
	return out, nil
}

// at puts the place into an error of Parse or OfGEMM.
func at(err error, file string, line int) error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{File: file, Line: line, Reason: err.Error()}
	}
	c := *e
	c.File, c.Line = file, line
	return &c
}
