package memory

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"ordeal/drivers"
)

// broker holds what the sessions of a Driver share. Locks are taken in the order broker, topic, liar.
type broker struct {
	mu       sync.Mutex
	settings settings
	started  bool
	sessions int
	logger   *slog.Logger
	liar     *liar
	topics   map[string]*topic
}

func newBroker() *broker { return &broker{topics: make(map[string]*topic)} }

// start counts a new session in; the first one settles how the broker behaves.
func (b *broker) start(s settings, logger *slog.Logger) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started && s != b.settings {
		return errors.New("the broker runs with other options: they are settled by its first session")
	}
	if !b.started {
		b.started, b.settings, b.logger = true, s, logger
		b.liar = newLiar(s, logger)
	}
	b.sessions++
	return nil
}

// leave counts a session out, and after the last one says which lies are still owed.
func (b *broker) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions--
	if b.sessions > 0 || b.liar == nil {
		return
	}
	untold := b.liar.untold()
	for _, k := range slices.Sorted(maps.Keys(untold)) {
		b.logger.Warn("lies not told: too few messages came by", "kind", k.String(), "missing", untold[k])
	}
}

func (b *broker) topic(name string) (*topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.topics[name]; t != nil {
		return t, nil
	}
	return nil, ErrTopic
}

// declare makes the topic, or compares the one that is there with what is wanted.
func (b *broker) declare(want drivers.Topic) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.topics[want.Name]; t != nil {
		return t.compare(want)
	}
	b.topics[want.Name] = newTopic(want, b.settings, b.liar)
	return nil
}

func (b *broker) delete(name string) {
	b.mu.Lock()
	t := b.topics[name]
	delete(b.topics, name)
	b.mu.Unlock()
	if t != nil {
		t.drop()
	}
}

func (b *broker) lies() []Lie {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.liar == nil {
		return nil
	}
	return b.liar.lies()
}

func (b *broker) untold() map[Kind]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.liar == nil {
		return nil
	}
	return b.liar.untold()
}
