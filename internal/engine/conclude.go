package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/measure"
	"ordeal/reports"
)

// evidence is what a saved run needs beside its events to be judged to the same verdict; it is saved in the history.
type evidence struct {
	Judge  judge.Evidence `json:"judge"`
	Checks []checkAsked   `json:"checks"`
	// Finished is when the drain ended, ns since the beginning.
	Finished int64 `json:"finished"`
	// Problems are what else speaks against the run.
	Problems []problem `json:"problems,omitempty"`
}

// problem is an error that decides the exit code, as it is saved.
type problem struct {
	Exit int    `json:"exit"`
	Text string `json:"text"`
}

func (p problem) err() error { return &Error{Exit: p.Exit, Err: errors.New(p.Text)} }

// conclude stops everything, judges, and writes down what is known, whatever came before. trouble is what stopped the run early.
func (x *execution) conclude(ctx context.Context, trouble error) error {
	x.folder.release()
	interrupted := ctx.Err() != nil
	x.run.Interrupted = interrupted
	x.finished = x.now()
	x.spent = measure.ReadUsage().Since(x.usage)
	if x.nodes != nil { // none were watched where the load never began
		x.nodes.look()
	}
	rebalanced := x.rebalances.end()
	if x.worker != nil {
		x.stopped = x.worker.Stop()
	}
	var problems []error
	if bug := x.broken.Load(); bug != nil {
		problems = append(problems, bug)
	} else if trouble != nil && !interrupted {
		problems = append(problems, trouble)
	}
	if x.clock.Load() != nil {
		x.ended = min(int64(x.stopped.Ended), x.plan.worker.Until)
		for _, g := range x.stopped.Gaps {
			g.Finish(x.ended)
		}
		x.result = x.collector.Finish()
		if x.result.LogErr != nil {
			x.events.add("warning", "latency.hlog is not complete: %v", x.result.LogErr)
		}
	}
	if x.stopped != nil && x.stopped.Misuse > 0 {
		problems = append(problems, fmt.Errorf("driver %s settled %d messages twice or never sent; its receipts cannot be trusted",
			x.Driver.Name(), x.stopped.Misuse))
	}
	x.judge(ctx, problems)
	x.run.Counts.Rebalances = rebalanced
	if x.result != nil {
		x.measured()
		x.happened()
		x.healthy()
		x.run.Drains = x.drains
		x.run.Gates = gates(x.Scenario.Gates, x.run, x.blamed)
	}
	x.lives()
	err := x.tearDown()
	if err == nil {
		err = x.ledger.Leave()
	}
	if err != nil {
		x.run.LeftBehind = err.Error()
	}
	x.run.Environment = describeMachine(x.Version, strings.TrimSpace(x.Driver.Name()+" "+x.run.Target.Version))
	x.run.Drains = x.drains
	x.run.Ended = time.Now()
	decide(x.run, problems...)
	x.events.add("verdict", "%s: %s", x.run.Verdict.Word(), x.run.Headline)
	x.run.Events = x.events.all()
	return x.write()
}

// judge closes the history and asks every check. The problems are saved for those who judge again.
func (x *execution) judge(ctx context.Context, problems []error) {
	ev := evidence{Finished: x.finished, Judge: judge.Evidence{Drains: make([]judge.Drain, len(x.plan.judge.Groups))}}
	for i := range ev.Judge.Drains {
		ev.Judge.Drains[i].Why = "the run ended before it"
		if i < len(x.drains) {
			ev.Judge.Drains[i] = judge.Drain{Complete: x.drains[i].Complete, Why: x.drains[i].Why}
		}
	}
	for _, c := range x.Scenario.Checks {
		ev.Checks = append(ev.Checks, checkAsked{Name: c.Name, Max: int64(c.Params.Int("max")), Scope: c.Params.Text("scope")})
	}
	for _, err := range problems {
		ev.Problems = append(ev.Problems, problem{Exit: ExitCode(err), Text: err.Error()})
	}
	if err := x.closeHistory(ev); err != nil {
		x.run.Harness.HistoryCut = err.Error()
		x.events.add("warning", "history.bin is cut, so `ordeal check` cannot repeat this verdict: %v", err)
	}
	findings := x.book.Findings(ev.Judge)
	if x.replay(ctx, findings); len(x.run.Replays) > 0 {
		ev.Judge.Replays = replaysJudged(x.run.Replays)
		findings = x.book.Findings(ev.Judge)
	}
	x.run.Checks, x.examples = checks(x.Checks, ev.Checks, findings)
	x.run.Counts = counts(findings)
	if x.stopped != nil {
		x.run.Counts.Unsent, x.run.Counts.Resent, x.run.Counts.Reconnects = x.stopped.Unsent, x.stopped.Resent, x.stopped.Reconnects
		for _, e := range x.stopped.Errors {
			x.events.add("errors", "%d × %s: %s", e.Count, e.Where, e.Text)
		}
	}
}

// lives adds the life of every example from the history just written. Without it a report is poorer, not wrong.
func (x *execution) lives() {
	if x.history == nil {
		return
	}
	reader, err := history.Open(x.folder.File("history.bin"))
	if err == nil {
		b := biography{reader: reader, plan: x.plan.judge, faults: x.run.Faults, replays: x.run.Replays, finished: x.finished}
		err = errors.Join(b.fill(x.run.Checks, x.examples), reader.Close())
	}
	if err != nil {
		x.events.add("warning", "the lives of the examples are not known: %v", err)
	}
}

// write writes the reports into the run folder. The error says which could not be written; the run is known all the same.
func (x *execution) write() error {
	var errs []error
	keep := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("write %s: %w", what, err))
		}
	}
	keep("events.ndjson", x.events.close())
	keep("latency.hlog", x.latency.Close())
	keep("run.json", reports.Write(x.folder.File("run.json"), x.run))
	keep("series.csv", render(x.folder.File("series.csv"), reports.CSV{}, x.run))
	for _, r := range x.Renderers {
		keep(r.File(), render(x.folder.File(r.File()), r, x.run))
	}
	if x.Plots != nil {
		keep("plots", x.Plots(x.folder.File("plots"), x.run))
	}
	if err := errors.Join(errs...); err != nil {
		return environment(err)
	}
	return nil
}

// render writes one report to a file, whole or not at all: what is read by others must not end in the middle because ordeal did.
func render(path string, r reports.Renderer, run *reports.Run) error {
	var page bytes.Buffer
	if err := r.Render(&page, run); err != nil {
		return err
	}
	return reports.Replace(path, page.Bytes())
}

// decide works out verdict, exit code, headline and reasons from what the run holds and from the problems met on the way.
func decide(r *reports.Run, problems ...error) {
	r.Reasons = nil
	exits, stuck := map[int]bool{}, false
	verdict := reports.Pass
	note := func(exit int, v reports.Verdict, reason string) {
		exits[exit] = true
		verdict = reports.Worst(verdict, v)
		r.Reasons = append(r.Reasons, strings.TrimSuffix(reason, "."))
	}
	for _, err := range problems {
		if err != nil {
			note(ExitCode(err), reports.Inconclusive, err.Error())
		}
	}
	if r.LeftBehind != "" {
		note(ExitEnvironment, reports.Inconclusive, r.LeftBehind)
	}
	for i := range r.Checks {
		if !r.Begun() && len(r.Reasons) > 0 {
			break // there was nothing to check, and it has been said why
		}
		switch c := &r.Checks[i]; c.Verdict {
		case reports.Fail:
			note(ExitFail, reports.Fail, c.Name+": "+c.Why)
		case reports.Inconclusive:
			note(ExitInconclusive, reports.Inconclusive, c.Name+": "+c.Why)
		case reports.Pass:
		}
	}
	for i := range r.Faults {
		switch f := &r.Faults[i]; f.Verdict {
		case reports.Fail:
			stuck = stuck || f.NotUndone
			note(ExitEnvironment, reports.Inconclusive, f.Kind+" on "+f.Target+": "+f.Why)
		case reports.Inconclusive:
			note(ExitInconclusive, reports.Inconclusive, f.Kind+" on "+f.Target+": "+f.Why)
		case reports.Pass:
		}
	}
	for i := range r.Gates {
		switch g := &r.Gates[i]; g.Verdict {
		case reports.Fail:
			note(ExitGate, reports.Fail, "gate "+g.Expr+": "+g.Why)
		case reports.Inconclusive:
			note(ExitInconclusive, reports.Inconclusive, "gate "+g.Expr+": "+g.Why)
		case reports.Pass:
		}
	}
	for _, d := range r.Drains {
		if !d.Complete {
			note(ExitInconclusive, reports.Inconclusive, fmt.Sprintf("group %s was not drained: %s", d.Group, d.Why))
		}
	}
	if r.Harness.Verdict == reports.Inconclusive && len(r.Phases) > 0 {
		note(ExitInconclusive, reports.Inconclusive, r.Harness.Why)
	}
	if r.Harness.HistoryCut != "" {
		note(ExitInconclusive, reports.Inconclusive, "history cut: "+r.Harness.HistoryCut)
	}
	if n := r.Counts.Unsent; n > 0 && !r.Interrupted {
		note(ExitInconclusive, reports.Inconclusive, reports.Count(n)+
			" messages that were due were never sent, so the load was not what was asked for")
	}
	if r.Counts.Acked == 0 && len(r.Reasons) == 0 {
		note(ExitInconclusive, reports.Inconclusive, "no message was acked")
	}
	if r.Interrupted {
		note(ExitInterrupted, reports.Inconclusive, "interrupted by the user")
	}
	r.Verdict, r.Exit = verdict, precedence(exits)
	if stuck && r.Exit != ExitBug {
		r.Exit = ExitEnvironment // whatever else was found: somebody has to go and look
	}
	r.Headline = headline(r)
}

// precedence picks the exit code that outranks the others.
func precedence(exits map[int]bool) int {
	worst := ExitPass
	for code := range exits {
		worst = WorseExit(worst, code)
	}
	return worst
}

// sentence gives text a full stop, unless it ends like a sentence.
func sentence(text string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// headline is the verdict in one sentence.
func headline(r *reports.Run) string {
	tail := away(r)
	for i := range r.Faults {
		if f := &r.Faults[i]; f.NotUndone {
			return sentence(f.Kind + " on " + f.Target + ": " + f.Why)
		}
	}
	switch {
	case r.Verdict == reports.Pass && len(r.Checks) == 0:
		return fmt.Sprintf("%s messages were acknowledged; the scenario checks nothing, so nothing is known of what became of them.%s",
			reports.Count(r.Counts.Acked), tail)
	case r.Verdict == reports.Pass:
		return arrived(r) + turnedAway(r) + tail
	case r.Verdict == reports.Fail && len(r.Reasons) > 0:
		for i := range r.Checks {
			if r.Checks[i].Verdict == reports.Fail {
				return sentence(r.Checks[i].Why) + tail
			}
		}
		return sentence(r.Reasons[0])
	case r.Interrupted: // most other reasons follow from it, and all are listed
		return fmt.Sprintf("Interrupted by the user: nothing can be concluded. Until then %s messages were acknowledged.",
			reports.Count(r.Counts.Acked))
	case len(r.Reasons) > 0:
		return sentence("Nothing can be concluded: " + r.Reasons[0])
	default:
		return "Nothing can be concluded."
	}
}

// arrived says what a run that passed has shown, and no more: only checks that were asked know what arrived.
func arrived(r *reports.Run) string {
	asked := func(name string) bool {
		return slices.ContainsFunc(r.Checks, func(c reports.Check) bool { return c.Name == name })
	}
	all := "All " + reports.Count(r.Counts.Owed) + " acknowledged messages"
	if r.Counts.Owed < r.Counts.Acked {
		all += " that somebody reads"
	}
	switch {
	case asked("no-loss") && asked("no-corruption"):
		all += " arrived, whole and as promised."
	case asked("no-loss"):
		all += " arrived; whether they were whole was not asked."
	default:
		return fmt.Sprintf("%s messages were acknowledged, and every check passed; whether all of them arrived was not asked.",
			reports.Count(r.Counts.Acked))
	}
	if rest := r.Counts.Acked - r.Counts.Owed; rest > 0 {
		all += fmt.Sprintf(" Nobody reads the other %s.", reports.Count(rest))
	}
	return all
}

// turnedAway says what came to nothing of what was sent: a broker that takes half of its load keeps every promise about the other.
func turnedAway(r *reports.Run) string {
	rejected, unknown := r.Counts.Rejected, r.Counts.Unknown
	switch {
	case rejected > 0 && unknown > 0:
		return fmt.Sprintf(" The broker rejected %s more, and never said what became of %s.", reports.Count(rejected), reports.Count(unknown))
	case rejected > 0:
		return fmt.Sprintf(" The broker rejected %s more.", reports.Count(rejected))
	case unknown > 0:
		return fmt.Sprintf(" The broker never said what became of %s more.", reports.Count(unknown))
	default:
		return ""
	}
}

// away says how long the broker was away in phases with faults.
func away(r *reports.Run) string {
	var gap int64
	name := ""
	for _, f := range r.Faults {
		for i := range r.Phases {
			if p := &r.Phases[i]; p.Name == f.Phase && max(p.GapMax, p.GapWhole) > gap {
				gap, name = max(p.GapMax, p.GapWhole), f.Kind
			}
		}
	}
	if gap < int64(100*time.Millisecond) {
		return ""
	}
	return fmt.Sprintf(" Nothing was received for up to %s around %s.", reports.Duration(gap), name)
}

func sum(text []byte) string {
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

// openHistory begins history.bin with the plan that a later check needs.
func (x *execution) openHistory() (*history.Writer, error) {
	plan, err := json.Marshal(x.plan.judge)
	if err != nil {
		return nil, err
	}
	header := history.Header{Run: x.folder.ID, Plan: plan}
	for _, s := range x.plan.spans {
		header.Phases = append(header.Phases, history.Phase{Name: s.Name, Start: s.Start, End: s.End})
	}
	return history.Create(x.folder.File("history.bin"), header)
}

// closeHistory ends history.bin with the evidence.
func (x *execution) closeHistory(ev evidence) error {
	if x.history == nil {
		return nil
	}
	text, err := json.Marshal(ev)
	if err != nil {
		return err
	}
	x.summary, err = x.history.Close(text)
	return err
}
