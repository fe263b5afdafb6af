package scenarios

import (
	"maps"
	"slices"
	"strings"

	"ordeal/drivers"
	"ordeal/scenarios/hint"
)

func optionNames(declared []drivers.Option) []string {
	var names []string
	for _, o := range declared {
		names = append(names, o.Name)
	}
	return names
}

// options decodes values of declared options, without defaults. known lists what else could stand there, for hints.
func (d *decoder) options(path string, entries []entry, declared []drivers.Option, known []string) drivers.Options {
	out := drivers.Options{}
	for _, e := range entries {
		i := slices.IndexFunc(declared, func(o drivers.Option) bool { return o.Name == e.key.text })
		if i < 0 {
			d.unknownKey(path, e.key, append(slices.Clone(known), optionNames(declared)...))
			continue
		}
		d.option(join(path, e.key.text), e.value, declared[i], out)
	}
	return out
}

func (d *decoder) option(path string, n *node, o drivers.Option, out drivers.Options) {
	d.nodes[path] = n
	if n.kind != scalarNode {
		d.fail(n, path, "", "is %s, expected %s", n.kind, optionExpected(o))
		return
	}
	if o.Check(n.text) != nil {
		d.fail(n, path, hint.DidYouMean(n.text, o.Values), "%q is not %s", n.text, optionExpected(o))
		return
	}
	out[o.Name] = n.text
}

func optionExpected(o drivers.Option) string {
	switch o.Kind {
	case drivers.KindEnum:
		return "one of " + strings.Join(o.Values, ", ")
	case drivers.KindPercent:
		return "a share from 0% to 100%"
	default:
		return o.Kind.String()
	}
}

// complete fills in defaults, and notes required options that are missing at n.
func (d *decoder) complete(path string, n *node, declared []drivers.Option, out drivers.Options) {
	for _, o := range declared {
		_, given := out[o.Name]
		_, tried := d.nodes[join(path, o.Name)]
		switch {
		case given || tried:
		case o.Required:
			d.fail(n, join(path, o.Name), "", "missing, expected %s", optionExpected(o))
		case o.Default != "":
			out[o.Name] = o.Default
		}
	}
}

// encodeOptions writes values under their names, in alphabetical order.
func encodeOptions(values map[string]string) []entry {
	var out []entry
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, entry{scalar(name), optionValue(values[name])})
	}
	return out
}

// optionValue is written without quotes where it is read back as it is.
func optionValue(text string) *node {
	if strings.Trim(text, "0123456789.%abcdefghijklmnopqrstuvwxyzµ") == "" && text != "" && text != "null" {
		return bare(text)
	}
	return scalar(text)
}

const serverKey = "server"

func (o *DriverOptions) expected() string { return "a mapping of the driver's options" }

func (o *DriverOptions) decode(d *decoder, path string, n *node) {
	declared, ok := d.vocabulary.Drivers[o.Driver]
	if !ok {
		names := slices.Sorted(maps.Keys(d.vocabulary.Drivers))
		d.fail(n.key, path, hint.DidYouMean(o.Driver, names), "there is no driver %q, expected one of %s", o.Driver, strings.Join(names, ", "))
		return
	}
	if n.kind != mappingNode {
		d.fail(n, path, "", "is %s, expected %s", n.kind, o.expected())
		return
	}
	d.unique(path, n)
	var own []entry
	for _, e := range n.entries {
		if e.key.text == serverKey {
			o.server(d, join(path, serverKey), e.value)
		} else {
			own = append(own, e)
		}
	}
	o.Values = d.options(path, own, declared, []string{serverKey})
	for _, option := range declared {
		if _, given := o.Values[option.Name]; !given && option.Default != "" {
			o.Values[option.Name] = option.Default
		}
	}
}

// server decodes settings of the broker itself, of which nobody here knows what they may be.
func (o *DriverOptions) server(d *decoder, path string, n *node) {
	if n.kind != mappingNode {
		d.fail(n, path, "", "is %s, expected a mapping of the broker's own settings", n.kind)
		return
	}
	d.unique(path, n)
	if len(n.entries) > 0 {
		o.Server = make(map[string]string, len(n.entries))
	}
	for _, e := range n.entries {
		if e.value.kind != scalarNode {
			d.fail(e.value, join(path, e.key.text), "", "is %s, expected a single value", e.value.kind)
			continue
		}
		o.Server[e.key.text] = e.value.text
	}
}

func (o *DriverOptions) encode() *node {
	out := &node{kind: mappingNode, entries: encodeOptions(o.Values)}
	if len(o.Server) > 0 {
		out.add(serverKey, &node{kind: mappingNode, entries: encodeOptions(o.Server)})
	}
	return out
}
