package history

import "encoding/binary"

// stream gathers coded events of one kind until they fill a block.
type stream struct {
	w      *Writer
	kind   blockKind
	id     uint32
	again  []byte // what is written in place of a run of equal codes
	buf    []byte
	events uint32
	// code is that of the latest event where one byte codes it, which single tells; run events more with it are not yet in buf.
	code   byte
	single bool
	run    uint32
}

// room makes sure that one more event fits, and returns where in buf it begins.
func (s *stream) room() int {
	if len(s.buf)+eventMax > fullBlock || s.events == blockEvents {
		s.flush()
	}
	if s.buf == nil {
		s.buf = s.w.buffer()
	}
	return len(s.buf)
}

// added takes over the event that was coded from there on.
func (s *stream) added(from int) {
	s.events++
	single := len(s.buf) == from+1
	if single && s.single && s.buf[from] == s.code {
		s.buf = s.buf[:from]
		s.run++
		return
	}
	if s.run > 0 {
		var event [eventMax]byte
		n := copy(event[:], s.buf[from:])
		s.buf = s.buf[:from]
		s.endRun()
		s.buf = append(s.buf, event[:n]...)
	}
	s.code, s.single = s.buf[len(s.buf)-1], single
}

// repeat adds n events of which each is coded by the one byte.
func (s *stream) repeat(code byte, n uint32) {
	for n > 0 {
		from := s.room()
		if !s.single || s.code != code {
			s.buf = append(s.buf, code)
			s.added(from)
			n--
			continue
		}
		fits := min(n, blockEvents-s.events)
		s.run += fits
		s.events += fits
		n -= fits
	}
}

// endRun puts the run into buf, in the shorter of two ways.
func (s *stream) endRun() {
	if s.run > uint32(len(s.again))+1 {
		s.buf = append(s.buf, s.again...)
		s.buf = binary.AppendUvarint(s.buf, uint64(s.run))
		s.run = 0
	}
	for ; s.run > 0; s.run-- {
		s.buf = append(s.buf, s.code)
	}
}

// flush hands the block over. It waits only where the disk is behind by the whole queue.
func (s *stream) flush() {
	if s.events == 0 {
		return
	}
	s.endRun()
	s.w.queue <- block{kind: s.kind, id: s.id, events: s.events, data: s.buf}
	s.buf, s.events, s.single = nil, 0, false
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
	from := l.room()
	l.buf = l.coder.append(l.buf, a)
	l.added(from)
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
	from := l.room()
	l.buf = l.coder.append(l.buf, r)
	l.added(from)
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
	from := g.room()
	g.buf = g.coder.append(g.buf, d)
	g.added(from)
}
