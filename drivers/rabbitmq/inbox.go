package rabbitmq

import (
	"sync"

	"ordeal/drivers"
)

// Bounds of what an inbox holds before the broker has to wait. A group that acknowledges stays below them by its prefetch.
const (
	inboxMessages = 16 << 10
	inboxBytes    = 16 << 20
	// bytesKept is the largest buffer that is kept for reuse.
	bytesKept = 4 << 20
)

// inbox holds what has come for a consumer and was not yet received. It has two halves: one is filled while the caller works with
// the other, whose bodies stay valid until it comes back for more.
type inbox struct {
	mu sync.Mutex
	// filling is what comes, reading what was taken over by the caller, of which next is the first that it has not had.
	filling, reading half
	next             int
	// over is why nothing comes any more; what came before it is still received.
	over error
	// full is signalled when the reader of the line may go on.
	full *sync.Cond
	// some holds a token when filling has something or the inbox is over.
	some chan struct{}
	// yielding lets in what comes beyond the bounds: who reads the line is who receives, and reads no more before this is taken.
	yielding bool
	// coming is the delivery whose body is on its way while open says so.
	coming drivers.Delivery
	open   bool
}

type half struct {
	deliveries []drivers.Delivery
	bytes      []byte
	// lent tells that a body is being filled which will be a delivery of the other half: bytes must not be used again.
	lent bool
}

func (h *half) clear() {
	h.deliveries = h.deliveries[:0]
	h.bytes = h.bytes[:0]
	if h.lent || cap(h.bytes) > bytesKept {
		h.bytes, h.lent = nil, false
	}
}

// hold copies nothing: it returns room for n bytes. Slices handed out before stay valid when the buffer moves.
func (h *half) hold(n int) []byte {
	if cap(h.bytes)-len(h.bytes) < n {
		h.bytes = make([]byte, 0, max(n, 2*cap(h.bytes), 32<<10))
	}
	begin := len(h.bytes)
	h.bytes = h.bytes[:begin+n]
	return h.bytes[begin : begin+n : begin+n]
}

func newInbox() *inbox {
	b := &inbox{some: make(chan struct{}, 1)}
	b.full = sync.NewCond(&b.mu)
	return b
}

// begin makes room for a delivery and returns where its body goes. It blocks while the inbox is full, unless it yields. end adds the
// delivery.
func (b *inbox) begin(d *drivers.Delivery, key []byte, size int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.over == nil && !b.yielding && (len(b.filling.deliveries) >= inboxMessages || len(b.filling.bytes) >= inboxBytes) {
		b.stir()
		b.full.Wait()
	}
	room := b.filling.hold(len(key) + size)
	b.coming, b.open = *d, true
	if len(key) > 0 {
		b.coming.Key = room[:copy(room, key):len(key)]
	}
	b.coming.Body = room[len(key):]
	return b.coming.Body
}

// end adds the delivery that was begun, whose body is there now.
func (b *inbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = false
	if b.over == nil {
		b.filling.deliveries = append(b.filling.deliveries, b.coming)
	}
}

// wake lets a waiting receive have what there is.
func (b *inbox) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stir()
}

// stir is wake with the lock held.
func (b *inbox) stir() {
	select {
	case b.some <- struct{}{}:
	default:
	}
}

// close lets nothing more in. What has come is still received unless it is to be dropped. Only the first reason counts.
func (b *inbox) close(err error, drop bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over == nil {
		b.over = err
	}
	if drop {
		b.over = err
		b.filling.clear()
		b.next = len(b.reading.deliveries)
	}
	b.full.Broadcast()
	b.stir()
}

// take returns what is there without waiting, and an error when nothing will come any more.
func (b *inbox) take(dst []drivers.Delivery) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == len(b.reading.deliveries) {
		if len(b.filling.deliveries) == 0 {
			return 0, b.over
		}
		b.reading.clear()
		b.filling.lent = b.open
		b.reading, b.filling, b.next = b.filling, b.reading, 0
		b.full.Broadcast()
	}
	n := copy(dst, b.reading.deliveries[b.next:])
	b.next += n
	if b.next < len(b.reading.deliveries) || b.over != nil {
		b.stir() // so that the next receive does not wait
	}
	return n, nil
}

func (b *inbox) yield(yielding bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.yielding = yielding
}

// stirred tells whether take has something to say.
func (b *inbox) stirred() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over != nil || len(b.filling.deliveries) > 0 || b.next < len(b.reading.deliveries)
}

// empty tells whether everything that came was received.
func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.filling.deliveries) == 0 && b.next == len(b.reading.deliveries)
}
