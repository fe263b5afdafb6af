package redis

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"ordeal/drivers"
)

// confirm asks for other nodes' copies. WAIT and WAITAOF answer for all writes of their connection before them; until then the server does
// nothing else for the connection, so one question at a time is under way, and its answer settles everything that was written before it.
type confirm struct {
	command []byte
	// word is the command's name, need how many replicas have to confirm.
	word string
	need int64

	// mu guards the question.
	mu     sync.Mutex
	asking bool
	// mark is how many messages the last question was for.
	mark uint64
	// read counts the replies to messages; only the reading goroutine uses it.
	read uint64
}

// confirmation is what has to follow a producer's messages, by the guarantee; nil for nothing.
func confirmation(s *session, spec drivers.ProducerSpec) (*confirm, error) {
	need, patience := quorum(spec.Topic), strconv.FormatInt(s.access.set.waitTimeout.Milliseconds(), 10)
	var words []string
	switch {
	case spec.Topic.Model == drivers.Broadcast || need == 0:
		return nil, nil
	case spec.Guarantee == drivers.Replicated:
		words = []string{"WAIT", strconv.Itoa(need), patience}
	case spec.Guarantee == drivers.Durable:
		if !atLeast(s.version, waitaofSince) {
			return nil, fmt.Errorf("durable with replicas needs WAITAOF of Redis %s, and the server is %s: set replicas to 1, or update it",
				waitaofSince, s.version)
		}
		words = []string{"WAITAOF", "1", strconv.Itoa(need), patience}
	default:
		return nil, nil
	}
	return &confirm{command: appendWords(nil, words...), word: words[0], need: int64(need)}, nil
}

// ask adds the question for what has none yet, unless one is under way. The wire is in a batch.
func (p *producer) ask() {
	if p.confirm == nil {
		return
	}
	c := p.confirm
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := p.flight.sent()
	if c.asking || c.mark == sent {
		return
	}
	c.asking, c.mark = true, sent
	p.wire.out = append(p.wire.out, c.command...)
}

// unasked tells that there is something to ask and no question under way.
func (p *producer) unasked() bool {
	if p.confirm == nil {
		return false
	}
	c := p.confirm
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.asking && c.mark != p.flight.sent()
}

// due tells whether the next reply is the answer to the question.
func (c *confirm) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asking && c.mark == c.read
}

// confirmed takes a reply, if it is the answer, and settles what was asked for. Then it asks for what has come since, unless Send is
// writing, which asks by itself.
func (p *producer) confirmed(reply []byte) (answered bool, err error) {
	c := p.confirm
	if !c.due() {
		c.read++
		return false, nil
	}
	unconfirmed := c.verdict(reply)
	if final(unconfirmed) && !errors.Is(unconfirmed, errShort) {
		p.end(unconfirmed)
	}
	if unconfirmed != nil {
		for i := range p.landing {
			if p.landing[i].Outcome == drivers.Acked {
				p.landing[i] = drivers.Receipt{Err: unconfirmed}
			}
		}
	}
	if err := p.land(); err != nil {
		return true, err
	}
	c.mu.Lock()
	c.asking = false
	c.mu.Unlock()
	if p.wire.mu.TryLock() {
		p.ask()
		return true, p.wire.end()
	}
	return true, nil
}

// verdict reads the answer to WAIT, the number of replicas, or to WAITAOF, the number of local files and of replicas.
func (c *confirm) verdict(reply []byte) error {
	if err := errorOf(reply); err != nil {
		return err
	}
	if c.word == "WAIT" {
		have, err := integer(reply)
		if err == nil && have < c.need {
			err = fmt.Errorf("%w: %d of %d replicas", errShort, have, c.need)
		}
		return err
	}
	at := cursor(reply)
	n, ok := at.list()
	if !ok || n != 2 {
		return fmt.Errorf("%w: to %s", errReply, c.word)
	}
	var have [2]int64
	for i := range have {
		kind, text, _ := at.value()
		value, err := strconv.ParseInt(string(text), 10, 64)
		if kind != ':' || err != nil {
			return fmt.Errorf("%w: to %s", errReply, c.word)
		}
		have[i] = value
	}
	if have[0] < 1 || have[1] < c.need {
		return fmt.Errorf("%w: %d of 1 local append-only file, %d of %d replicas", errShort, have[0], have[1], c.need)
	}
	return nil
}
