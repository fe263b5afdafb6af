package worker

import (
	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/message"
)

// settleBatch is how many receipts of one answer are settled together.
const settleBatch = 64

// settle is what the driver calls for every receipt, one goroutine at a time.
func (p *producer) settle(r drivers.Receipt) {
	if !p.burst {
		p.settledAt = p.run.clock.Now()
	}
	n := len(p.receipts)
	p.receipts = p.receipts[:n+1]
	x := &p.receipts[n] // field by field, for r came in registers
	x.Token, x.Outcome, x.Err = r.Token, r.Outcome, r.Err
	x.Position.Major, x.Position.Minor, x.Position.Known = r.Position.Major, r.Position.Minor, r.Position.Known
	if p.burst = r.More; p.burst && len(p.receipts) < settleBatch {
		return
	}
	p.settleAll()
	if !p.burst {
		p.show()
	}
}

// settleAll settles what was gathered of one answer. It first looks at all of their slots, for those of a large window are in no cache: the
// processor fetches many at a time where nothing lies between one and the next, and waits for each where the settling does.
func (p *producer) settleAll() {
	for i := range p.receipts {
		p.touched += p.window.touch(p.receipts[i].Token)
	}
	for i := range p.receipts {
		r := &p.receipts[i]
		if s, i := p.window.settled(r.Token); s != nil {
			p.settleSlot(s, i, r)
		}
	}
	p.receipts = p.receipts[:0]
	p.tell()
}

func (p *producer) settleSlot(s *slot, i uint32, r *drivers.Receipt) {
	if r.Outcome != drivers.Acked {
		if r.Outcome == drivers.Unknown {
			s.setMarks(s.marks() | inDoubt)
		}
		p.errors.note(r.Outcome.String(), r.Err)
		if s.tries() < p.plan.Attempts {
			if r.Outcome == drivers.Rejected && s.tries() == 1 {
				p.refused(s)
			}
			p.window.retryAt[i] = p.settledAt + retryPause
			p.window.retry.push(i)
			return
		}
	}
	p.conclude(s, i, r, p.settledAt)
}

// refused has it noted that the first try of a message was rejected, though another may be acked: should what was rejected be delivered
// all the same, this is how it is seen. Of later tries it cannot be seen, for what they deliver is alike.
func (p *producer) refused(s *slot) {
	lane, seq, _, _ := message.Peek(s.stamp())
	x := history.Receipt{ID: message.ID{Producer: p.plan.ID, Lane: lane, Seq: seq}, Outcome: message.Rejected, At: p.settledAt}
	if n := len(p.concluded); n == 0 || !p.concluded[n-1].Extend(&x) {
		p.concluded = append(p.concluded, x)
	}
}

// tell notes what was concluded.
func (p *producer) tell() {
	for i := range p.concluded {
		p.run.deps.Book.Receipt(&p.concluded[i])
		if p.log != nil {
			p.log.Receipt(&p.concluded[i])
		}
	}
	p.concluded = p.concluded[:0]
	p.ack.flush()
	p.service.flush()
}

// show lets the producer's goroutine, and whoever looks at the run, know of what was settled: once for all receipts of one answer.
func (p *producer) show() {
	p.window.showSettled()
	for outcome := range p.settled {
		if n := p.settled[outcome]; n > 0 {
			p.outcomes[outcome].Add(n)
			if message.Outcome(outcome) == message.Acked {
				p.ackedOf.Add(n)
			}
			p.settled[outcome] = 0
		}
	}
	p.wake()
}

// settledSoFar is how many messages were shown to be settled. Any goroutine may ask.
func (p *producer) settledSoFar() (n int64) {
	for _, c := range p.outcomes {
		if c != nil { // the load has begun
			n += c.Count()
		}
	}
	return n
}

// conclude has the final outcome of a message noted by tell, and frees its slot, which show makes known.
func (p *producer) conclude(s *slot, i uint32, r *drivers.Receipt, now int64) {
	outcome := message.Outcome(r.Outcome)
	if outcome == message.Rejected && s.marks()&inDoubt != 0 {
		outcome = message.Unknown
	}
	n := len(p.concluded)
	if n == cap(p.concluded) { // only of those that are given up there may be so many
		p.tell()
		n = 0
	}
	p.concluded = p.concluded[:n+1]
	x := &p.concluded[n]
	lane, seq, _, intended := message.Peek(s.stamp())
	x.Producer, x.Lane, x.Seq, x.Outcome, x.At, x.Following = p.plan.ID, lane, seq, outcome, now, 0
	x.Position = message.Position(r.Position)
	if n > 0 && p.concluded[n-1].Extend(x) {
		p.concluded = p.concluded[:n]
	}
	p.settled[outcome]++
	p.settling = p.run.phase(intended, p.settling)
	if outcome != message.Acked {
		p.failed[p.settling][outcome]++
	} else {
		p.ack.add(p.settling, now-intended)
		p.service.add(p.settling, now-s.sent())
	}
	p.window.release(i, s)
}

func (p *producer) wake() {
	if p.window.ready() {
		p.pacer.Wake()
	}
}
