package scenarios

import (
	_ "embed"
	"fmt"
	"reflect"
	"strings"
	"text/template"

	"ordeal/internal/gate"
)

//go:embed reference.md.tmpl
var referenceText string

// Reference is docs/scenarios.md: the whole file format, made from its declarations.
func Reference() (string, error) {
	page, err := template.New("reference").Funcs(template.FuncMap{
		"keys":     keyTable,
		"figures":  figureTables,
		"builtins": builtinRows,
		"builtin": func(name string) string {
			text, _ := Builtin(name)
			return string(text)
		},
	}).Parse(referenceText)
	if err != nil {
		return "", fmt.Errorf("read the template of the reference: %w", err)
	}
	var out strings.Builder
	if err := page.Execute(&out, nil); err != nil {
		return "", fmt.Errorf("write the reference: %w", err)
	}
	return out.String(), nil
}

// documented are the mappings that the reference has a table for.
func documented() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[Scenario](), reflect.TypeFor[Topic](), reflect.TypeFor[Producer](), reflect.TypeFor[Keys](),
		reflect.TypeFor[Consumer](), reflect.TypeFor[Work](), reflect.TypeFor[Phase](), reflect.TypeFor[Fault](),
		reflect.TypeFor[Drain](), reflect.TypeFor[ramp](), reflect.TypeFor[step](),
	}
}

// keyTable lists the keys of a mapping, by the name of its type.
func keyTable(typeName string) (string, error) {
	for _, t := range documented() {
		if t.Name() != typeName {
			continue
		}
		var out strings.Builder
		out.WriteString("| key | takes | default | meaning |\n|---|---|---|---|\n")
		for _, f := range fields(t) {
			def := "`" + f.def + "`"
			if f.required {
				def = "must be given"
			}
			row(&out, "`"+f.key+"`", f.expected(), def, f.about)
		}
		return out.String(), nil
	}
	return "", fmt.Errorf("there is no table of type %s", typeName)
}

func builtinRows() string {
	var out strings.Builder
	for _, b := range Builtins() {
		row(&out, "`"+b.Name+"`", b.About)
	}
	return out.String()
}

// folded writes the statistics of one latency as one row, in the place of the first.
func folded(f gate.Figure) (name, meaning string, shown bool) {
	kind, statistic, _ := strings.Cut(f.Name, ".")
	var all []string
	for _, other := range gate.Figures() {
		if rest, ok := strings.CutPrefix(other.Name, kind+"."); ok {
			all = append(all, rest)
		}
	}
	if len(all) < 2 {
		return f.Name, f.About, true
	}
	_, meaning, _ = strings.Cut(f.About, ": ")
	return kind + ".{" + strings.Join(all, ",") + "}", meaning, statistic == all[0]
}

// figureTables list what a gate can ask for.
func figureTables() string {
	var out strings.Builder
	for _, own := range []bool{false, true} {
		prefix := "PHASE."
		if own {
			prefix = gate.Harness + "."
		}
		out.WriteString("\n| figure | is | meaning |\n|---|---|---|\n")
		for _, f := range gate.Figures() {
			name, meaning, shown := folded(f)
			if f.Own == own && shown {
				row(&out, "`"+prefix+name+"`", f.Unit.String(), meaning)
			}
		}
	}
	return out.String()
}
