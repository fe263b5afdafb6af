package worker

import (
	"context"
	"log/slog"
	"net"
	"time"

	"ordeal/drivers"
)

// Dial is how a client reaches the broker; see drivers.Env.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Role of a client, as faults on connections select it.
type Role string

// The roles.
const (
	ProducerRole Role = "producer"
	ConsumerRole Role = "consumer"
)

// opener opens sessions for one client and paces its attempts to reconnect.
type opener struct {
	driver drivers.Driver
	config drivers.Config
	env    drivers.Env
	// pause before the next attempt; 0 before the first.
	pause time.Duration
}

const (
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
	// openLimit bounds one attempt: a blackholed connection would otherwise hang until the kernel gives up.
	openLimit = 5 * time.Second
	// leaveLimit bounds a polite goodbye to a broker that may not answer.
	leaveLimit = 2 * time.Second
)

func newOpener(d Deps, role Role, name string) *opener {
	return &opener{
		driver: d.Driver, config: d.Config,
		env: drivers.Env{Dial: d.Dial(role, name), Logger: d.Logger.With(slog.String("client", name)), Name: "ordeal-" + name},
	}
}

// open waits out the pause and makes one attempt; use makes the session useful. A success resets the pause.
func (o *opener) open(ctx context.Context, use func(ctx context.Context, s drivers.Session) error) (drivers.Session, error) {
	if err := sleep(ctx, o.pause); err != nil {
		return nil, err
	}
	o.pause = min(max(firstPause, 2*o.pause), maxPause)
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	s, err := o.driver.Open(ctx, o.config, o.env)
	if err != nil {
		return nil, err
	}
	if err := use(ctx, s); err != nil {
		abandon(s)
		return nil, err
	}
	o.pause = 0
	return s, nil
}

// abandon frees a session that is of no more use.
func abandon(s drivers.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveLimit)
	defer cancel()
	s.Close(ctx) //nolint:errcheck // the connection is already known to be broken, or the run is over
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
