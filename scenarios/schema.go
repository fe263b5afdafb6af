package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"ordeal/drivers"
	"ordeal/internal/gate"
)

// Schema is the JSON Schema of scenario files, for completion and checks in editors. It knows the faults, checks and drivers of v. It
// accepts everything that the loader accepts, if numbers stand without quotes; what only makes sense together, such as names of topics,
// is left to the loader.
func Schema(v Vocabulary) ([]byte, error) {
	s := schemas{v}
	root := s.structure(reflect.TypeFor[Scenario]())
	root.Version = jsonschema.Version
	root.Title = "ordeal scenario"
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(text, '\n'), nil
}

// schemas makes schemas of the types of the file format.
type schemas struct{ vocabulary Vocabulary }

const (
	typeObject = "object"
	typeArray  = "array"
	typeText   = "string"
)

// Patterns of quantities: what package unit reads.
const (
	ratePattern     = `^ *[0-9.]+[kM]? */ *(s|min|h) *$`
	durationPattern = `^ *([0-9.]+(ns|us|µs|μs|ms|s|m|h))+ *$`
	sizeNumber      = ` *[0-9.]+ *(B|KB|kB|MB|GB|KiB|MiB|GiB) *`
	sizePattern     = `^` + sizeNumber + `(\.\.` + sizeNumber + `)?$`
	namePattern     = `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`
)

func object() *jsonschema.Schema {
	return &jsonschema.Schema{Type: typeObject, Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
}

func matching(pattern string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: typeText, Pattern: pattern}
}

func oneOf(values ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: typeText}
	for _, v := range values {
		s.Enum = append(s.Enum, v)
	}
	return s
}

func either(schemas ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: schemas}
}

// structure describes a mapping with fixed keys.
func (s schemas) structure(t reflect.Type) *jsonschema.Schema {
	out := object()
	for _, f := range fields(t) {
		property := s.field(f)
		property.Description = f.about
		if !f.required && f.def != none && f.def != "{}" {
			property.Description += " Default: " + f.def + "."
		}
		out.Properties.Set(f.key, property)
		if f.required {
			out.Required = append(out.Required, f.key)
		}
	}
	return out
}

func (s schemas) field(f field) *jsonschema.Schema {
	if own := s.form(f.typ); own != nil {
		return own
	}
	if values := choices(f.typ); values != nil {
		return oneOf(words(values)...)
	}
	switch {
	case f.typ == reflect.TypeFor[time.Duration]():
		return matching(durationPattern)
	case f.typ == reflect.TypeFor[[]*gate.Gate]():
		return &jsonschema.Schema{Type: typeArray, Items: matching(`[<>=]`)}
	}
	switch f.typ.Kind() {
	case reflect.Int:
		return &jsonschema.Schema{Type: "integer", Minimum: jsonNumber(f.min), Maximum: jsonNumber(f.max)}
	case reflect.Bool:
		return &jsonschema.Schema{Type: "boolean"}
	case reflect.Slice:
		return s.slice(f.typ.Elem())
	case reflect.Struct:
		return s.structure(f.typ)
	default:
		return &jsonschema.Schema{} // any single value may be text: a name such as 2024 too
	}
}

func (s schemas) slice(element reflect.Type) *jsonschema.Schema {
	if element == reflect.TypeFor[DriverOptions]() {
		return s.drivers()
	}
	item := s.field(field{typ: element})
	if !named(element) {
		return &jsonschema.Schema{Type: typeArray, Items: item}
	}
	if len(item.Required) == 0 && item.Type == typeObject {
		item = either(item, &jsonschema.Schema{Type: "null"}) // a name with nothing behind it has all defaults
	}
	return &jsonschema.Schema{
		Type: typeObject, PatternProperties: map[string]*jsonschema.Schema{namePattern: item}, AdditionalProperties: jsonschema.FalseSchema,
	}
}

// form describes the types that are written in a way of their own; nil for others.
func (s schemas) form(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[rate]():
		return matching(ratePattern)
	case reflect.TypeFor[Rate]():
		return either(matching(ratePattern), oneOf(maxRate), s.structure(reflect.TypeFor[ramp]()), s.structure(reflect.TypeFor[steps]()))
	case reflect.TypeFor[Size]():
		return matching(sizePattern)
	case reflect.TypeFor[Keys]():
		return either(oneOf(none), s.structure(t))
	case reflect.TypeFor[Retry]():
		return either(oneOf(none, clientRetry), s.structure(reflect.TypeFor[attempts]()))
	case reflect.TypeFor[Ack]():
		return either(oneOf(drivers.AckBefore.String(), drivers.AckAfter.String()), s.structure(reflect.TypeFor[batch]()))
	case reflect.TypeFor[Fault]():
		return s.faults()
	case reflect.TypeFor[Check]():
		return s.checks()
	default:
		return nil
	}
}

// faults describes every kind with its own options.
func (s schemas) faults() *jsonschema.Schema {
	var kinds []*jsonschema.Schema
	for _, k := range s.vocabulary.Faults {
		one := s.structure(reflect.TypeFor[Fault]())
		one.Description = k.About
		one.Properties.Set("kind", &jsonschema.Schema{Const: k.Name, Description: k.About})
		s.options(one, k.Options)
		kinds = append(kinds, one)
	}
	return either(kinds...)
}

// checks describes every check as a name and with its parameters.
func (s schemas) checks() *jsonschema.Schema {
	var all []*jsonschema.Schema
	for _, c := range s.vocabulary.Checks {
		all = append(all, &jsonschema.Schema{Const: c.Name, Description: c.Guarantee})
		if len(c.Params) == 0 {
			continue
		}
		params := object()
		s.options(params, c.Params)
		value := params
		for _, o := range c.Params {
			if o.Name == c.Bare {
				value = either(params, option(o))
			}
		}
		one := object()
		one.Description = c.Guarantee
		one.Properties.Set(c.Name, value)
		one.Required = []string{c.Name}
		all = append(all, one)
	}
	return either(all...)
}

func (s schemas) drivers() *jsonschema.Schema {
	out := object()
	for _, name := range slices.Sorted(maps.Keys(s.vocabulary.Drivers)) {
		one := object()
		s.options(one, s.vocabulary.Drivers[name])
		one.Properties.Set(serverKey, &jsonschema.Schema{Type: typeObject, Description: "Settings of the broker itself, in its own words."})
		out.Properties.Set(name, one)
	}
	return out
}

func (s schemas) options(out *jsonschema.Schema, declared []drivers.Option) {
	for _, o := range declared {
		out.Properties.Set(o.Name, option(o))
		if o.Required {
			out.Required = append(out.Required, o.Name)
		}
	}
}

func option(o drivers.Option) *jsonschema.Schema {
	var out *jsonschema.Schema
	switch o.Kind {
	case drivers.KindEnum:
		out = oneOf(o.Values...)
	case drivers.KindInt:
		out = &jsonschema.Schema{Type: "integer", Minimum: jsonNumber(0)}
	case drivers.KindBool:
		out = &jsonschema.Schema{Type: "boolean"}
	case drivers.KindDuration:
		out = matching(durationPattern)
	case drivers.KindPercent:
		out = matching(`^ *[0-9.]+ *%$`)
	default:
		out = &jsonschema.Schema{}
	}
	out.Description = strings.TrimSpace(o.About)
	if o.Default != "" {
		out.Description += " Default: " + o.Default + "."
	}
	return out
}

func jsonNumber(n int) json.Number { return json.Number(strconv.Itoa(n)) }
