// Package faults says what a fault is: something done to a broker, a network, a disk or a client, that proves it happened and can always
// be undone.
//
// A fault is asked first whether it is possible (Check), then injected, then recovered. The guard runs it as a state machine, heals on
// cancel, panic and time-out, and writes the undo ledger before it injects, so that `ordeal faults undo` can heal after a SIGKILL of
// ordeal itself:
//
//	idle ──Inject──► active ──Recover──► recovering ──Settled──► settled
//	  │                │                     │
//	  └───────────────►└──── broken ◄────────┘   an error, a panic or a time-out; Recover is tried all the same
//
// One folder below this one holds one family of faults, one file in it one fault.
package faults
