package reports

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Finding is what the check's rule is about and how often it was found: "lost" and 3 of no-loss. For no-loss without a loss it may be
// "unseen", which is what a loss is called before the drain has shown that nothing more comes. The kind is empty for a check that counts
// nothing known.
func (c *Check) Finding() (kind string, n int64) {
	name, _, _ := strings.Cut(c.Name, ":")
	switch strings.TrimSpace(name) {
	case "no-loss":
		if c.Counts["lost"] == 0 && c.Counts["unseen"] > 0 {
			return "unseen", c.Counts["unseen"]
		}
		kind = "lost"
	case "duplicates":
		kind = "duplicated"
	case "order":
		kind = "reordered"
	case "no-phantom":
		kind = "phantom"
	case "no-corruption":
		kind = "corrupted"
	default:
		if len(c.Counts) == 1 {
			for kind, n = range c.Counts {
				return kind, n
			}
		}
		return "", 0
	}
	return kind, c.Counts[kind]
}

// OtherCounts are the check's counts beside the one that Finding gives, in words: "151 redelivered". Those of 0 are left out.
func (c *Check) OtherCounts() []string {
	found, _ := c.Finding()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(c.Counts)) {
		if name != found && c.Counts[name] != 0 {
			list = append(list, Count(c.Counts[name])+" "+strings.ReplaceAll(name, "_", " "))
		}
	}
	return list
}

// PromiseText says whether the broker claims what the check asks for, and on which grounds.
func (c *Check) PromiseText() string {
	word := "not promised"
	if c.Promised {
		word = "promised"
	}
	if c.Promise == "" {
		return word
	}
	return word + ": " + c.Promise
}

// Gap is the longest gap of the phase in words, None where nobody received anything.
func (p *Phase) Gap() string {
	if p.EndToEnd.Count == 0 && p.GapMax == 0 {
		return None
	}
	return Duration(p.GapMax)
}

// Stuck tells that a fault may be in effect still: somebody has to go and look, whatever else the run has found.
func (r *Run) Stuck() bool {
	return slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.NotUndone })
}

// Begun tells whether the load ever began: a run that failed before has reasons and nothing else.
func (r *Run) Begun() bool { return len(r.Series) > 0 || r.Counts.Attempted > 0 }

// WorstFirst gives the checks with failures before what is inconclusive before what passed, otherwise in their order.
func WorstFirst(checks []Check) []Check {
	return slices.SortedStableFunc(slices.Values(checks), func(a, b Check) int { return cmp.Compare(rank(a.Verdict), rank(b.Verdict)) })
}

// GatesWorstFirst is WorstFirst for gates.
func GatesWorstFirst(gates []Gate) []Gate {
	return slices.SortedStableFunc(slices.Values(gates), func(a, b Gate) int { return cmp.Compare(rank(a.Verdict), rank(b.Verdict)) })
}

func rank(v Verdict) int {
	switch v {
	case Fail:
		return 0
	case Pass:
		return 2
	default:
		return 1
	}
}

// Total adds up one count over the checks, such as "lost"; where several checks count the same it is the largest, for they saw the same
// messages.
func (r *Run) Total(kind string) int64 {
	var most int64
	for i := range r.Checks {
		most = max(most, r.Checks[i].Counts[kind])
	}
	return most
}

// Facts are the evidence in order: what was before, then what came after, then the rest by name.
func (f *Fault) Facts() []string {
	names := slices.Sorted(maps.Keys(f.Evidence))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(evidenceRank(a), evidenceRank(b)) })
	return names
}

func evidenceRank(name string) int {
	switch {
	case strings.HasPrefix(name, "old"):
		return 0
	case strings.HasPrefix(name, "exit"):
		return 1
	case strings.HasPrefix(name, "new"):
		return 2
	default:
		return 3
	}
}

// Audited says in words how far the broker's own settings confirmed the guarantee.
func (t Target) Audited() string {
	switch t.GuaranteeVerdict {
	case Pass:
		return "audited"
	case Fail:
		return "contradicted by the broker"
	default:
		return "not verified"
	}
}

// Verdict of one audited setting: pass where it was confirmed, fail where it was contradicted.
func (f Fact) Verdict() Verdict {
	switch f.Status {
	case "confirmed":
		return Pass
	case "contradicted":
		return Fail
	default:
		return Inconclusive
	}
}

// BrokerCPUPerMsg is the CPU time of all nodes for each message attempted, in ns; 0 where it is not known.
func (r *Run) BrokerCPUPerMsg() int64 {
	if r.Counts.Attempted <= 0 {
		return 0
	}
	return int64(r.Target.CPUSeconds * 1e9 / float64(r.Counts.Attempted))
}

// Warnings are what a careful reader would ask for and most runs do not have, one sentence each.
func (r *Run) Warnings() []string {
	var list []string
	h := &r.Harness
	if h.HistoryCut != "" {
		list = append(list, "history.bin is not whole: "+h.HistoryCut)
	}
	if h.Overflow > 0 {
		list = append(list, Count(h.Overflow)+" samples were above what the histograms hold, and count as the largest value")
	}
	if step := h.ClockStep; step > 1e8 || step < -1e8 {
		list = append(list, "the wall clock was moved by "+Duration(step)+" during the run; the figures do not rest on it")
	}
	if r.Counts.Unsent > 0 {
		list = append(list, Count(r.Counts.Unsent)+" messages were due and never sent")
	}
	return list
}

// Command is a line for a shell and what it does.
type Command struct{ Line, About string }

// Again lists the commands that a reader may want next, the one that repeats the run first.
func (r *Run) Again() []Command {
	var list []Command
	if r.Command != "" {
		list = append(list, Command{OneLine(r.Command), "the same load and the same faults again"})
	}
	if r.Folder != "" {
		folder := Quote(OneLine(r.Folder))
		list = append(list,
			Command{"ordeal check " + folder, "judge the saved run again"},
			Command{"ordeal report " + folder, "show it again; with --format and --output as a file of another kind"})
	}
	return list
}

// Quote makes one word of s for a POSIX shell: as it is where that is safe, else between quotes.
func Quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:=,@%+", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !safe(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// ClosedNote says what the latencies of a closed loop are, for the reports of runs that have one.
const ClosedNote = "from the send itself, for rate: max has no schedule; what waited before it is not in them"

// Closed tells that a closed loop took part in a phase that was recorded.
func (r *Run) Closed() bool {
	return slices.ContainsFunc(r.Phases, func(p Phase) bool { return p.Recorded && p.OfferedRate < 0 })
}
