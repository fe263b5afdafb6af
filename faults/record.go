package faults

// State of a fault's course (see the package's picture). The zero value is Idle.
type State uint8

// The states.
const (
	// Idle faults were not injected.
	Idle State = iota
	// Active faults are in effect.
	Active
	// Recovering faults were undone, and health has not been seen since.
	Recovering
	// Settled faults were undone, and the cluster is healthy.
	Settled
	// Broken faults met an error, a panic or a time-out.
	Broken
)

// String gives the state in a word.
func (s State) String() string {
	switch s {
	case Active:
		return "active"
	case Recovering:
		return "recovering"
	case Settled:
		return "settled"
	case Broken:
		return "broken"
	default:
		return "idle"
	}
}

// Record is how a fault went. Times are the guard's clock, ns since the run's epoch; 0 means that it never came to that.
type Record struct {
	Spec Spec
	// Resolved is what the target turned out to be, such as "n2"; empty where it never came to that.
	Resolved                                 string
	Requested, Effective, Recovered, Settled int64
	State                                    State
	Evidence                                 Evidence
	// Undone tells that nothing of it is left done, as far as ordeal can know. Where it is false people have to look.
	Undone bool
	// Err joins everything that went wrong, among it a cluster that did not become healthy again.
	Err error
}
