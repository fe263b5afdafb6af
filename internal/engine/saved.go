package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/message"
	"ordeal/reports"
)

// Check judges the saved run in folder again with the checks known today, from its history, and works out verdict and exit code anew.
// Figures, faults and gates are those of run.json.
func Check(folder string, known []judge.Check) (*reports.Run, error) {
	r, err := reports.Read(filepath.Join(folder, "run.json"))
	if err != nil {
		return nil, usage(err)
	}
	reader, plan, err := openSaved(folder)
	if err != nil {
		return nil, err
	}
	defer reader.Close() //nolint:errcheck // it was only read
	var ev evidence
	cut := reader.Cut()
	if text := reader.Evidence(); len(text) > 0 {
		if err := json.Unmarshal(text, &ev); err != nil {
			cut = history.Cut{Why: "its evidence cannot be read: " + err.Error()}
		}
	}
	book := judge.NewBook(plan)
	if late, err := reader.Replay(book); err != nil {
		return nil, environment(fmt.Errorf("read history: %w", err))
	} else if cut.Why == "" {
		cut = late
	}
	r.Harness.HistoryCut = cut.String()
	ev.Judge.HistoryCut = cut.String()
	if len(ev.Checks) == 0 {
		ev.Checks = askedBefore(r)
	}
	ev.Judge.Replays = replaysJudged(r.Replays)
	findings := book.Findings(ev.Judge)
	var ids [][]message.ID
	r.Checks, ids = checks(known, ev.Checks, findings)
	b := biography{reader: reader, plan: plan, faults: r.Faults, replays: r.Replays, finished: ev.Finished}
	if err := b.fill(r.Checks, ids); err != nil {
		return nil, environment(fmt.Errorf("read history: %w", err))
	}
	saved := r.Counts
	r.Counts = counts(findings)
	r.Counts.Unsent, r.Counts.Resent, r.Counts.Reconnects = saved.Unsent, saved.Resent, saved.Reconnects
	r.Counts.Rebalances = saved.Rebalances
	r.Folder = folder
	var problems []error
	for _, p := range ev.Problems {
		problems = append(problems, p.err())
	}
	decide(r, problems...)
	return r, nil
}

// askedBefore takes the checks from run.json, for a history whose end is missing.
func askedBefore(r *reports.Run) []checkAsked {
	var out []checkAsked
	for i := range r.Checks {
		name, scope, _ := strings.Cut(r.Checks[i].Name, ": ")
		out = append(out, checkAsked{Name: name, Max: r.Checks[i].Max, Scope: scope})
	}
	return out
}

// openSaved opens a run's history and reads its plan.
func openSaved(folder string) (*history.Reader, judge.Plan, error) {
	var plan judge.Plan
	reader, err := history.Open(filepath.Join(folder, "history.bin"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, plan, &Error{Exit: ExitInconclusive, Err: fmt.Errorf("%s has no history.bin: there is nothing to judge again", folder)}
	case err != nil:
		return nil, plan, &Error{Exit: ExitInconclusive, Err: fmt.Errorf("%s: %w", folder, err)}
	}
	if err := json.Unmarshal(reader.Header().Plan, &plan); err != nil {
		return nil, plan, errors.Join(&Error{Exit: ExitInconclusive, Err: fmt.Errorf("%s: the history's plan: %w", folder, err)}, reader.Close())
	}
	return reader, plan, nil
}

// Explain tells the life of one message of a saved run; name is as reports give it, such as "checkout-2/1/81402".
func Explain(folder, name string) (string, error) {
	r, err := reports.Read(filepath.Join(folder, "run.json"))
	if err != nil {
		return "", usage(err)
	}
	reader, plan, err := openSaved(folder)
	if err != nil {
		return "", err
	}
	defer reader.Close() //nolint:errcheck // it was only read
	id, err := messageNamed(plan, name)
	if err != nil {
		return "", usage(err)
	}
	lives, err := reader.Lives([]message.ID{id})
	if err != nil {
		return "", environment(fmt.Errorf("read history: %w", err))
	}
	b := biography{reader: reader, plan: plan, faults: r.Faults, replays: r.Replays}
	var ev evidence
	if json.Unmarshal(reader.Evidence(), &ev) == nil { // without it nothing can be called lost
		b.finished = ev.Finished
	}
	steps := b.life(lives[id], "")
	steps = append(steps, b.missing(name, id, lives[id], ev.Judge)...)
	if len(steps) == 0 {
		return fmt.Sprintf("%s: the history knows nothing of it\n", name), nil
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n", name)
	for _, s := range steps {
		fmt.Fprintf(&out, "  %12s  %-18s %s\n", reports.Offset(max(0, s.At)), s.What, s.Note)
	}
	return out.String(), nil
}

// messageNamed is the inverse of judge.Plan.MessageName.
func messageNamed(plan judge.Plan, name string) (message.ID, error) {
	bad := fmt.Errorf("%q names no message of this run; names look like checkout-2/1/81402: producer, lane, sequence number", name)
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return message.ID{}, bad
	}
	lane, err1 := strconv.ParseUint(parts[1], 10, 32)
	seq, err2 := strconv.ParseUint(strings.ReplaceAll(parts[2], ",", ""), 10, 64)
	if err1 != nil || err2 != nil {
		return message.ID{}, bad
	}
	for _, p := range plan.Producers {
		if p.Name == parts[0] {
			return message.ID{Producer: p.ID, Lane: uint32(lane), Seq: seq}, nil
		}
	}
	return message.ID{}, bad
}
