package compare

import (
	"io"
	"time"

	"ordeal/reports"
)

// Schema is the value of Comparison.Schema that this package writes.
const Schema = "ordeal.comparison/1"

// Renderer writes a comparison in one format; the renderers of runs are the renderers of comparisons too.
type Renderer interface {
	// Format is the word for --report, such as "html"; the file is "comparison." and that.
	Format() string
	Comparison(w io.Writer, c *Comparison) error
}

// Comparison is what several runs of one scenario say together: the content of comparison.json. Durations are nanoseconds, rates are
// messages per second, memory is bytes.
type Comparison struct {
	Schema   string          `json:"schema"`
	ID       string          `json:"id"`
	Verdict  reports.Verdict `json:"verdict"` // the worst of the runs
	Exit     int             `json:"exit"`    // that of the whole command
	Headline string          `json:"headline"`
	// Notes are what a careful reader must know before believing a difference, one sentence each.
	Notes    []string         `json:"notes"`
	Started  time.Time        `json:"started"`
	Ended    time.Time        `json:"ended"`
	Command  string           `json:"command"`
	Folder   string           `json:"folder"`
	Scenario reports.Scenario `json:"scenario"`
	// Level of confidence at which all differences of one figure hold together.
	Level float64 `json:"level"`
	// Unequal tells that targets with unequal guarantees were ranked together because the user asked for it.
	Unequal bool `json:"unequal"`
	// Calm is the phase without, and Rough the phase with a fault that the figures are of; empty where the scenario has none.
	Calm  string `json:"calm"`
	Rough string `json:"rough"`
	// LateAfter is the end-to-end latency in ns above which a message counts as late.
	LateAfter int64 `json:"late_after"`
	// Closed tells that a closed loop took part in a recorded phase: see reports.ClosedNote.
	Closed  bool     `json:"closed,omitempty"`
	Targets []Target `json:"targets"`
	Groups  []Group  `json:"groups"`
	Figures []Figure `json:"figures"`
	Curves  []Curve  `json:"curves"`
	// OverTime is how the runs went, second by second.
	OverTime OverTime `json:"over_time"`
	// Refused are the runs that never began; they are in no figure.
	Refused []Refusal `json:"refused,omitempty"`
}

// Target is one of those compared, with its runs in their order.
type Target struct {
	// Label is A, B, C … in the order in which they were asked for.
	Label     string `json:"label"`
	Name      string `json:"name"`
	Driver    string `json:"driver"`
	Version   string `json:"version"`
	Guarantee string `json:"guarantee"`
	// GuaranteeVerdict is the worst of what the audits of the runs said, and Audited says it in words.
	GuaranteeVerdict reports.Verdict `json:"guarantee_verdict"`
	Audited          string          `json:"audited"`
	Promise          string          `json:"promise"`
	Verdict          reports.Verdict `json:"verdict"` // the worst of its runs
	// Ranked targets are held against others; Why says what keeps one from it.
	Ranked bool   `json:"ranked"`
	Why    string `json:"why,omitempty"`
	Runs   []Run  `json:"runs"`
}

// Run points at one run.
type Run struct {
	ID       string          `json:"id"`
	Path     string          `json:"path"` // of its folder, relative to the comparison's, with slashes
	Verdict  reports.Verdict `json:"verdict"`
	Exit     int             `json:"exit"`
	Headline string          `json:"headline"`
	// Counted runs are those from which the target's figures come.
	Counted bool `json:"counted"`
}

// Group is the labels of targets that give the same guarantee, equally well audited.
type Group struct {
	Guarantee string   `json:"guarantee"`
	Audited   string   `json:"audited"`
	Targets   []string `json:"targets"`
}

// The units of figures.
const (
	Nanoseconds = "ns"
	PerSecond   = "per_second"
	Messages    = "messages"
	Memory      = "bytes"
)

// Figure is one measured thing and what came out for each target.
type Figure struct {
	// Key is as in a gate where a gate can name it, such as "steady.end_to_end.p99".
	Key    string `json:"key"`
	Name   string `json:"name"`
	Phase  string `json:"phase,omitempty"`
	Unit   string `json:"unit"`
	Higher bool   `json:"higher_is_better"`
	// Values has one for each target, in their order.
	Values []Value `json:"values"`
	// Pairs are the comparisons of ranked targets, the earlier one first.
	Pairs []Pair `json:"pairs"`
}

// Value is what one target showed. Without runs the others mean nothing.
type Value struct {
	Target string    `json:"target"` // its label
	Runs   []float64 `json:"runs"`   // one figure for each counted run that has it
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	// Rank is 1 more than the number of targets that are significantly better; 0 where nothing is claimed.
	Rank int `json:"rank"`
}

// Pair is how target B's figure stands to target A's.
type Pair struct {
	A string `json:"a"`
	B string `json:"b"`
	// Scale is "ratio" (B/A) or "difference" (B−A).
	Scale    string  `json:"scale"`
	Estimate float64 `json:"estimate"`
	// Low and High hold the true value at the comparison's level for all pairs of the figure at once; null where few runs give no end.
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
	// Significant differences exclude that both are alike and are of 1 % at least; Anecdotal ones come from too few runs to be so.
	Significant bool `json:"significant"`
	Anecdotal   bool `json:"anecdotal"`
	// Tiny differences are certain, and smaller than 1 %.
	Tiny bool `json:"tiny"`
	// Unequal tells that the two gave unequal guarantees.
	Unequal bool `json:"unequal"`
}

// Curve is the percentile curve of one latency in one phase on one target: at each quantile the median of its runs.
type Curve struct {
	Target string          `json:"target"`
	Phase  string          `json:"phase"`
	Metric string          `json:"metric"` // ack or end_to_end
	Points []reports.Point `json:"points"`
}

// OverTime is how the targets did over the time of a run: lines with one value for each step, the median of a target's runs. Moments and
// the step are ns from the beginning of the load.
type OverTime struct {
	Step   int64   `json:"step"`
	Phases []Span  `json:"phases"`
	Faults []Span  `json:"faults"` // from the effect to the undoing, as the first run had them
	Lines  []Lines `json:"lines"`
}

// Span is a stretch of a run with a name. Recorded tells of a phase that its figures count.
type Span struct {
	Name     string `json:"name"`
	Start    int64  `json:"start"`
	End      int64  `json:"end"`
	Recorded bool   `json:"recorded,omitempty"`
}

// Lines are those of one target. A latency of 0 is none.
type Lines struct {
	Target   string    `json:"target"`
	Received []float64 `json:"received"`
	EndToEnd []int64   `json:"end_to_end_p99"`
	Ack      []int64   `json:"ack_p99"`
}

// Refusal is a run that was asked for and could not begin.
type Refusal struct {
	Target string `json:"target"`
	// Exit is the code that it would have ended with alone, and Why the reason with its remedy.
	Exit int    `json:"exit"`
	Why  string `json:"why"`
	// Times is how many repeats it was so.
	Times int `json:"times"`
}
