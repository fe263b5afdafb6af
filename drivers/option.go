package drivers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Option declares one setting of a driver or a fault: from the one declaration come the check of a scenario, the defaults, and the docs.
type Option struct {
	Name string
	Kind OptionKind
	// Default is the value where none is given; "" for none, unless Required.
	Default  string
	Required bool
	// Values are the only ones allowed for KindEnum.
	Values []string
	// About is one sentence for the docs.
	About string
}

// OptionKind is the type of an option's value.
type OptionKind uint8

const (
	// KindText is any text. It is the zero value.
	KindText OptionKind = iota
	// KindEnum is one of Option.Values.
	KindEnum
	// KindInt is a whole number that is not negative.
	KindInt
	// KindBool is true or false.
	KindBool
	// KindDuration is a time.Duration such as 200ms, not negative.
	KindDuration
	// KindPercent is a share such as 5%, from 0% to 100%.
	KindPercent
)

// String gives the kind in words, as error messages use it.
func (k OptionKind) String() string {
	switch k {
	case KindEnum:
		return "one of a list"
	case KindInt:
		return "a whole number"
	case KindBool:
		return "true or false"
	case KindDuration:
		return "a duration such as 200ms"
	case KindPercent:
		return "a share such as 5%"
	default:
		return "text"
	}
}

// Check tells whether value is right for the option; the error says what was expected.
func (o Option) Check(value string) error {
	var err error
	switch o.Kind {
	case KindText:
	case KindEnum:
		if !slices.Contains(o.Values, value) {
			return fmt.Errorf("%s: %q is none of %s", o.Name, value, strings.Join(o.Values, ", "))
		}
	case KindInt:
		_, err = strconv.ParseUint(value, 10, 63)
	case KindBool:
		if value != "true" && value != "false" {
			err = strconv.ErrSyntax
		}
	case KindDuration:
		var d time.Duration
		if d, err = time.ParseDuration(value); err == nil && d < 0 {
			err = strconv.ErrRange
		}
	case KindPercent:
		_, err = parsePercent(value)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is not %s", o.Name, value, o.Kind)
	}
	return nil
}

// Options are named values, already checked against their declarations.
type Options map[string]string

// Resolve checks given against the declarations and fills in the defaults. It reports every error at once, joined by newlines.
func Resolve(declared []Option, given map[string]string) (Options, error) {
	out := make(Options, len(declared))
	var faults []string
	for _, o := range declared {
		value, ok := given[o.Name]
		switch {
		case ok:
			if err := o.Check(value); err != nil {
				faults = append(faults, err.Error())
			}
			out[o.Name] = value
		case o.Required:
			faults = append(faults, o.Name+": missing, expected "+o.Kind.String())
		case o.Default != "":
			out[o.Name] = o.Default
		}
	}
	for name := range given {
		if !slices.ContainsFunc(declared, func(o Option) bool { return o.Name == name }) {
			faults = append(faults, name+": unknown option")
		}
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return nil, fmt.Errorf("%s", strings.Join(faults, "\n"))
	}
	return out, nil
}

// Text returns the value, "" where it is absent.
func (o Options) Text(name string) string { return o[name] }

// Int returns the value; 0 where it is absent.
func (o Options) Int(name string) int {
	n, _ := strconv.Atoi(o[name])
	return n
}

// Bool returns the value; false where it is absent.
func (o Options) Bool(name string) bool { return o[name] == "true" }

// Duration returns the value; 0 where it is absent.
func (o Options) Duration(name string) time.Duration {
	d, _ := time.ParseDuration(o[name])
	return d
}

// Percent returns the value as a share from 0 to 1; 0 where it is absent.
func (o Options) Percent(name string) float64 {
	p, _ := parsePercent(o[name])
	return p
}

func parsePercent(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, strconv.ErrSyntax
	}
	p, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || p < 0 || p > 100 {
		return 0, strconv.ErrRange
	}
	return p / 100, nil
}
