package scenarios

import (
	"embed"
	"path"
	"strings"
)

//go:embed catalog/*.yaml
var catalog embed.FS

const (
	catalogFolder = "catalog"
	fileEnding    = ".yaml"
)

// Built is a scenario of the catalog.
type Built struct {
	Name string
	// About is its own about, in one line.
	About string
	// Text is the whole file, comments included.
	Text []byte
}

// Builtins lists the catalog in the order of names.
func Builtins() []Built {
	files, err := catalog.ReadDir(catalogFolder)
	if err != nil {
		return nil // an embedded folder can be read
	}
	var out []Built
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), fileEnding)
		if text, ok := Builtin(name); ok {
			out = append(out, Built{Name: name, About: about(text), Text: text})
		}
	}
	return out
}

// Builtin returns the file of a scenario of the catalog, comments included.
func Builtin(name string) ([]byte, bool) {
	text, err := catalog.ReadFile(path.Join(catalogFolder, name+fileEnding))
	return text, err == nil
}

func builtinNames() []string {
	var names []string
	for _, b := range Builtins() {
		names = append(names, b.Name)
	}
	return names
}

// about reads one key without looking at the rest of the file.
func about(text []byte) string {
	root, errs := parse(newSource("catalog", string(text)), text)
	if len(errs) > 0 || root.get("about") == nil {
		return ""
	}
	return strings.Join(strings.Fields(root.get("about").text), " ")
}
