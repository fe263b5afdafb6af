package history

// stream gathers coded events of one kind until they fill a block.
type stream struct {
	w      *Writer
	kind   blockKind
	id     uint32
	buf    []byte
	events uint32
}

// room makes sure that one more event fits.
func (s *stream) room() {
	if len(s.buf)+eventMax > fullBlock {
		s.flush()
	}
	if s.buf == nil {
		s.buf = s.w.buffer()
	}
}

// flush hands the block over. It waits only where the disk is behind by the whole queue.
func (s *stream) flush() {
	if s.events == 0 {
		return
	}
	s.w.queue <- block{kind: s.kind, id: s.id, events: s.events, data: s.buf}
	s.buf, s.events = nil, 0
}

// ProducerLog records one producer's attempts and receipts. Attempt is called by one goroutine, Receipt by one at a time, which may be
// another.
type ProducerLog struct {
	attempts attemptLog
	_        [64]byte // the two goroutines write to cache lines of their own
	receipts receiptLog
}

type attemptLog struct {
	stream
	coder *attemptCoder
}

type receiptLog struct {
	stream
	coder *receiptCoder
}

// Attempt records a, which must be of this producer.
func (p *ProducerLog) Attempt(a *Attempt) {
	l := &p.attempts
	l.room()
	l.buf = l.coder.append(l.buf, a)
	l.events++
}

// Attempts records as, which must be of this producer.
func (p *ProducerLog) Attempts(as []Attempt) {
	for i := range as {
		p.Attempt(&as[i])
	}
}

// Receipt records r, which must be of this producer.
func (p *ProducerLog) Receipt(r *Receipt) {
	l := &p.receipts
	l.room()
	l.buf = l.coder.append(l.buf, r)
	l.events++
}

// GroupLog records one group's deliveries.
type GroupLog struct {
	stream
	coder *deliveryCoder
}

// Deliveries records a batch, in the order in which the judge's book is told of it. The caller holds the lock that fixes this order.
func (g *GroupLog) Deliveries(ds []Delivery) {
	for i := range ds {
		g.room()
		g.buf = g.coder.append(g.buf, &ds[i])
		g.events++
	}
}
