package drivertest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"ordeal/drivers"
)

// closeLimit bounds the goodbye of a session that Open opened.
const closeLimit = 5 * time.Second

// Dial is an Env.Dial without anything in between.
func Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// Env is what a driver's own tests lend a session: plain connections, no log, and a name for the broker to show.
func Env(name string) drivers.Env {
	return drivers.Env{Dial: Dial, Logger: slog.New(slog.DiscardHandler), Name: name}
}

// Open opens a session of d for a driver's own test, under the test's name, and closes it with the test. A goodbye may be cut short,
// because the test may have stopped the broker; any other error of it fails the test.
func Open(t testing.TB, d drivers.Driver, cfg drivers.Config) drivers.Session {
	t.Helper()
	s, err := d.Open(t.Context(), cfg, Env(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		if err := s.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	return s
}
