package engine

import (
	"context"
	"sync"
	"time"

	"ordeal/drivers"
)

// askLimit bounds one question: the node asked may be paused, and then never answers.
const askLimit = 2 * time.Second

// admin asks the broker questions over a connection of its own, which no fault touches. After an error it takes a new connection, since
// the node it asked may be gone.
type admin struct {
	driver drivers.Driver
	config drivers.Config
	env    drivers.Env

	mu      sync.Mutex
	session drivers.Session
}

// ask lets f put questions to the broker. It is one question at a time.
func (a *admin) ask(ctx context.Context, limit time.Duration, f func(ctx context.Context, s drivers.Session) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if a.session == nil {
		s, err := a.driver.Open(ctx, a.config, a.env)
		if err != nil {
			return err
		}
		a.session = s
	}
	err := f(ctx, a.session)
	if err != nil {
		a.drop()
	}
	return err
}

// drop closes the connection; the lock is held.
func (a *admin) drop() {
	if a.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	a.session.Close(ctx) //nolint:errcheck // it was only asked
	a.session = nil
}

func (a *admin) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop()
}
