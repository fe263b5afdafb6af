package nats

import "time"

const (
	// looks is how often a connection that is only read is looked after in publish_timeout; silentLooks is after how many without a word
	// the server is asked whether it is there: before a message that it does not answer is given up.
	looks       = 10
	silentLooks = looks / 2
	// lookPause is how often a listener looks, and listenerLooks after how many looks it takes a server for gone.
	lookPause     = 500 * time.Millisecond
	listenerLooks = int(silenceLimit/lookPause) + 1
	// silenceLimit is how long at least nothing may come from a server that was asked whether it is there.
	silenceLimit = 5 * time.Second
)

// debt is what a server owes who only reads.
type debt uint8

const (
	// nothing is owed: silence means nothing.
	nothing debt = iota
	// answers are owed. They may stay away although the server is there, as where nobody leads a stream.
	answers
	// pong is owed, which every server sends at once.
	pong
)

// silence notices that the machine at the other end, or the way there, is gone: a network that drops everything ends no connection. It
// counts looks, so that the time in which this process is stopped does not count.
type silence struct {
	heard uint64
	count int
	asked bool
}

// look is called every so often by who reads. After more than most looks in a row in which something was owed and nothing came it is an
// error. A PING asks meanwhile, unless one is under way, and has as many looks to be answered in: a server that was paused while it owed
// nothing owes since then.
func (w *wire) look(owed debt, most int) error {
	s := &w.silence
	if w.heard != s.heard || owed == nothing && !s.asked {
		*s = silence{heard: w.heard}
		return nil
	}
	s.count++
	switch {
	case s.count > most:
		return errSilent
	case s.count >= silentLooks && owed == answers && !s.asked:
		if s.asked = w.ask(); s.asked {
			s.count = 0
		}
	}
	return nil
}

// ask sends a PING. It does not wait for who is writing, maybe to a connection that takes nothing any more.
func (w *wire) ask() bool {
	if !w.mu.TryLock() {
		return false
	}
	defer w.mu.Unlock()
	w.asking()
	w.say("PING")
	w.flush()
	return true
}
