package engine

import (
	"errors"
	"slices"
)

// The exit codes of ordeal: a contract with other people's scripts.
const (
	ExitPass         = 0   // every check passed, every gate met
	ExitFail         = 1   // a safety check failed
	ExitGate         = 2   // a gate was missed
	ExitInconclusive = 3   // nothing can be said
	ExitEnvironment  = 4   // broker unreachable, fault impossible here, fault not undone
	ExitUsage        = 64  // usage or scenario error, nothing started
	ExitBug          = 70  // a bug in ordeal
	ExitInterrupted  = 130 // interrupted; faults undone, partial report written
)

// Error is an error that decides the exit code.
type Error struct {
	Exit int
	Err  error
}

// Error gives the cause.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode is the exit code that err asks for: ExitBug for an error that does not say.
func ExitCode(err error) int {
	if err == nil {
		return ExitPass
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Exit
	}
	return ExitBug
}

// environment marks err as the environment's fault.
func environment(err error) error { return &Error{Exit: ExitEnvironment, Err: err} }

// WorseExit is the one of two exit codes that outranks the other, within a run and of several. What was proven of the messages is not
// hidden by an environment that failed, as when a topic could not be deleted, or another target did not start.
func WorseExit(a, b int) int {
	order := []int{ExitPass, ExitInconclusive, ExitGate, ExitEnvironment, ExitFail, ExitUsage, ExitBug, ExitInterrupted}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// usage marks err as the user's.
func usage(err error) error { return &Error{Exit: ExitUsage, Err: err} }
