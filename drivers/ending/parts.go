package ending

import (
	"errors"
	"sync"
)

// ErrClosed says that what was called was closed before. Drivers wrap it with what was asked of whom.
var ErrClosed = errors.New("closed")

// Parts are the producers and consumers of a session that are to be closed with it. P is the driver's interface for them; what is in it
// must be comparable, as a pointer is. The zero value is open and empty. Any goroutine may call any method, also while it holds a lock:
// none of them waits or calls anything.
type Parts[P comparable] struct {
	mu     sync.Mutex
	closed bool
	all    map[P]struct{}
}

// Add notes p, until Forget. Its error is ErrClosed, and then p is the caller's to close.
func (s *Parts[P]) Add(p P) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.all == nil {
		s.all = make(map[P]struct{})
	}
	s.all[p] = struct{}{}
	return nil
}

// Forget drops p, which closes or could not begin; false when it was dropped before, or never added.
func (s *Parts[P]) Forget(p P) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.all[p]
	delete(s.all, p)
	return known
}

// All returns the parts that there are now, in no order.
func (s *Parts[P]) All() []P {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

func (s *Parts[P]) list() []P {
	ps := make([]P, 0, len(s.all))
	for p := range s.all {
		ps = append(ps, p)
	}
	return ps
}

// Closed tells whether Close was called.
func (s *Parts[P]) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close lets nothing be added any more, and returns the parts that the caller is to close. They stay known until each is forgotten. It is
// false, with no parts, when it was called before.
func (s *Parts[P]) Close() ([]P, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	s.closed = true
	return s.list(), true
}
