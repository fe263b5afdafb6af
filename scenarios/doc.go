// Package scenarios holds the script of a run: which topics there are, who sends and receives how fast, what goes wrong meanwhile, and
// what must hold. The reference of the file format is docs/scenarios.md, which is made from the types here.
//
//	s, err := scenarios.Load("broker-crash", vocabulary, "phases.steady.for=5s")
//
// Loading is strict. Unknown keys, wrong values, names that lead nowhere and parts that do not fit together are errors, and all of them are
// told at once, each with its place in the file, what was expected, and the word that was probably meant. A scenario that could be loaded
// is complete: every default is filled in.
//
// What drivers, faults and checks there are is not known here: a Vocabulary says so.
package scenarios
