package nats

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// echoPause is how often a marker is sent until its echo comes: a subscription needs a moment to get around in a cluster.
const echoPause = 20 * time.Millisecond

// sound returns once everything that any reachable server had for this listener has arrived, and how much that was. The server of the
// connection proves it with a PONG. By way of every other server a short connection of its own sends a marker to a subject that only this
// listener hears: servers keep what goes from one to another in order, so the marker comes behind all messages that were acknowledged
// there, and shows that the subscriptions made before are known there. A server that cannot be reached has nothing to say. Somebody must be
// receiving.
func (l *listener) sound(ctx context.Context) (before uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if before, err = l.ping(ctx); err != nil {
		return 0, err
	}
	s := l.session
	if len(s.cfg.Servers) == 1 {
		return before, nil
	}
	for _, server := range s.cfg.Servers {
		if before, err = l.echo(ctx, server, before); err != nil {
			return 0, fmt.Errorf("no echo by way of %s: %w", server, err)
		}
	}
	return before, nil
}

// ping waits for a PONG.
func (l *listener) ping(ctx context.Context) (before uint64, err error) {
	wire := l.intake.wire
	wire.begin()
	pong := l.expect()
	wire.say("PING")
	if err := wire.end(); err != nil {
		return 0, lost(err)
	}
	return l.await(ctx, pong)
}

// expect gets in line for the PONG of a PING that is about to be written, while nobody else may write.
func (l *listener) expect() <-chan uint64 {
	pong := make(chan uint64, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pongs = append(l.pongs, pong)
	return pong
}

// await waits for how much had been taken from the network when a sign came.
func (l *listener) await(ctx context.Context, sign <-chan uint64) (uint64, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-l.intake.gone:
		return 0, l.intake.why
	case before := <-sign:
		return before, nil
	}
}

// ponged tells who has waited longest.
func (l *listener) ponged() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pongs) > 0 {
		l.pongs[0] <- l.parsed
		l.pongs = l.pongs[1:]
	}
}

// echoed tells who waits for the marker. Later echoes of it find nobody.
func (l *listener) echoed(marker string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if echo := l.echoes[marker]; echo != nil {
		echo <- l.parsed
		delete(l.echoes, marker)
	}
}

// echo sends markers by way of server until one comes back. Where the server cannot be reached it returns before.
func (l *listener) echo(ctx context.Context, server string, before uint64) (uint64, error) {
	s := l.session
	cfg, env := s.cfg, s.env
	cfg.Servers = []string{server}
	env.Name += "-echo"
	dialCtx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	denied := make(chan error, 1)
	nc, _, err := open(dialCtx, access{cfg: cfg, env: env, set: s.set, who: s.who, lost: func() {}, denied: func(err error) {
		select {
		case denied <- err:
		default: // the first says it
		}
	}})
	if err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return before, nil //nolint:nilerr // it cannot be reached, so no producer is waiting for its messages to get through either
	}
	defer nc.Close()
	echo := make(chan uint64, 1)
	l.mu.Lock()
	l.number++
	marker := strconv.Itoa(l.number)
	l.echoes[marker] = echo
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.echoes, marker)
	}()
	resend := time.NewTicker(echoPause)
	defer resend.Stop()
	for {
		if err := nc.Publish(l.inbox+".e", []byte(marker)); err != nil {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-l.intake.gone:
			return 0, l.intake.why
		case err := <-denied:
			return 0, deniedError(err)
		case before := <-echo:
			return before, nil
		case <-resend.C:
		}
	}
}
