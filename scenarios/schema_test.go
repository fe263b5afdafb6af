package scenarios_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"ordeal/scenarios"
)

// accepts is the part of JSON Schema that scenarios.Schema uses. It fails on words that it does not know.
func accepts(schema, value any) error {
	if schema == true || schema == false {
		return map[bool]error{false: errors.New("nothing is allowed here")}[schema == true]
	}
	s := schema.(map[string]any)
	for word, want := range s {
		if err := acceptsWord(s, word, want, value); err != nil {
			return err
		}
	}
	return nil
}

func acceptsWord(s map[string]any, word string, want, value any) error {
	bad := func() error { return fmt.Errorf("%v against %s %v", value, word, want) }
	switch word {
	case "$schema", "title", "description", "properties", "patternProperties":
	case "type":
		kind := map[string]string{"string": "string", "int": "integer", "bool": "boolean", "<nil>": "null"}[fmt.Sprintf("%T", value)]
		switch value.(type) {
		case map[string]any:
			kind = "object"
		case []any:
			kind = "array"
		}
		if kind != want {
			return bad()
		}
	case "enum":
		if !slices.Contains(want.([]any), value) {
			return bad()
		}
	case "const":
		if value != want {
			return bad()
		}
	case "pattern":
		if text, ok := value.(string); ok && !regexp.MustCompile(want.(string)).MatchString(text) {
			return bad()
		}
	case "minimum", "maximum":
		if n, ok := value.(int); ok && (word == "minimum" && float64(n) < want.(float64) || word == "maximum" && float64(n) > want.(float64)) {
			return bad()
		}
	case "anyOf":
		var all []error
		for _, one := range want.([]any) {
			err := accepts(one, value)
			if err == nil {
				return nil
			}
			all = append(all, err)
		}
		return errors.Join(all...)
	case "items":
		list, _ := value.([]any)
		for _, item := range list {
			if err := accepts(want, item); err != nil {
				return err
			}
		}
	case "required":
		m, _ := value.(map[string]any)
		for _, key := range want.([]any) {
			if _, ok := m[key.(string)]; !ok {
				return fmt.Errorf("%v lacks %v", value, key)
			}
		}
	case "additionalProperties":
		return acceptsKeys(s, want, value)
	default:
		return fmt.Errorf("the schema says %q, which this test does not know", word)
	}
	return nil
}

func acceptsKeys(s map[string]any, other, value any) error {
	m, _ := value.(map[string]any)
	named, _ := s["properties"].(map[string]any)
	patterns, _ := s["patternProperties"].(map[string]any)
	for key, v := range m {
		schema, ok := named[key]
		for pattern, one := range patterns {
			if !ok && regexp.MustCompile(pattern).MatchString(key) {
				schema, ok = one, true
			}
		}
		if !ok {
			schema = other
		}
		if err := accepts(schema, v); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func schema(t interface {
	Helper()
	Fatal(...any)
},
) any {
	t.Helper()
	text, err := scenarios.Schema(words())
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func generic(t interface {
	Helper()
	Fatal(...any)
}, text string,
) any {
	t.Helper()
	var out any
	if err := yaml.Load([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchemaAccepts(t *testing.T) {
	s := schema(t)
	texts := map[string]string{"new": scenarios.New()}
	for _, b := range scenarios.Builtins() {
		texts[b.Name] = string(b.Text)
	}
	for name, text := range texts {
		if err := accepts(s, generic(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, err := scenarios.Marshal(scripts().Draw(t, "scenario"))
		if err != nil {
			t.Fatal(err)
		}
		if err := accepts(s, generic(t, string(text))); err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
	})
}

// Mistakes that need no knowledge of the whole are seen by an editor too.
func TestSchemaRejects(t *testing.T) {
	s := schema(t)
	good := scenarios.New()
	for before, after := range map[string]string{
		"version: 1":        "version: 2",
		"shards: 4":         "shads: 4",
		"model: log":        "model: lgo",
		"rate: 1k/s":        "rate: 1000",
		"size: 256B":        "size: 256",
		"ack: after":        "ack: later",
		"for: 2s":           "for: 2min",
		"record: false":     "record: no",
		"process.kill":      "process.kil",
		"no-loss":           "no-los",
		"per-key":           "per-kee",
		"    to: orders\n":  "",
		"producers:":        "producer:",
		"target: any":       "delay: 3s",
		"{count: 100}":      "{pick: zipf}",
		"name: my-scenario": "nam: my-scenario",
	} {
		text := strings.Replace(good, before, after, 1)
		if text == good {
			t.Errorf("%q is not in the template", before)
		} else if err := accepts(s, generic(t, text)); err == nil {
			t.Errorf("%q instead of %q is accepted", after, before)
		}
	}
}

func TestSchemaGolden(t *testing.T) {
	text, err := scenarios.Schema(words())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.json", string(text))
}
