package worker

import (
	"testing"
	"time"
)

// TestPoll: closed loops look at their windows when what arrives is let in, and in their own time where nothing is held.
func TestPoll(t *testing.T) {
	var r running
	if got := r.poll(); got != closedPoll {
		t.Errorf("nobody holds anything: every %d ns", got)
	}
	pause := time.Duration(0)
	r.deps.Pause = func() time.Duration { return pause }
	if got := r.poll(); got != closedPoll {
		t.Errorf("nothing is held: every %d ns", got)
	}
	pause = 3 * time.Millisecond
	if got := r.poll(); got != int64(pause) {
		t.Errorf("held for %s: every %d ns", pause, got)
	}
}
