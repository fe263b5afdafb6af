package kafka

import (
	"testing"
	"time"

	"ordeal/drivers"
)

// TestLinger lets the client wait for longer than any test: a message that leaves room in the window waits, one that fills it does not, and
// neither does one that is flushed.
func TestLinger(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	r := newRig(t, server, drivers.Accepted, map[string]string{optLinger: "1m"})
	send := func(tokens ...uint64) {
		t.Helper()
		var batch []drivers.Message
		for _, token := range tokens {
			batch = append(batch, drivers.Message{Token: token, Body: []byte("patient")})
		}
		must(t, r.producer.Send(t.Context(), batch))
	}
	send(1)
	if r.of(1).Token == 1 { // the zero receipt means that there is none
		t.Error("a message that may wait was sent")
	}
	send(2, 3, 4) // the window of the rig
	eventually(t, func() bool { return r.of(1).Outcome == drivers.Acked && r.of(4).Outcome == drivers.Acked })
	must(t, r.send(5, "flushed"))
	r.want(5, drivers.Acked, nil)
	for range 20 { // hurried again and again
		send(11, 12, 13, 14)
		eventually(t, func() bool { return r.landed(11, 12, 13, 14) })
	}
	r.stored(85)
	facts, err := r.Audit(t.Context(), r.topic)
	must(t, err)
	if fact := factOf(facts, "client linger.ms"); fact.Have != "60000" || fact.Status != drivers.Confirmed {
		t.Errorf("%+v", fact)
	}
	// A window that was full lets nothing wait for a while.
	eventually(t, func() bool { return r.producer.(*producer).linger.calm(time.Now()) })
	send(21)
	began := time.Now()
	must(t, r.producer.Close(t.Context())) // gives up on what waits
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("closing took %s", took)
	}
	if receipt := r.of(21); receipt.Token != 21 || receipt.Outcome == drivers.Acked {
		t.Errorf("a message that was not sent is %+v", receipt)
	}
	r.stored(85)
}

// landed tells whether all the messages were acked since the last call.
func (r *rig) landed(tokens ...uint64) bool {
	r.outcomes.mu.Lock()
	defer r.outcomes.mu.Unlock()
	for _, token := range tokens {
		if r.receipts[token].Outcome != drivers.Acked {
			return false
		}
	}
	for _, token := range tokens {
		delete(r.receipts, token)
	}
	return true
}

// calm tells whether messages wait again.
func (l *linger) calm(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !now.Before(l.crowded)
}

func factOf(facts []drivers.Fact, setting string) drivers.Fact {
	for _, f := range facts {
		if f.Setting == setting {
			return f
		}
	}
	return drivers.Fact{}
}
