package faults

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"ordeal/drivers"
)

// Fault is one thing to do. It is used once.
type Fault interface {
	// Needs says what the cluster must be born with; asked before it is started.
	Needs() Needs
	// Check tells whether the fault is possible on t: an error begins with what is not possible and says why. It changes nothing and
	// is asked before the load starts.
	Check(ctx context.Context, t Target) error
	// Inject does it, and returns once the effect was observed. On an error nothing is left done.
	Inject(ctx context.Context, t Target) (Recovery, error)
}

// Recovery is a fault in effect.
type Recovery interface {
	// Recover undoes it. It is idempotent, and is called with a context of its own, so also after a cancel.
	Recover(ctx context.Context) error
	// Settled waits until the cluster is healthy again, and changes nothing.
	Settled(ctx context.Context) error
	// Evidence may be asked at any time after Inject; what it says grows until Settled returned.
	Evidence() Evidence
	// Undo lists the commands by which a person can undo it after a crash of ordeal; nil where the crash undoes it.
	Undo() []string
}

// Needs is what a fault asks of a cluster's birth. The zero value needs nothing.
type Needs struct {
	// Processes that ordeal may signal.
	Processes bool
	// Connections that ordeal lends.
	Connections bool
}

// Evidence is the proof that a fault happened.
type Evidence struct {
	// Bit tells that the effect was seen. Without it the run is inconclusive.
	Bit bool
	// Why is one sentence: what was seen, or what was missing.
	Why string
	// Facts are named details, such as "old pid": "4711".
	Facts map[string]string
}

// Target is what a fault acts upon.
type Target interface {
	// Name of the target as the user wrote it.
	Name() string
	// Nodes that ordeal may act upon, in order of their names; empty for a broker without any.
	Nodes() []Node
	// Resolve turns a selector (a node's name, any, all, leader(topic), follower(topic)) into nodes, as things are now.
	Resolve(ctx context.Context, selector string) ([]Node, error)
	// Links are the client connections; never nil.
	Links() *Links
	// Serving returns once node n serves clients again, asked through the driver where the node itself cannot tell.
	Serving(ctx context.Context, n Node) error
	// Rand is the run's seeded source for choices of faults.
	Rand() *rand.Rand
	Logger() *slog.Logger
}

// Node is one broker process, wherever it runs. Its methods may be called from any goroutine.
type Node interface {
	Name() string
	// Address for clients, host:port.
	Address() string
	// Signal sends s. For Kill it returns once the process is gone.
	Signal(ctx context.Context, s Signal) error
	// Stop ends it politely and returns once it is gone; after the context's end it is not killed.
	Stop(ctx context.Context) error
	// Start starts it again on the same port and data, and returns once the process runs. A running node is an error.
	Start(ctx context.Context) error
	// Ready returns once the node serves.
	Ready(ctx context.Context) error
	// Status is what is known now.
	Status(ctx context.Context) (Status, error)
	// UndoSignal is a command by which a person can undo s after a crash of ordeal; "" where there is nothing to undo.
	UndoSignal(s Signal) string
}

// Signal to a node.
type Signal uint8

const (
	// Kill is SIGKILL: the process is gone at once, its data stay.
	Kill Signal = iota + 1
	// Pause is SIGSTOP: the process keeps its connections and does nothing.
	Pause
	// Resume is SIGCONT.
	Resume
)

// Status of a node's process.
type Status struct {
	Running bool
	// Silent tells that Running is a guess: new clients are neither answered nor refused, and nothing else tells of the process.
	Silent bool
	Paused bool
	// PID is 0 where it is not known or not running.
	PID int
	// Exit says how the last process ended, such as "signal: killed"; empty while the first one runs.
	Exit string
	// Since is when the process was started.
	Since time.Time
}

// Spec is a fault as a scenario asks for it.
type Spec struct {
	Kind string
	// Target is a node selector, or for faults on connections a client selector.
	Target string
	// For is how long it is in effect.
	For time.Duration
	// Options are the kind's own, checked and with defaults filled in.
	Options drivers.Options
}

// Kind describes one kind of fault, for the registry, the docs and the check of scenarios.
type Kind struct {
	// Name is family.verb, such as "process.kill".
	Name string
	// About is one sentence.
	About string
	// Acts is what it acts upon: "node" or "connection".
	Acts string
	// Where says on which platforms and with which rights it works.
	Where string
	// Evidence is one sentence: what proves that it bit.
	Evidence string
	Options  []drivers.Option
	New      func(Spec) Fault
}
