package cli

import (
	"fmt"
	"slices"

	"ordeal/internal/engine"
	"ordeal/reports"
	"ordeal/reports/compare"
	"ordeal/scenarios"
)

// refusals are the targets of a list on which nothing could be started. The others are run and compared all the same.
type refusals struct{ list []compare.Refusal }

// foresee finds out, before anything is started, which of several targets will be refused, so that nobody waits for the first to hear of
// the last. A usage error ends the command at once.
func (f *runFlags) foresee(env *Env, w *wire, sc *scenarios.Scenario, targets []engine.Target) (*refusals, error) {
	refused := &refusals{}
	if len(targets) < 2 {
		return refused, nil
	}
	var errs []error
	for _, t := range targets {
		_, err := engine.Rehearse(f.rehearsal(w, sc, t))
		if err != nil && engine.ExitCode(err) == engine.ExitUsage {
			return nil, err
		}
		errs = append(errs, err)
	}
	for i, t := range targets {
		if errs[i] != nil && !refused.has(t) {
			refused.note(env, t, errs[i])
		}
	}
	return refused, nil
}

// note says that t was refused, and goes on.
func (r *refusals) note(env *Env, t engine.Target, err error) {
	fmt.Fprintf(env.Stderr, "ordeal: target %s is refused: %v\n", t, err)
	r.list = append(r.list, compare.Refusal{Target: t.String(), Exit: engine.ExitCode(err), Why: reports.OneLine(err.Error())})
}

// has tells that t was refused before: what cannot begin now cannot begin later.
func (r *refusals) has(t engine.Target) bool {
	return slices.ContainsFunc(r.list, func(had compare.Refusal) bool { return had.Target == t.String() })
}

// exit is the code that outranks worst and those of the refusals.
func (r *refusals) exit(worst int) int {
	for _, one := range r.list {
		worst = engine.WorseExit(worst, one.Exit)
	}
	return worst
}

// spoilt are addresses of targets that somebody else runs, by the folder of the run that left a fault in effect there. Another run would
// injure what is injured already, and measure that, whatever the target is called.
type spoilt map[string]string

func (s spoilt) note(t engine.Target, r *reports.Run) {
	for _, address := range t.Servers {
		if r.Stuck() {
			s[address] = r.Folder
		}
	}
}

// by says why t is not to be run again; nil where it may be.
func (s spoilt) by(t engine.Target) error {
	for _, address := range t.Servers {
		if folder, ok := s[address]; ok {
			return &engine.Error{Exit: engine.ExitEnvironment, Err: fmt.Errorf("the run before left a fault in effect, so it is not run again: "+
				"mend it, with `ordeal faults undo %s` if that helps, and begin anew", folder)}
		}
	}
	return nil
}
