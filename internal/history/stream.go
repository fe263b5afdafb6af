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

// repeat adds n events of which each is coded by the one byte.
func (s *stream) repeat(code byte, n uint32) {
	for n > 0 {
		s.room()
		fits := min(n, uint32(fullBlock-eventMax-len(s.buf)+1)) // as many as would go into the block one by one
		end := len(s.buf)
		s.buf = s.buf[:end+int(fits)]
		for i := range s.buf[end:] {
			s.buf[end+i] = code
		}
		s.events += fits
		n -= fits
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

// Attempt records a, which must be of this producer. Of a streak's events, the first two teach the coder what to expect of the others.
func (p *ProducerLog) Attempt(a *Attempt) {
	l := &p.attempts
	l.add(a)
	if a.Following > 0 {
		second := a.Nth(1)
		l.add(&second)
	}
	if a.Following > 1 {
		last := a.Nth(a.Following)
		l.repeat(l.coder.follow(&last), a.Following-1)
	}
}

func (l *attemptLog) add(a *Attempt) {
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
	l.add(r)
	if r.Following > 0 {
		second := r.Nth(1)
		l.add(&second)
	}
	if r.Following > 1 {
		last := r.Nth(r.Following)
		l.repeat(l.coder.follow(&last), r.Following-1)
	}
}

func (l *receiptLog) add(r *Receipt) {
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
		d := &ds[i]
		g.add(d)
		for n := range min(d.Following, 2) {
			nth := d.Nth(n + 1)
			g.add(&nth)
		}
		if d.Following > 2 {
			last := d.Nth(d.Following)
			g.repeat(g.coder.follow(&last, d.Stride), d.Following-2)
		}
	}
}

func (g *GroupLog) add(d *Delivery) {
	g.room()
	g.buf = g.coder.append(g.buf, d)
	g.events++
}
