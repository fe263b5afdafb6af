package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/internal/cluster"
)

// knock makes a new client's connection to one address, through the driver, and tells what came back. What is asked is whether the node
// says anything at all: a byte is enough, also of a refusal. No fault touches the connection.
func (x *execution) knock(ctx context.Context, address string) (cluster.Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	door := &door{heard: cancel}
	cfg := x.plan.config
	cfg.Servers = []string{address}
	session, err := x.Driver.Open(ctx, cfg, drivers.Env{Dial: door.dial, Logger: x.Logger, Name: "ordeal-knock"})
	if err == nil {
		closing, done := context.WithTimeout(context.Background(), time.Second)
		defer done()
		session.Close(closing) //nolint:errcheck,contextcheck // it has said what was asked; the context may have ended with the first byte
	}
	switch {
	case err == nil || door.bytes.Load() > 0:
		return cluster.Answers, nil
	case door.refused.Load():
		return cluster.Refused, err
	default:
		return cluster.Silent, fmt.Errorf("no answer: %w", err)
	}
}

// door lends connections and listens whether anything comes through.
type door struct {
	heard   context.CancelFunc
	bytes   atomic.Int64
	refused atomic.Bool
}

func (d *door) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			d.refused.Store(true)
		}
		return nil, err
	}
	return &ajar{Conn: conn, door: d}, nil
}

// ajar is a connection through the door.
type ajar struct {
	net.Conn
	door *door
}

// Read listens.
func (a *ajar) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	switch {
	case n > 0:
		a.door.bytes.Add(int64(n))
		a.door.heard()
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed):
		a.door.refused.Store(true) // it was ended by the other side
	}
	return n, err
}
