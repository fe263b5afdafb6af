// Package engine runs a scenario on a target, from nothing to a report:
//
//	plan ─► folder ─► provision ─► declare, audit ─► faults possible? ─► connect, probe
//	     ─► phases with faults ─► drain ─► judge ─► tear down ─► report
//
// It decides and it collects; the workers send and receive, the judge concludes. Whatever goes wrong on the way, what was started is
// stopped, what was injected is healed, and what is known is written down.
package engine
