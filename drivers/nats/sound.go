package nats

import (
	"context"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"ordeal/drivers"
)

// echoPause is how often a marker is sent until its echo comes: a subscription needs a moment to get around in a cluster.
const echoPause = 20 * time.Millisecond

// sound returns once everything that any reachable server had for this client has arrived. The server of the connection proves it with
// a PONG. Of every other server a short connection of its own sends a marker to a subject that only this client listens to: servers keep
// what goes from one to another in order, so the marker comes behind all messages that were acknowledged there, and shows that the
// subscriptions made before are known there. A server that cannot be reached has nothing to say.
func (s *session) sound(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if len(s.cfg.Servers) == 1 {
		return s.nc.FlushWithContext(ctx)
	}
	echoes := make(chan *natsgo.Msg, len(s.cfg.Servers)*64)
	subject := s.nc.NewInbox()
	sub, err := s.nc.ChanSubscribe(subject, echoes)
	if err != nil {
		return err
	}
	defer sub.Unsubscribe() //nolint:errcheck // fails only when the connection is gone, and the subscription with it
	if err := s.nc.FlushWithContext(ctx); err != nil {
		return err
	}
	for _, server := range s.cfg.Servers {
		if err := s.echo(ctx, server, subject, echoes); err != nil {
			return fmt.Errorf("no echo by way of %s: %w", server, err)
		}
	}
	return nil
}

// echo sends markers by way of server until one comes back.
func (s *session) echo(ctx context.Context, server, subject string, echoes <-chan *natsgo.Msg) error {
	cfg := s.cfg
	cfg.Servers = []string{server}
	dialCtx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	nc, _, err := open(dialCtx, cfg, drivers.Env{Dial: s.env.Dial, Logger: s.env.Logger, Name: s.env.Name + "-echo"}, func() {})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return nil //nolint:nilerr // it cannot be reached, so no producer is waiting for its messages to get through either
	}
	defer nc.Close()
	resend := time.NewTicker(echoPause)
	defer resend.Stop()
	for {
		if err := nc.Publish(subject, []byte(server)); err != nil {
			return err
		}
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-s.lost:
				return s.lostError()
			case m := <-echoes:
				if string(m.Data) == server {
					return nil
				}
			case <-resend.C:
				again = true
			}
		}
	}
}
