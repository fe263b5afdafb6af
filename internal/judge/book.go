package judge

import "ordeal/internal/history"

// Book observes what happens to the messages of a run and classifies it in bounded memory. Attempt, Receipt and Deliveries are the hot
// path: they take no lock but a group's own, call no interface and allocate only when something new or odd turns up. Each event may be a
// streak (history.Attempt.Extend), which is judged as the events that it stands for.
type Book struct {
	plan    Plan
	senders []*sender // by producer ID - 1
	groups  []*audience
}

// NewBook makes an empty book for the plan.
func NewBook(plan Plan) *Book {
	b := &Book{plan: plan, senders: make([]*sender, len(plan.Producers)), groups: make([]*audience, len(plan.Groups))}
	for i := range plan.Producers {
		b.senders[i] = &sender{plan: plan.Producers[i]}
	}
	for i := range plan.Groups {
		b.groups[i] = newAudience(plan.Groups[i], b.senders)
	}
	return b
}

// Attempt notes a message that is about to be sent for the first time. The producer's own goroutine calls it, before the send. An
// attempt that is not of the plan is ignored.
func (b *Book) Attempt(a *history.Attempt) {
	if s := b.sender(a.Producer, a.Lane); s != nil && a.Seq < limit {
		s.attempt(a)
		s.show(a.Index + uint64(a.Following))
	}
}

// Attempts does the same for messages of one producer that are about to be sent together, in the order of their indices.
func (b *Book) Attempts(as []history.Attempt) {
	if len(as) == 0 {
		return
	}
	last := &as[len(as)-1]
	s := b.sender(last.Producer, 0)
	if s == nil {
		return
	}
	for i := range as {
		if as[i].Lane < s.plan.Lanes && as[i].Seq < limit {
			s.attempt(&as[i])
		}
	}
	s.show(last.Index + uint64(last.Following))
}

// Receipt notes the final outcome of one message, or before it that the first try of several was rejected. For one producer, one goroutine
// at a time calls it; beside Attempt and Deliveries it needs no care.
func (b *Book) Receipt(r *history.Receipt) {
	if s := b.sender(r.Producer, r.Lane); s != nil && r.Seq < limit {
		s.receipt(r)
	}
}

// sender finds the producer in the plan; nil for one that is not there.
func (b *Book) sender(producer, lane uint32) *sender {
	if i := int(producer) - 1; i >= 0 && i < len(b.senders) && lane < b.senders[i].plan.Lanes {
		return b.senders[i]
	}
	return nil
}

// Deliveries notes a batch that one member of the group received together. Members may call it at once: the group's lock is taken once for
// the batch, and the order of the calls is the order in which the group received.
func (b *Book) Deliveries(group uint32, ds []history.Delivery) { b.Receive(group, ds, nil) }

// Receive does the same, and appends to repeats the place in the batch, from 0, of every delivery of a message that the group had received
// before. A streak takes as many places as it has deliveries.
func (b *Book) Receive(group uint32, ds []history.Delivery, repeats []int) []int {
	if int64(group) >= int64(len(b.groups)) {
		return repeats
	}
	g := b.groups[group]
	g.mu.Lock()
	defer g.mu.Unlock()
	place := 0
	for i := range ds {
		d := &ds[i]
		switch {
		case d.Following == 0:
			if g.deliver(d) {
				repeats = append(repeats, place)
			}
		case !g.deliverStreak(d):
			for n := range d.Following + 1 {
				if one := d.Nth(n); g.deliver(&one) {
					repeats = append(repeats, place+int(n))
				}
			}
		}
		place += int(d.Following) + 1
	}
	return repeats
}

// Merge takes over what other, a book of the same plan that another worker kept, has noted. Both must have come to rest; other is of no use
// afterwards.
func (b *Book) Merge(other *Book) {
	for i := range min(len(b.senders), len(other.senders)) {
		b.senders[i].merge(other.senders[i])
	}
	for i := range min(len(b.groups), len(other.groups)) {
		b.groups[i].merge(other.groups[i])
	}
}
