package schedule

import (
	"context"
	"fmt"
	"math"
	"time"
)

const (
	// exactBelow is the rate up to which each message is worth a wake-up of its own, which costs 30 to 80 µs of CPU.
	exactBelow = 5000
	// grid is the distance of wake-ups above that rate. It is the same for all pacers, which so wake together, and cheaper.
	grid = 200 * time.Microsecond
)

// Pacer puts the goroutine of one producer to sleep until its next message is due, and tells it with Due what to send when it is awake. It
// never wakes it late on purpose by more than a tick.
type Pacer struct {
	sleeper sleeper
	grid    int64 // 0 for exact wake-ups
	due     int64 // Due's last answer
	next    int64 // when it changes
}

// sleeper is a way to sleep. Only wake may be called from other goroutines, and at any time, also after close.
type sleeper interface {
	// sleep returns after d ns, d > 0, or when woken, or with ctx's error. A wake that came before makes it return at once.
	sleep(ctx context.Context, d int64) error
	wake()
	close() error
}

// NewPacer makes a pacer for a rate in messages per second, which decides how finely it wakes: it is the rate of all producers of the
// process together where they share its processors. 0 and +Inf are for closed loops, which wait for room and not for a time. A tick above 0
// is the distance of wake-ups instead, whatever the rate.
func NewPacer(rate float64, tick time.Duration) (*Pacer, error) {
	if !(rate >= 0) {
		return nil, fmt.Errorf("pacer: rate %g is not a number of messages per second", rate)
	}
	s, err := newSleeper()
	if err != nil {
		return nil, fmt.Errorf("pacer: %w", err)
	}
	p := &Pacer{sleeper: s}
	switch {
	case tick > 0:
		p.grid = int64(tick)
	case rate > exactBelow && !math.IsInf(rate, 1):
		p.grid = int64(grid)
	}
	return p, nil
}

// Due is the time up to which messages are to be sent at now, both being ns of the caller's clock: now, when a tick has passed since the
// last answer, or else that answer. What falls due during a tick waits for the next one, or a producer whose sends take as long as its
// messages are apart would send them one by one. The goroutine that waits calls it, with times that do not fall.
func (p *Pacer) Due(now int64) int64 {
	switch {
	case p.grid == 0 || now < 0: // before the start nothing is due, and nothing paces
		p.due = now
	case now >= p.next:
		p.due, p.next = now, (now/p.grid+1)*p.grid
	}
	return p.due
}

// Wait returns when due has come and Due will say so, both times being ns of the caller's clock: at once where it says so already. It may
// return earlier, because of Wake, so the caller looks at its clock again. With due Never it waits for Wake only. The only error it
// returns of a working pacer is ctx's. One goroutine waits at a time.
func (p *Pacer) Wait(ctx context.Context, now, due int64) error {
	if p.grid > 0 && due > p.due && due < Never-p.grid {
		due = max((due+p.grid-1)/p.grid*p.grid, p.next)
	}
	if err := ctx.Err(); err != nil || due <= now {
		return err
	}
	return p.sleeper.sleep(ctx, due-now)
}

// Wake ends the Wait that is going on, or the next one that would sleep. Any goroutine may call it at any time.
func (p *Pacer) Wake() { p.sleeper.wake() }

// Close frees the timer, after the last Wait.
func (p *Pacer) Close() error { return p.sleeper.close() }
