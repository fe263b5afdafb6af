package scenarios

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"ordeal/scenarios/hint"
)

// maxFile bounds a scenario file, in bytes.
const maxFile = 1 << 20

// Load reads the scenario of that name from the catalog, or from a file where what is given looks like a path or the catalog has no such
// name. sets override single values, as in "phases.steady.for=5s". Whatever is wrong with the scenario comes as Errors, all at once.
func Load(nameOrPath string, v Vocabulary, sets ...string) (*Scenario, error) {
	if text, ok := Builtin(nameOrPath); ok {
		return Read(strings.NewReader(string(text)), nameOrPath+fileEnding, v, sets...)
	}
	file, err := os.Open(nameOrPath)
	if errors.Is(err, fs.ErrNotExist) {
		names := builtinNames()
		question := hint.DidYouMean(nameOrPath, names)
		if question == "" {
			question = "built in are " + strings.Join(names, ", ")
		}
		return nil, &absentError{name: nameOrPath, question: question}
	}
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	return Read(file, nameOrPath, v, sets...)
}

// Read is Load for a text from anywhere; name stands for the file in errors.
func Read(r io.Reader, name string, v Vocabulary, sets ...string) (*Scenario, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read scenario %s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, Errors{{File: name, Msg: "larger than 1 MiB, expected a scenario"}}
	}
	root, mistakes := parse(newSource(name, string(text)), text)
	if root == nil {
		return nil, inOrder(mistakes)
	}
	d := newDecoder(v)
	for _, set := range sets {
		if m, ok := override(root, set); !ok {
			d.add(m)
		}
	}
	var s Scenario
	d.value("", root, reflect.ValueOf(&s).Elem(), field{typ: reflect.TypeFor[Scenario]()})
	if root.kind == mappingNode {
		validation{d, &s}.run()
	}
	if len(d.mistakes) > 0 {
		return nil, inOrder(d.mistakes)
	}
	return &s, nil
}

// absentError is fs.ErrNotExist in words for a person.
type absentError struct{ name, question string }

func (e *absentError) Error() string {
	return fmt.Sprintf("scenario %q: no such file, and none built in; %s", e.name, e.question)
}

func (*absentError) Unwrap() error { return fs.ErrNotExist }
