package faults

// Act is something that faults do to nodes; the word is the one that people give the command for it in a target file.
type Act string

// The acts.
const (
	ActKill   Act = "kill"
	ActStop   Act = "stop"
	ActStart  Act = "start"
	ActPause  Act = "pause"
	ActResume Act = "resume"
)

// Limited is a Node that cannot do all that a Node can, such as one that ordeal did not start. It is found by type assertion.
type Limited interface {
	// Can is nil where the node can do a, else an error that says why not and how it could.
	Can(a Act) error
}
