package faults

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Limits are how long the steps of a fault may take.
type Limits struct{ Inject, Recover, Settle time.Duration }

// DefaultLimits are generous: brokers on slow machines take 30 s to come back.
func DefaultLimits() Limits {
	return Limits{Inject: 30 * time.Second, Recover: 30 * time.Second, Settle: 90 * time.Second}
}

// patience is how long a call may go on after its context has ended, before the guard goes on without it.
const patience = 5 * time.Second

var (
	errPanic     = errors.New("panic")
	errAbandoned = errors.New("did not return in time and was left behind")
)

// Preparer is a Fault that knows before it is injected what it will act upon and how that is undone. The guard writes the plan into the
// ledger and injects after that. Prepare changes nothing; the fault acts upon what Prepare chose.
type Preparer interface {
	Prepare(ctx context.Context, t Target) (Plan, error)
}

// Plan is what a fault is about to do.
type Plan struct {
	// Resolved is what the target turned out to be, such as "n2".
	Resolved string
	Steps    []Step
}

// Guard takes faults through their course and back, whatever happens. One guard serves all faults of a run.
type Guard struct {
	// Limits may be changed before the first Run.
	Limits Limits
	// Changed, unless nil, is called by Run after each change of state, also of a time.
	Changed func(Record)

	ledger *Ledger
	logger *slog.Logger
	clock  func() int64
}

// NewGuard makes a guard with DefaultLimits. clock gives ns since the run's epoch.
func NewGuard(ledger *Ledger, logger *slog.Logger, clock func() int64) *Guard {
	return &Guard{Limits: DefaultLimits(), ledger: ledger, logger: logger, clock: clock}
}

// Run takes f through its whole course, and returns when it has settled or broken; the engine calls it in a goroutine for each fault.
// When ctx ends the fault is undone at once, with a context of its own, and nobody waits for health.
func (g *Guard) Run(ctx context.Context, spec Spec, f Fault, t Target) Record {
	c := &course{guard: g, record: Record{Spec: spec, Requested: g.clock(), Undone: true}}
	c.change(Idle)
	recovery := c.inject(ctx, f, t)
	if recovery == nil {
		return c.record
	}
	hold(ctx, spec.For)
	c.recover(ctx, recovery)
	if c.record.State == Recovering && ctx.Err() == nil {
		c.settle(ctx, recovery)
	}
	c.witness(ctx, recovery)
	c.change(c.record.State)
	return c.record
}

// hold waits for d or the end of ctx, whichever is first.
func hold(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// course is one run of one fault.
type course struct {
	guard  *Guard
	record Record
	entry  int // in the ledger
	steps  []Step
}

func (c *course) change(s State) {
	c.record.State = s
	r := c.record
	c.guard.logger.Debug("fault", "kind", r.Spec.Kind, "target", r.Spec.Target, "resolved", r.Resolved, "state", s.String())
	if c.guard.Changed != nil {
		c.guard.Changed(r)
	}
}

func (c *course) broken(step string, err error) {
	err = fmt.Errorf("%s %s: %w", step, c.record.Spec.Kind, err)
	c.guard.logger.Warn("fault broken", "error", err)
	c.record.Err = errors.Join(c.record.Err, err)
	c.change(Broken)
}

// inject returns nil when nothing is in effect.
func (c *course) inject(ctx context.Context, f Fault, t Target) Recovery {
	limit := c.guard.Limits.Inject
	if err := ctx.Err(); err != nil {
		c.record.Err = fmt.Errorf("inject %s: %w", c.record.Spec.Kind, err)
		return nil
	}
	if p, ok := f.(Preparer); ok {
		plan, err := attempt(ctx, limit, func(ctx context.Context) (Plan, error) { return p.Prepare(ctx, t) }, nil)
		if err != nil {
			c.broken("prepare", err)
			return nil
		}
		c.record.Resolved, c.steps = plan.Resolved, plan.Steps
	}
	spec := c.record.Spec
	entry, err := c.guard.ledger.Open(Entry{Kind: spec.Kind, Target: spec.Target, Resolved: c.record.Resolved, Steps: c.steps})
	if err != nil {
		c.broken("inject", err) // nothing is done that could not be undone after a crash
		return nil
	}
	c.entry = entry
	recovery, err := attempt(ctx, limit, func(ctx context.Context) (Recovery, error) { return f.Inject(ctx, t) }, c.late)
	if err == nil && recovery == nil {
		err = errors.New("the fault gave nothing to recover with")
	}
	if err != nil {
		c.failed(ctx, err)
		return nil
	}
	c.record.Effective, c.record.Undone = c.guard.clock(), false
	undo, err := attempt(ctx, limit, func(context.Context) ([]string, error) { return recovery.Undo(), nil }, nil)
	if err == nil {
		err = c.guard.ledger.add(c.entry, undo)
	}
	if err != nil {
		c.guard.logger.Warn("undo ledger is not complete", "error", err)
		c.record.Err = errors.Join(c.record.Err, err)
	}
	c.witness(ctx, recovery)
	c.change(Active)
	return recovery
}

// failed deals with an Inject that gave no Recovery. After an error nothing is left done. After a panic or a time-out nobody knows, so the
// steps of the ledger are taken.
func (c *course) failed(ctx context.Context, err error) {
	if errors.Is(err, errPanic) || errors.Is(err, errAbandoned) {
		lines, undoErr := undoSteps(context.WithoutCancel(ctx), c.steps)
		c.guard.logger.Warn("undoing by the ledger", "steps", lines, "error", undoErr)
		err = errors.Join(err, undoErr)
		c.record.Undone = errors.Is(err, errPanic) && len(c.steps) > 0 && undoErr == nil
	}
	if c.record.Undone {
		err = errors.Join(err, c.guard.ledger.Heal(c.entry))
	}
	c.broken("inject", err)
}

// late is for an Inject that took effect after it was given up: it is undone at once. The course is over by then; its record is not
// touched.
func (c *course) late(recovery Recovery, err error) {
	if err != nil || recovery == nil {
		return
	}
	none := context.Background()
	_, err = attempt(none, c.guard.Limits.Recover, func(ctx context.Context) (any, error) { return nil, recovery.Recover(ctx) }, nil)
	if err == nil {
		err = c.guard.ledger.Heal(c.entry)
	}
	c.guard.logger.Warn("a fault took effect late and was undone", "kind", c.record.Spec.Kind, "error", err)
}

// recover undoes, also after a cancel.
func (c *course) recover(ctx context.Context, recovery Recovery) {
	own := context.WithoutCancel(ctx)
	_, err := attempt(own, c.guard.Limits.Recover, func(ctx context.Context) (any, error) { return nil, recovery.Recover(ctx) }, nil)
	if err != nil {
		lines, undoErr := undoSteps(own, c.steps)
		c.guard.logger.Warn("undoing by the ledger", "steps", lines, "error", undoErr)
		c.broken("recover", errors.Join(err, undoErr))
		return
	}
	c.record.Recovered, c.record.Undone = c.guard.clock(), true
	if err := c.guard.ledger.Heal(c.entry); err != nil {
		c.record.Err = errors.Join(c.record.Err, err)
	}
	c.witness(ctx, recovery)
	c.change(Recovering)
}

// settle waits for health.
func (c *course) settle(ctx context.Context, recovery Recovery) {
	_, err := attempt(ctx, c.guard.Limits.Settle, func(ctx context.Context) (any, error) { return nil, recovery.Settled(ctx) }, nil)
	if err != nil {
		if ctx.Err() == nil {
			c.broken("settle", err)
		}
		return
	}
	c.record.Settled = c.guard.clock()
	c.record.State = Settled
}

// witness takes down the evidence as it is now. Where it cannot be had there is none, so the fault did not bite as far as anybody knows.
func (c *course) witness(ctx context.Context, recovery Recovery) {
	own := context.WithoutCancel(ctx)
	evidence, err := attempt(own, patience, func(context.Context) (Evidence, error) { return recovery.Evidence(), nil }, nil)
	if err != nil {
		evidence = Evidence{Why: "the evidence cannot be had"}
		c.record.Err = errors.Join(c.record.Err, fmt.Errorf("ask for the evidence of %s: %w", c.record.Spec.Kind, err))
	}
	c.record.Evidence = evidence
}

// attempt calls do with a limit, in a goroutine of its own: a panic becomes an error, and a call that does not heed its context is left
// behind after some patience. late, unless nil, then gets what it returns in the end.
func attempt[T any](ctx context.Context, limit time.Duration, do func(context.Context) (T, error), late func(T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	done := make(chan result, 1)
	go func() {
		defer cancel()
		var r result
		defer func() {
			if p := recover(); p != nil {
				r = result{err: fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())}
			}
			done <- r
		}()
		r.value, r.err = do(ctx)
	}()
	var r result
	select {
	case r = <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r = <-done:
		return r.value, r.err
	case <-timer.C:
	}
	if late != nil {
		go func() { r := <-done; late(r.value, r.err) }()
	}
	return r.value, fmt.Errorf("%w (limit %v)", errAbandoned, limit)
}
