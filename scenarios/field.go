package scenarios

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"ordeal/drivers"
)

// field is one key of a mapping, as the tags of a struct declare it.
type field struct {
	key, about string
	// def is the default as it would stand in a file.
	def      string
	required bool
	// takes says what a text stands for.
	takes string
	// min and max bound a whole number; max is 0 for fields of other types.
	min, max int
	index    int
	typ      reflect.Type
}

// entryKey is the key tag of the field that holds the name of an entry, which stands before the colon.
const entryKey = "-"

// fields reads the declarations of a struct type, without the one for the name of an entry.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key, ok := tag.Lookup("key")
		if !ok || key == entryKey {
			continue
		}
		f := field{key: key, about: aboutKey(t, key), takes: tag.Get("takes"), index: i, typ: t.Field(i).Type}
		def, given := tag.Lookup("default")
		f.def, f.required = def, !given
		f.min, _ = strconv.Atoi(tag.Get("min"))
		f.max, _ = strconv.Atoi(tag.Get("max"))
		out = append(out, f)
	}
	return out
}

// keysOf lists the keys of fields.
func keysOf(fs []field) []string {
	keys := make([]string, len(fs))
	for i, f := range fs {
		keys[i] = f.key
	}
	return keys
}

// named tells whether values of t are entries: written under their name, which is the first field.
func named(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Tag.Get("key") == entryKey
}

// choices lists the values of an enumeration, nil for other types.
func choices(t reflect.Type) []fmt.Stringer {
	switch t {
	case reflect.TypeFor[drivers.Model]():
		return []fmt.Stringer{drivers.Log, drivers.Queue, drivers.Broadcast}
	case reflect.TypeFor[drivers.Guarantee]():
		return []fmt.Stringer{drivers.Sent, drivers.Accepted, drivers.Replicated, drivers.Durable}
	case reflect.TypeFor[Arrival]():
		return []fmt.Stringer{Uniform, Poisson}
	case reflect.TypeFor[Pick]():
		return []fmt.Stringer{PickUniform, PickZipf}
	default:
		return nil
	}
}

// words lists the texts of choices.
func words(values []fmt.Stringer) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.String()
	}
	return out
}

// expected says in words what a field takes, as errors and the reference do.
func (f field) expected() string {
	if e, ok := reflect.New(f.typ).Interface().(form); ok {
		return e.expected()
	}
	if values := choices(f.typ); values != nil {
		return strings.Join(words(values), ", ")
	}
	switch {
	case f.takes != "":
		return f.takes
	case f.typ == reflect.TypeFor[time.Duration]():
		return "a duration such as 200ms or 5s"
	case f.typ.Kind() == reflect.Int && f.min == f.max:
		return strconv.Itoa(f.min) + ", the only one there is"
	case f.typ.Kind() == reflect.Int:
		return fmt.Sprintf("a whole number from %d to %d", f.min, f.max)
	case f.typ.Kind() == reflect.Bool:
		return "true or false"
	case f.typ.Kind() == reflect.String:
		return "text"
	case f.typ.Kind() == reflect.Slice && named(f.typ.Elem()):
		return "a mapping of names to settings"
	case f.typ.Kind() == reflect.Slice:
		return "a list"
	default:
		return "a mapping with " + strings.Join(keysOf(fields(f.typ)), ", ")
	}
}
