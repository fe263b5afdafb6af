package scenarios

import (
	"reflect"
	"strings"

	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/scenarios/hint"
)

func (c *Check) expected() string { return "the name of a check, or {name: parameters}" }

func (c *Check) decode(d *decoder, path string, n *node) {
	key, value := n, (*node)(nil)
	if n.kind == mappingNode && len(n.entries) == 1 {
		key, value = n.entries[0].key, n.entries[0].value
	} else if n.kind != scalarNode {
		d.fail(n, path, "", "is not one check, expected %s", c.expected())
		return
	}
	decl, ok := d.vocabulary.check(key.text)
	if !ok {
		d.fail(key, path, hint.DidYouMean(key.text, d.vocabulary.checkNames()), "there is no check %q, expected one of %s",
			key.text, strings.Join(d.vocabulary.checkNames(), ", "))
		return
	}
	c.Name, c.Params = decl.Name, drivers.Options{}
	at := join(path, decl.Name)
	switch {
	case value == nil:
	case value.kind == mappingNode:
		d.unique(at, value)
		c.Params = d.options(at, value.entries, decl.Params, nil)
	default:
		d.bare(at, value, decl, c.Params)
	}
	d.complete(at, key, decl.Params, c.Params)
}

// bare decodes the single value of a check that takes one.
func (d *decoder) bare(path string, n *node, decl CheckDecl, out drivers.Options) {
	for _, o := range decl.Params {
		if o.Name == decl.Bare {
			d.nodes[join(path, o.Name)] = n
			d.option(path, n, o, out)
			return
		}
	}
	if len(decl.Params) == 0 {
		d.fail(n, path, "", "takes no parameters, expected the name alone")
		return
	}
	d.fail(n, path, "", "is %s, expected {%s: …}", n.kind, strings.Join(optionNames(decl.Params), ": …, "))
}

func (c *Check) encode() *node {
	if len(c.Params) == 0 {
		return bare(c.Name)
	}
	out := mapping()
	out.add(c.Name, &node{kind: mappingNode, entries: encodeOptions(c.Params)})
	return out
}

func (f *Fault) expected() string { return "{kind, target, at, for} and the options of the kind" }

func (f *Fault) decode(d *decoder, path string, n *node) {
	kind, known := faults.Kind{}, false
	if k := n.get("kind"); n.kind == mappingNode && k != nil && k.kind == scalarNode {
		kind, known = d.vocabulary.fault(k.text)
		if !known {
			d.fail(k, join(path, "kind"), hint.DidYouMean(k.text, d.vocabulary.faultNames()), "there is no fault %q, expected one of %s",
				k.text, strings.Join(d.vocabulary.faultNames(), ", "))
		}
	}
	var own []entry
	d.structure(path, n, reflect.ValueOf(f).Elem(), func(e entry) bool {
		own = append(own, e)
		return true
	})
	if !known {
		return // without the kind nobody knows which options are right
	}
	f.Options = d.options(path, own, kind.Options, keysOf(fields(reflect.TypeFor[Fault]())))
	d.complete(path, n, kind.Options, f.Options)
}

func (f *Fault) encode() *node {
	out := encodeStruct(reflect.ValueOf(*f))
	out.entries = append(out.entries, encodeOptions(f.Options)...)
	return out
}
