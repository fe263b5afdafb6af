package schedule

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eachSleeper runs a test with the system's own way to sleep and with the one that works everywhere.
func eachSleeper(t *testing.T, test func(t *testing.T, p *Pacer)) {
	t.Helper()
	own, err := NewPacer(1000, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*Pacer{"own": own, "timer": {sleeper: newTimerSleeper()}} {
		t.Run(name, func(t *testing.T) {
			test(t, p)
			for range 2 {
				if err := p.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}
			p.Wake() // wakes nobody, harms nobody
		})
	}
}

func TestNewPacerRefuses(t *testing.T) {
	for _, rate := range []float64{-1, math.NaN(), math.Inf(-1)} {
		if _, err := NewPacer(rate, 0); err == nil {
			t.Errorf("rate %g was taken", rate)
		}
	}
}

func TestWaitUntilDue(t *testing.T) {
	eachSleeper(t, func(t *testing.T, p *Pacer) {
		start := time.Now()
		for _, d := range []int64{-1, 0, 1, 300_000, 5_000_000} {
			now := int64(time.Since(start))
			if err := p.Wait(t.Context(), now, now+d); err != nil {
				t.Fatal(err)
			}
			if slept := int64(time.Since(start)) - now; slept < d {
				t.Errorf("waited %d ns of %d", slept, d)
			}
		}
	})
}

func TestWaitObeysItsContext(t *testing.T) {
	eachSleeper(t, func(t *testing.T, p *Pacer) {
		for range 3 { // each time another context
			ctx, cancel := context.WithCancel(t.Context())
			if err := p.Wait(ctx, 0, 1000); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Millisecond, cancel)
			for {
				err := p.Wait(ctx, 0, Never)
				if errors.Is(err, context.Canceled) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Wait(ctx, 0, 1); !errors.Is(err, context.Canceled) {
				t.Errorf("wait with an ended context: %v", err)
			}
			if err := p.Wait(ctx, 1, 0); !errors.Is(err, context.Canceled) {
				t.Errorf("wait for what is due with an ended context: %v", err)
			}
		}
	})
}

func TestWakeBeforeWait(t *testing.T) {
	eachSleeper(t, func(t *testing.T, p *Pacer) {
		p.Wake()
		p.Wake()
		if err := p.Wait(context.Background(), 0, Never); err != nil { // would hang
			t.Fatal(err)
		}
	})
}

// A wake ends one wait; at most it comes late and ends the next one. What it leaves behind must not end all that follow.
func TestWakeEndsNothingElse(t *testing.T) {
	eachSleeper(t, func(t *testing.T, p *Pacer) {
		const length = int64(5 * time.Millisecond)
		for range 3 {
			waker := time.AfterFunc(time.Millisecond, p.Wake)
			if err := p.Wait(t.Context(), 0, Never); err != nil {
				t.Fatal(err)
			}
			waker.Stop()
			early := 0
			for range 5 {
				start := time.Now()
				if err := p.Wait(t.Context(), 0, length); err != nil {
					t.Fatal(err)
				}
				if int64(time.Since(start)) < length {
					early++
				}
			}
			if early > 1 {
				t.Errorf("%d of 5 waits ended early after one wake", early)
			}
		}
	})
}

// Every wake is noticed, wherever it falls: the test hangs if one gets lost.
func TestNoWakeIsLost(t *testing.T) {
	eachSleeper(t, func(t *testing.T, p *Pacer) {
		var mu sync.Mutex
		tokens, answered := 0, make(chan struct{}, 1)
		var wg sync.WaitGroup
		defer wg.Wait()
		const n = 2000
		wg.Go(func() {
			for range n {
				mu.Lock()
				tokens++
				mu.Unlock()
				p.Wake()
				<-answered
			}
		})
		for taken := 0; taken < n; {
			mu.Lock()
			got := tokens
			tokens = 0
			mu.Unlock()
			if got > 0 {
				taken += got
				answered <- struct{}{}
				continue
			}
			if err := p.Wait(context.Background(), 0, Never); err != nil {
				t.Error(err)
				return
			}
		}
	})
}

// In a bubble time passes only while all sleep, so the whole arithmetic of waiting can be seen to the ns.
func TestGrid(t *testing.T) {
	const step = int64(grid)
	tests := []struct {
		grid, now, due, want int64
	}{
		{0, 5, 1_000_001, 1_000_001},
		{step, 0, 1, step},
		{step, 0, step, step},
		{step, 0, step + 1, 2 * step},
		{step, step, step, step},
		{step, step + 7, step + 5, step + 7},
		{0, 7, 5, 7},
		{step, 3*step + 7, 3*step + 50, 4 * step},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			p := &Pacer{sleeper: newTimerSleeper(), grid: tt.grid}
			p.Due(tt.now)
			start := time.Now()
			if err := p.Wait(t.Context(), tt.now, tt.due); err != nil {
				t.Fatal(err)
			}
			if woken := tt.now + int64(time.Since(start)); woken != tt.want {
				t.Errorf("waiting from %d for %d with grid %d ended at %d, want %d", tt.now, tt.due, tt.grid, woken, tt.want)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Due follows the clock once in a tick, and Wait sleeps for what it leaves out.
func TestDue(t *testing.T) {
	for _, tt := range []struct {
		grid  int64
		looks [][2]int64 // now, and what is due then
	}{
		{0, [][2]int64{{-5, -5}, {0, 0}, {1, 1}, {2, 2}}},
		{200, [][2]int64{{-5, -5}, {-4, -4}, {0, 0}, {199, 0}, {230, 230}, {399, 230}, {400, 400}, {1150, 1150}, {1199, 1150}, {1201, 1201}}},
	} {
		p := &Pacer{grid: tt.grid}
		for _, look := range tt.looks {
			if got := p.Due(look[0]); got != look[1] {
				t.Errorf("grid %d at %d: up to %d, want %d", tt.grid, look[0], got, look[1])
			}
		}
	}
}

// What fell due after the look of this tick is waited for until the next one, also where its time is past.
func TestWaitForTheNextTick(t *testing.T) {
	const step = int64(grid)
	for due, want := range map[int64]int64{step + 7: step + 60, step + 8: 2 * step, step + 50: 2 * step, 2*step + 1: 3 * step} {
		synctest.Test(t, func(t *testing.T) {
			p := &Pacer{sleeper: newTimerSleeper(), grid: step}
			now := step + 7
			if got := p.Due(now); got != now {
				t.Errorf("up to %d", got)
			}
			now = step + 60 // sending took 53 ns
			start := time.Now()
			if err := p.Wait(t.Context(), now, due); err != nil {
				t.Fatal(err)
			}
			if woken := now + int64(time.Since(start)); woken != want {
				t.Errorf("what was due at %d is looked for at %d, want %d", due, woken, want)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A tick that was asked for holds at every rate, and a wait ends on it.
func TestTick(t *testing.T) {
	for _, rate := range []float64{0, 10, 20_000} {
		p, err := NewPacer(rate, 3*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			_ = p.Close()
			p.sleeper = newTimerSleeper() // a timerfd knows no bubble
			start := time.Now()
			for _, want := range []time.Duration{3 * time.Millisecond, 6 * time.Millisecond, 9 * time.Millisecond} {
				now := int64(time.Since(start))
				if err := p.Wait(t.Context(), now, now+1); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(start); got != want {
					t.Errorf("rate %g woke at %v, want %v", rate, got, want)
				}
			}
		})
	}
}

func TestGridByRate(t *testing.T) {
	for rate, want := range map[float64]int64{0: 0, 1: 0, 5000: 0, 5001: int64(grid), 1e6: int64(grid), math.Inf(1): 0} {
		p, err := NewPacer(rate, 0)
		if err != nil {
			t.Fatal(err)
		}
		if p.grid != want {
			t.Errorf("rate %g wakes on a grid of %d ns, want %d", rate, p.grid, want)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}
