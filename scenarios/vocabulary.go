package scenarios

import (
	"ordeal/drivers"
	"ordeal/faults"
)

// Vocabulary is what scenarios can talk about beside the format itself. The one place that knows every driver, fault and check fills it in.
// The zero value knows none of them.
type Vocabulary struct {
	// Drivers are the options of each driver, by its name.
	Drivers map[string][]drivers.Option
	Faults  []faults.Kind
	Checks  []CheckDecl
}

// CheckDecl declares a check, for the loader and the docs.
type CheckDecl struct {
	Name string
	// Guarantee is the rule in one sentence.
	Guarantee string
	// Fails and Inconclusive say in one sentence each when the answer is that.
	Fails, Inconclusive string
	Params              []drivers.Option
	// Bare names the parameter that a single value stands for: {order: per-key} is {order: {scope: per-key}} where it is "scope". It is
	// empty where parameters must be named.
	Bare string
}

// actsOnConnections is the value of faults.Kind.Acts for faults on client connections.
const actsOnConnections = "connection"

// fault looks up a kind of fault.
func (v Vocabulary) fault(name string) (faults.Kind, bool) {
	for _, k := range v.Faults {
		if k.Name == name {
			return k, true
		}
	}
	return faults.Kind{}, false
}

func (v Vocabulary) faultNames() []string {
	var names []string
	for _, k := range v.Faults {
		names = append(names, k.Name)
	}
	return names
}

// check looks up a check.
func (v Vocabulary) check(name string) (CheckDecl, bool) {
	for _, c := range v.Checks {
		if c.Name == name {
			return c, true
		}
	}
	return CheckDecl{}, false
}

func (v Vocabulary) checkNames() []string {
	var names []string
	for _, c := range v.Checks {
		names = append(names, c.Name)
	}
	return names
}
