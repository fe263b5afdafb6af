package scenarios_test

import (
	"fmt"
	"strings"

	"ordeal/faults"
	"ordeal/scenarios"
)

// A vocabulary says which faults, checks and drivers there are; the command line has one with all of them.
func Example() {
	vocabulary := scenarios.Vocabulary{
		Faults: []faults.Kind{{Name: "process.kill", Acts: "node"}},
		Checks: []scenarios.CheckDecl{{Name: "no-loss"}},
	}
	text := `
version: 1
name: order-processing
topics:
  orders: {shards: 6}
producers:
  checkout: {to: orders, rate: 5k/s}
consumers:
  payment: {from: orders}
phases:
  - {name: steady, for: 20s}
  - {name: fault, for: 20s, faults: [{kind: process.kill, target: any, at: 5s, for: 5s}]}
checks: [no-loss]
`
	s, err := scenarios.Read(strings.NewReader(text), "orders.yaml", vocabulary, "phases.steady.for=10s")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Name, "takes", s.Length(), "and sends", s.Producers[0].Size.Min, "bytes at a time")

	_, err = scenarios.Read(strings.NewReader(strings.Replace(text, "steady", "a phase", 1)), "orders.yaml", vocabulary)
	fmt.Println(err)
	// Output:
	// order-processing takes 30s and sends 256 bytes at a time
	// orders.yaml:11:12: phases[0].name: "a phase" is not a name: expected up to 64 letters, digits, - and _, with a letter or digit first
	//    11 |   - {name: a phase, for: 20s}
	//       |            ^
}
