package worker

import (
	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/measure"
	"ordeal/internal/message"
)

// settle is what the driver calls for every receipt, one goroutine at a time.
func (p *producer) settle(r drivers.Receipt) {
	s, i := p.window.settled(r.Token)
	if s == nil {
		return
	}
	if !p.burst {
		p.settledAt = p.run.clock.Now()
	}
	p.burst = r.More
	now := p.settledAt
	if r.Outcome != drivers.Acked {
		s.doubt = s.doubt || r.Outcome == drivers.Unknown
		p.errors.note(r.Outcome.String(), r.Err)
		if int(s.tries) < p.plan.Attempts {
			s.retryAt = now + retryPause
			p.window.retry.push(i)
			p.wake()
			return
		}
	}
	p.conclude(s, i, r, now)
}

// conclude notes the final outcome of a message and frees its slot.
func (p *producer) conclude(s *slot, i uint32, r drivers.Receipt, now int64) {
	outcome := message.Outcome(r.Outcome)
	if outcome == message.Rejected && s.doubt {
		outcome = message.Unknown
	}
	receipt := history.Receipt{ID: s.ID, Outcome: outcome, Position: message.Position(r.Position), At: now}
	p.run.deps.Book.Receipt(&receipt)
	if p.log != nil {
		p.log.Receipt(&receipt)
	}
	p.outcomes[outcome].Add(1)
	if outcome == message.Acked {
		p.settles.Record(measure.Ack, int(s.phase), now-s.intended)
		p.settles.Record(measure.Service, int(s.phase), now-s.sent)
	}
	p.window.release(i)
	p.wake()
}

func (p *producer) wake() {
	if p.window.ready() {
		p.pacer.Wake()
	}
}
