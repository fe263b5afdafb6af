package judge

import (
	"fmt"

	"ordeal/internal/message"
)

// Status of a verdict. The zero value is Inconclusive: nothing was shown.
type Status int8

// The statuses. Of several, the worst counts: Fail before Inconclusive before Pass.
const (
	Pass         Status = -1
	Inconclusive Status = 0
	Fail         Status = 1
)

// String gives the status's word in reports.
func (s Status) String() string {
	switch s {
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	default:
		return "inconclusive"
	}
}

// Verdict is the answer of one check.
type Verdict struct {
	Status Status
	// Promised tells whether the broker, so configured, claims what the check demands: for a failure, to the group that was failed; else to
	// every group. Promise says on which grounds.
	Promised bool
	Promise  string
	// Comparisons is how many messages or deliveries the check compared.
	Comparisons int64
	// Counts are by name, such as "lost". A count of zero is listed too: it was looked for.
	Counts map[string]int64
	// Why is one or more sentences: what was found, or why nothing can be said.
	Why string
	// Examples are the first few oddities.
	Examples []Example
}

// Example is one message that a check has something to say about.
type Example struct {
	Note
	// Message is its name, such as "checkout-2/1/81402": producer, lane, sequence number.
	Message string
	// GroupName is the group's.
	GroupName string
	// Detail is one sentence without a full stop.
	Detail string
}

// maxExamples is how many examples a verdict shows.
const maxExamples = 20

// Params are what a scenario may set for a check.
type Params struct {
	// Max is how many oddities are tolerated. Only duplicates has it.
	Max int64
	// Scope is what order is demanded in. Only order has it, and needs it.
	Scope Scope
}

// Check is one rule about messages. It keeps no state.
type Check interface {
	// Name is the check's word in scenarios.
	Name() string
	// Guarantee is the rule in one sentence.
	Guarantee(p Params) string
	// Judge decides from the findings alone. Callers use the function Judge, which also knows when no check may pass.
	Judge(f *Findings, p Params) Verdict
}

// Checks lists all checks.
func Checks() []Check {
	return []Check{noLoss{}, noPhantom{}, noCorruption{}, duplicates{}, order{}}
}

// Judge asks a check. A check that crashes is inconclusive, and so is one that would pass though it made no comparison, the history was
// cut, or the evidence gives another reason. What was found stays a failure.
func Judge(c Check, f *Findings, p Params) (v Verdict) {
	defer func() {
		if r := recover(); r != nil {
			v = Verdict{Why: fmt.Sprintf("The check crashed: %v. Please report this as a bug in ordeal.", r)}
		}
	}()
	v = c.Judge(f, p)
	if v.Status != Pass {
		return v
	}
	switch {
	case f.Evidence.HistoryCut != "":
		v.Status, v.Why = Inconclusive, "The history is cut: "+f.Evidence.HistoryCut+". "+v.Why
	case len(f.Evidence.Reasons) > 0:
		v.Status, v.Why = Inconclusive, f.Evidence.Reasons[0]+" "+v.Why
	case v.Comparisons == 0:
		v.Status, v.Why = Inconclusive, "There was nothing to compare. "+v.Why
	}
	return v
}

// examples makes the examples of a verdict from notes.
func examples(f *Findings, detail func(g *GroupFindings, n *Note) string, pick func(g *GroupFindings) [][]Note) []Example {
	var out []Example
	for i := range f.Groups {
		g := &f.Groups[i]
		for _, notes := range pick(g) {
			for j := range notes {
				if len(out) == maxExamples {
					return out
				}
				n := &notes[j]
				out = append(out, Example{Note: *n, Message: f.Plan.MessageName(n.ID), GroupName: g.Group.Name, Detail: detail(g, n)})
			}
		}
	}
	return out
}

// MessageName gives the name of a message in reports: producer, lane and sequence number.
func (p *Plan) MessageName(id message.ID) string {
	name := fmt.Sprintf("producer %d", id.Producer)
	if i := int(id.Producer) - 1; i >= 0 && i < len(p.Producers) {
		name = p.Producers[i].Name
	}
	return fmt.Sprintf("%s/%d/%d", name, id.Lane, id.Seq)
}
