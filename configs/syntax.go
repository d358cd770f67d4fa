package configs

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strconv"

	"gopkg.in/yaml.v3"
)

// decodeYAML reads the documents of a file, two at most.
func decodeYAML(text []byte) ([]*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var docs []*yaml.Node
	for len(docs) < 2 {
		doc := new(yaml.Node)
		if err := dec.Decode(doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

var syntaxMessage = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxProblem splits the YAML library's message.
func syntaxProblem(err error) (line int, problem string) {
	m := syntaxMessage.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, err.Error()
	}
	line, _ = strconv.Atoi(m[1])
	return line, m[2]
}

// maxSyntaxSearch bounds the files that are read again to find a fault.
const maxSyntaxSearch = 1 << 17

// syntaxError turns the YAML library's message into ours. The library names the
// line before the fault, the line where the block around it begins, or none;
// the fault is in the last of the fewest lines that give the same message.
func syntaxError(file string, text []byte, err error) *Error {
	from, problem := syntaxProblem(err)
	e := &Error{File: file, Line: max(1, from), Reason: "not valid YAML: " + problem}
	if len(text) > maxSyntaxSearch {
		return e
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	same := func(first int) bool {
		_, err := decodeYAML(bytes.Join(lines[:first], nil))
		if err == nil {
			return false
		}
		_, p := syntaxProblem(err)
		return p == problem
	}
	if from >= len(lines)-1 && same(1) { // the end of the file, for a quote that begins in the first line
		e.Line = 1
		return e
	}
	e.Line += sort.Search(max(0, len(lines)-e.Line), func(i int) bool { return same(e.Line + i) })
	return e
}
