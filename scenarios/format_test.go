package scenarios

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// formats are all types that stand for a mapping of the file.
func formats() []reflect.Type {
	return append(documented(), reflect.TypeFor[steps](), reflect.TypeFor[attempts](), reflect.TypeFor[batch]())
}

// Every key says what it means, and nothing is said about keys that are not there.
func TestEveryKeyIsExplained(t *testing.T) {
	for _, typ := range formats() {
		said := reflect.Zero(typ).Interface().(explained).about()
		for _, f := range fields(typ) {
			if !strings.HasSuffix(f.about, ".") {
				t.Errorf("%s.%s says %q about itself", typ, f.key, f.about)
			}
			delete(said, f.key)
		}
		if left := slices.Sorted(maps.Keys(said)); len(left) > 0 {
			t.Errorf("%s explains %q, which are no keys", typ, left)
		}
	}
}

// Every default is right by the rules of its own key, and every key can be written and read.
func TestDefaultsAreValid(t *testing.T) {
	v := Vocabulary{Checks: []CheckDecl{{Name: "no-loss"}, {Name: "no-phantom"}, {Name: "no-corruption"}}}
	for _, typ := range formats() {
		for _, f := range fields(typ) {
			if f.required {
				continue
			}
			d := newDecoder(v)
			value := reflect.New(f.typ).Elem()
			d.value(f.key, defaultNode(f.def, place{source: newSource("default", f.def)}), value, f)
			if len(d.mistakes) > 0 {
				t.Errorf("%s.%s: default %q: %s", typ, f.key, f.def, d.mistakes[0].msg)
			}
			if f.typ.Kind() == reflect.Int && (f.min < 1 || f.max < f.min) {
				t.Errorf("%s.%s has no bounds", typ, f.key)
			}
		}
	}
}

// Columns count letters, not bytes, so that the caret stands below the right one.
func TestColumnsCountLetters(t *testing.T) {
	text := `{é: ü, name: [x]}`
	root, mistakes := parse(newSource("x", text), []byte(text))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	if at := root.get("name").place; at.column != 14 || !strings.HasSuffix(at.excerpt(), "|              ^") {
		t.Errorf("column %d\n%s", at.column, at.excerpt())
	}
}

func TestExcerptOfLongLines(t *testing.T) {
	text := strings.Repeat("x", 500) + "HERE" + strings.Repeat("y", 500)
	got := strings.Split(place{newSource("x", text), 1, 501}.excerpt(), "\n")
	column := strings.IndexRune(got[1], '^')
	if line := []rune(got[0]); len(line) > 125 || string(line[column:column+4]) != "HERE" {
		t.Errorf("%s\n%s", got[0], got[1])
	}
}
