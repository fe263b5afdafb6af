package scenarios

import (
	"reflect"
	"strconv"
	"time"

	"ordeal/internal/gate"
	"ordeal/scenarios/unit"
)

// Marshal writes s with every value, defaults included. What it writes, Read reads back to the same scenario.
func Marshal(s *Scenario) ([]byte, error) {
	return write(encodeStruct(reflect.ValueOf(*s)))
}

// encodeStruct writes the fields of a struct in the order of their declaration.
func encodeStruct(v reflect.Value) *node {
	out := mapping()
	for _, f := range fields(v.Type()) {
		out.add(f.key, encode(v.Field(f.index)))
	}
	return out
}

// encode is the inverse of decoder.value.
func encode(v reflect.Value) *node {
	pointer := reflect.New(v.Type())
	pointer.Elem().Set(v)
	switch value := pointer.Interface().(type) {
	case form:
		return value.encode()
	case *[]*gate.Gate:
		out := &node{kind: listNode}
		for _, g := range *value {
			out.items = append(out.items, scalar(g.String()))
		}
		return out
	case *time.Duration:
		return bare(unit.FormatDuration(*value))
	}
	if values := choices(v.Type()); values != nil {
		for _, c := range values {
			if reflect.ValueOf(c).Equal(v) {
				return bare(c.String())
			}
		}
	}
	switch v.Kind() {
	case reflect.Slice:
		return encodeSlice(v)
	case reflect.Struct:
		return encodeStruct(v)
	case reflect.Int:
		return bare(strconv.FormatInt(v.Int(), 10))
	case reflect.Bool:
		return bare(strconv.FormatBool(v.Bool()))
	default:
		return scalar(v.String())
	}
}

func encodeSlice(v reflect.Value) *node {
	entries := named(v.Type().Elem())
	out := &node{kind: listNode}
	if entries {
		out.kind = mappingNode
	}
	for i := range v.Len() {
		element := encode(v.Index(i))
		if entries {
			out.add(v.Index(i).Field(0).String(), element)
		} else {
			out.items = append(out.items, element)
		}
	}
	return out
}
