package redis

import "time"

// ackAnswered is how often the server answers an ack, at least.
const ackAnswered = time.Second

// hush has the server not answer acks. They go out with a fetch that waits for messages, so an answer would come by itself: one more
// write of the server and, at a moderate rate, one more wake-up of both. What makes the server refuse an XACK makes it refuse the
// XREADGROUP behind it as well, but for one reason: a user may lack the right to XACK alone. So now and then one is answered all the same.
type hush struct {
	// able tells that the server knows CLIENT REPLY (Redis 3.2) and that the user may use it.
	able bool
	// answered is when the last ack was sent that is answered.
	answered time.Time
}

// skip makes the server not answer the next command.
const skip = "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n"

// skips tells whether the acks that are sent at now are to be answered by nothing.
func (h *hush) skips(now time.Time) bool {
	if h.able && now.Sub(h.answered) < ackAnswered {
		return true
	}
	h.answered = now
	return false
}

// hush finds out whether the server can be kept from answering.
func (w *wire) hush() (h hush, err error) {
	w.begin()
	w.out = appendWords(w.out, "CLIENT", "REPLY", "ON")
	if err := w.end(); err != nil {
		return h, err
	}
	reply, err := w.await()
	if err != nil {
		return h, err
	}
	h.able = errorOf(reply) == nil
	return h, nil
}
