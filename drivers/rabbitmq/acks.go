package rabbitmq

import (
	"sync"
	"time"

	"ordeal/drivers"
)

// ackDelay is how long an acknowledgement may wait for others, at most: all channels of the process write at its multiples, for to wake
// costs more than to write. At a moderate rate deliveries come by ones and twos, and a write call for
// each of them costs client and broker more than everything else that is done with it. It is as long as it is for groups of many members:
// the more they are, the longer each takes to have something worth a call. The broker never has to wait for that, see most.
const ackDelay = 20 * time.Millisecond

// acks tells the broker what of a channel's deliveries is done with, in few frames and few write calls.
type acks struct {
	// send writes frames.
	send    func([]byte) (int, error)
	channel uint16
	// most is how many deliveries may wait, so that the broker always has room to send.
	most int

	// writing is held while frames are made and written: those that name tags together must not overtake each other.
	writing sync.Mutex
	timer   *time.Timer
	armed   bool
	over    bool
	// due is when the first of tags has waited long enough.
	due    time.Time
	frames []byte
	// tags are of deliveries that are answered and not yet told.
	tags []uint64

	// mu is held for a moment only, because who reads the line takes it, too.
	mu   sync.Mutex
	held held
}

// newAcks is for a channel with a prefetch of its own for each queue.
func newAcks(send func([]byte) (int, error), channel uint16, prefetch int) *acks {
	return &acks{send: send, channel: channel, most: prefetch / 4, held: newHeld()}
}

// came notes the delivery of tag, the next one of the channel.
func (a *acks) came(tag uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held.add(tag)
}

// answer adds to tags those of ds that were not answered before.
func (a *acks) answer(tags []uint64, ds []drivers.Delivery) []uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range ds {
		if a.held.answer(ds[i].Tag) {
			tags = append(tags, ds[i].Tag)
		}
	}
	return tags
}

// add acknowledges ds, at once or a little later.
func (a *acks) add(ds []drivers.Delivery) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	first := len(a.tags) == 0
	a.tags = a.answer(a.tags, ds)
	switch {
	case len(a.tags) > a.most:
		return a.write()
	case first && len(a.tags) > 0:
		now := time.Now()
		d := ackDelay - time.Duration(now.UnixNano())%ackDelay
		a.due = now.Add(d)
		a.arm(d)
	}
	return nil
}

// arm has late called after d, unless it will be anyway: it looks then how long there is still to wait.
func (a *acks) arm(d time.Duration) {
	switch {
	case a.armed || a.over:
		return
	case a.timer == nil:
		a.timer = time.AfterFunc(d, a.late)
	default:
		a.timer.Reset(d)
	}
	a.armed = true
}

// late writes what has waited. When it fails the line is cut, and the consumer hears of it by that.
func (a *acks) late() {
	a.writing.Lock()
	defer a.writing.Unlock()
	a.armed = false
	switch left := time.Until(a.due); {
	case a.over || len(a.tags) == 0:
	case left > 0: // others were written meanwhile
		a.arm(left)
	default:
		a.write() //nolint:errcheck // see above
	}
}

// giveBack hands ds back one by one, after what was acknowledged before.
func (a *acks) giveBack(ds []drivers.Delivery, requeue bool) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	bits := byte(0)
	if requeue {
		bits = nackRequeue
	}
	// The acknowledgements are made first: one that covers many must not cover what is given back.
	a.cover()
	for _, tag := range a.answer(nil, ds) {
		a.frames = appendAck(a.frames, a.channel, basicNack, tag, bits)
	}
	a.settle()
	return a.flush()
}

// close writes what is left, and nothing after that.
func (a *acks) close() {
	a.writing.Lock()
	defer a.writing.Unlock()
	if !a.over {
		a.write() //nolint:errcheck // the line is cut then
	}
	a.over = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

// write acknowledges what is in tags.
func (a *acks) write() error {
	a.cover()
	return a.flush()
}

func (a *acks) flush() error {
	if len(a.frames) == 0 {
		return nil
	}
	_, err := a.send(a.frames)
	a.frames = a.frames[:0]
	return err
}

func (a *acks) settle() (low uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.held.settle()
}

// cover makes frames of tags: one acknowledgement for all of those that come before the first unanswered delivery, by the highest of them,
// which the broker has not had an answer for, and one for each of the others.
func (a *acks) cover() {
	low, highest := a.settle(), uint64(0)
	for _, tag := range a.tags {
		if tag < low {
			highest = max(highest, tag)
		}
	}
	if highest > 0 {
		a.frames = appendAck(a.frames, a.channel, basicAck, highest, ackMultiple)
	}
	for _, tag := range a.tags {
		if tag > highest {
			a.frames = appendAck(a.frames, a.channel, basicAck, tag, 0)
		}
	}
	a.tags = a.tags[:0]
}
