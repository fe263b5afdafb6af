package history

import (
	"fmt"
)

// Replay gives the sink every event of the sound part of the file: first what the producers did, then what the groups received, each stream
// in its own order. It returns where the file is cut, and an error where it cannot be read.
func (r *Reader) Replay(sink Sink) (Cut, error) {
	if err := r.replayBlocks(sink, attemptBlock, receiptBlock); err != nil {
		return r.cut, err
	}
	err := r.replayBlocks(sink, deliveryBlock)
	return r.cut, err
}

// replayBlocks decodes the blocks of some kinds, in the order of the file. A block that cannot be decoded ends the sound part.
func (r *Reader) replayBlocks(sink Sink, kinds ...blockKind) error {
	d := decoder{sink: sink, attempts: map[uint32]*attemptCoder{}, receipts: map[uint32]*receiptCoder{}, groups: map[uint32]*deliveryCoder{}}
	var data []byte
	for i, b := range r.blocks {
		wanted := false
		for _, k := range kinds {
			wanted = wanted || b.kind == k
		}
		if !wanted {
			continue
		}
		if cap(data) < int(b.length) {
			data = make([]byte, b.length)
		}
		data = data[:b.length]
		if _, err := r.file.ReadAt(data, b.at); err != nil {
			return fmt.Errorf("read history at byte %d: %w", b.at, err)
		}
		if !d.block(b.head, data) {
			r.cutAt(i)
			return nil
		}
	}
	return nil
}

// cutAt ends the sound part before block i.
func (r *Reader) cutAt(i int) {
	r.cut = Cut{Byte: r.blocks[i].at - headSize, Why: errMalformed.Error()}
	r.blocks = r.blocks[:i]
	r.totals = Totals{}
	for _, b := range r.blocks {
		r.totals.add(b.kind, int64(b.events))
	}
}

// decoder turns blocks into events.
type decoder struct {
	sink     Sink
	attempts map[uint32]*attemptCoder
	receipts map[uint32]*receiptCoder
	groups   map[uint32]*deliveryCoder
	batch    []Delivery
}

// batchMax bounds how many deliveries are given to the sink at once.
const batchMax = 512

func (d *decoder) block(h head, payload []byte) (sound bool) {
	s := source{b: payload, again: again(h.kind)}
	switch h.kind {
	case attemptBlock:
		c := coderOf(d.attempts, h.id, newAttemptCoder)
		var a Attempt
		for range h.events {
			if c.read(&s, &a); s.bad {
				return false
			}
			d.sink.Attempt(&a)
		}
	case receiptBlock:
		c := coderOf(d.receipts, h.id, newReceiptCoder)
		var r Receipt
		for range h.events {
			if c.read(&s, &r); s.bad {
				return false
			}
			d.sink.Receipt(&r)
		}
	case deliveryBlock:
		c := coderOf(d.groups, h.id, newDeliveryCoder)
		for left := h.events; left > 0; {
			n := min(left, batchMax)
			left -= n
			d.batch = append(d.batch[:0], make([]Delivery, n)...)
			for i := range d.batch {
				if c.read(&s, &d.batch[i]); s.bad {
					return false
				}
			}
			d.sink.Deliveries(h.id, d.batch)
		}
	default:
	}
	return s.ended()
}

func coderOf[C any](coders map[uint32]*C, id uint32, create func(uint32) *C) *C {
	c, ok := coders[id]
	if !ok {
		c = create(id)
		coders[id] = c
	}
	return c
}
