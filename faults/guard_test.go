package faults

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a fault that does what its functions say and counts its recoveries. It checks that the ledger was written before it is injected.
type fake struct {
	t          *testing.T
	ledger     string
	steps      []Step
	inject     func(context.Context) error
	recovers   func(context.Context) error
	settled    func(context.Context) error
	blind      bool // Evidence panics
	recoveries int
	calls      []string
}

func (f *fake) Needs() Needs                        { return Needs{} }
func (f *fake) Check(context.Context, Target) error { return nil }

func (f *fake) Prepare(context.Context, Target) (Plan, error) {
	f.calls = append(f.calls, "prepare")
	return Plan{Resolved: "n2", Steps: f.steps}, nil
}

func (f *fake) Inject(ctx context.Context, _ Target) (Recovery, error) {
	f.calls = append(f.calls, "inject")
	b, err := readBook(f.ledger)
	if err != nil || len(b.Entries) != 1 || !b.Entries[0].Healed.IsZero() || b.Entries[0].Resolved != "n2" {
		f.t.Errorf("at Inject the ledger has %+v, %v; want one open entry", b, err)
	}
	return f, call(ctx, f.inject)
}

func (f *fake) Recover(ctx context.Context) error {
	f.calls = append(f.calls, "recover")
	f.recoveries++
	if err := ctx.Err(); err != nil {
		f.t.Errorf("Recover was given an ended context: %v", err)
	}
	return call(ctx, f.recovers)
}

func (f *fake) Settled(ctx context.Context) error {
	f.calls = append(f.calls, "settled")
	return call(ctx, f.settled)
}

func (f *fake) Evidence() Evidence {
	if f.blind {
		panic("no evidence")
	}
	return Evidence{Bit: true, Why: strings.Join(f.calls, " ")}
}

func (f *fake) Undo() []string { return []string{"true known-later"} }

func call(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	return f(ctx)
}

type emptyTarget struct{}

func (emptyTarget) Name() string  { return "memory" }
func (emptyTarget) Nodes() []Node { return nil }
func (emptyTarget) Resolve(context.Context, string) ([]Node, error) {
	return nil, errors.New("no nodes")
}
func (emptyTarget) Links() *Links                       { return NewLinks(1) }
func (emptyTarget) Serving(context.Context, Node) error { return nil }
func (emptyTarget) Rand() *rand.Rand                    { return rand.New(rand.NewPCG(1, 1)) }
func (emptyTarget) Logger() *slog.Logger                { return slog.New(slog.DiscardHandler) }

func run(ctx context.Context, t *testing.T, f *fake) (Record, Entry, []State) {
	t.Helper()
	f.t, f.ledger = t, filepath.Join(t.TempDir(), "undo.json")
	ledger, err := NewLedger(f.ledger)
	if err != nil {
		t.Fatal(err)
	}
	epoch := time.Now().Add(-time.Second)
	g := NewGuard(ledger, slog.New(slog.DiscardHandler), func() int64 { return int64(time.Since(epoch)) })
	var states []State
	g.Changed = func(r Record) { states = append(states, r.State) }
	record := g.Run(ctx, Spec{Kind: "test.fake", Target: "any", For: 5 * time.Second}, f, emptyTarget{})
	b, err := readBook(f.ledger)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Entries) == 0 {
		return record, Entry{}, states
	}
	return record, b.Entries[0], states
}

func TestWholeCourse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(d time.Duration) func(context.Context) error {
			return func(context.Context) error { time.Sleep(d); return nil }
		}
		f := &fake{inject: wait(time.Second), recovers: wait(2 * time.Second), settled: wait(3 * time.Second)}
		r, entry, states := run(t.Context(), t, f)
		const s = int64(time.Second)
		if r.Requested != s || r.Effective != 2*s || r.Recovered != 9*s || r.Settled != 12*s {
			t.Errorf("times %d %d %d %d; want 1, 2, 9 and 12 s", r.Requested, r.Effective, r.Recovered, r.Settled)
		}
		if r.State != Settled || !r.Undone || r.Err != nil || r.Resolved != "n2" || r.Evidence.Why != "prepare inject recover settled" {
			t.Errorf("record %+v", r)
		}
		if entry.Healed.IsZero() || !slices.Equal(entry.Steps, []Step{{Command: "true known-later"}}) {
			t.Errorf("ledger %+v; want it healed, with the command known after the injection", entry)
		}
		if want := []State{Idle, Active, Recovering, Settled}; !slices.Equal(states, want) {
			t.Errorf("states %v; want %v", states, want)
		}
	})
}

func TestCancelHealsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, entry, _ := run(ctx, t, &fake{})
		if r.State != Recovering || !r.Undone || r.Err != nil || entry.Healed.IsZero() {
			t.Errorf("record %+v, ledger %+v; want it undone and not settled", r, entry)
		}
		if r.Recovered != int64(2*time.Second) || r.Settled != 0 || r.Evidence.Why != "prepare inject recover" {
			t.Errorf("record %+v; want it recovered when the context ended", r)
		}
	})
}

func TestNothingIsInjectedAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &fake{}
	if r, _, _ := run(ctx, t, f); r.State != Idle || !r.Undone || !errors.Is(r.Err, context.Canceled) || f.calls != nil {
		t.Errorf("record %+v, calls %v", r, f.calls)
	}
}

// TestBreaking lets every step fail in every way. The steps of the ledger are harmless commands, one of which fails.
func TestBreaking(t *testing.T) {
	works, fails := []Step{{Command: "true"}}, []Step{{Command: "exit 3"}}
	wrong := errors.New("something is wrong")
	broken := map[string]func(context.Context) error{
		"error": func(context.Context) error { return wrong },
		"panic": func(context.Context) error { panic(wrong) },
		"limit": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	}
	for _, c := range []struct {
		name       string
		fake       *fake
		err        error
		undone     bool
		recoveries int
	}{
		{"inject error", &fake{inject: broken["error"], steps: works}, wrong, true, 0},
		{"inject limit", &fake{inject: broken["limit"], steps: works}, context.DeadlineExceeded, true, 0},
		{"inject panic", &fake{inject: broken["panic"], steps: works}, errPanic, true, 0},
		{"inject panic, steps fail", &fake{inject: broken["panic"], steps: fails}, errPanic, false, 0},
		{"inject panic, no steps", &fake{inject: broken["panic"]}, errPanic, false, 0},
		{"recover error", &fake{recovers: broken["error"], steps: works}, wrong, false, 1},
		{"recover panic", &fake{recovers: broken["panic"], steps: works}, errPanic, false, 1},
		{"recover limit", &fake{recovers: broken["limit"], steps: works}, context.DeadlineExceeded, false, 1},
		{"settle error", &fake{settled: broken["error"]}, wrong, true, 1},
		{"settle panic", &fake{settled: broken["panic"]}, errPanic, true, 1},
		{"settle limit", &fake{settled: broken["limit"]}, context.DeadlineExceeded, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, entry, states := run(t.Context(), t, c.fake)
				if r.State != Broken || states[len(states)-1] != Broken || !errors.Is(r.Err, c.err) || r.Undone != c.undone || r.Settled != 0 {
					t.Errorf("record %+v; want it broken by %v, undone %v", r, c.err, c.undone)
				}
				if entry.Healed.IsZero() == c.undone {
					t.Errorf("ledger %+v; want it healed: %v", entry, c.undone)
				}
				if c.fake.recoveries != c.recoveries {
					t.Errorf("recovered %d times; want %d", c.fake.recoveries, c.recoveries)
				}
			})
		})
	}
}

func TestNoEvidenceIsNoBite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := run(t.Context(), t, &fake{blind: true})
		if r.Evidence.Bit || !errors.Is(r.Err, errPanic) || !r.Undone || r.State != Settled {
			t.Errorf("record %+v; want it settled, without evidence", r)
		}
	})
}

func TestLateEffectIsUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{inject: func(context.Context) error { time.Sleep(time.Hour); return nil }}
		r, _, _ := run(t.Context(), t, f)
		if r.State != Broken || r.Undone || !errors.Is(r.Err, errAbandoned) || r.Effective != 0 {
			t.Errorf("record %+v; want it given up", r)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if f.recoveries != 1 {
			t.Errorf("recovered %d times; want once, when it took effect after all", f.recoveries)
		}
		if b, err := readBook(f.ledger); err != nil || b.Entries[0].Healed.IsZero() {
			t.Errorf("ledger %+v, %v; want it healed", b, err)
		}
	})
}

func TestNoLedgerNoFault(t *testing.T) {
	f := &fake{t: t}
	ledger, err := NewLedger(filepath.Join(t.TempDir(), "undo.json"))
	if err != nil {
		t.Fatal(err)
	}
	ledger.path = filepath.Join(t.TempDir(), "gone", "undo.json")
	g := NewGuard(ledger, slog.New(slog.DiscardHandler), func() int64 { return 1 })
	r := g.Run(t.Context(), Spec{Kind: "test.fake"}, f, emptyTarget{})
	if r.State != Broken || !r.Undone || slices.Contains(f.calls, "inject") {
		t.Errorf("record %+v, calls %v; want nothing injected", r, f.calls)
	}
}
