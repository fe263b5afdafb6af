package kafka

import "ordeal/drivers"

// progress is how far one assignment of a partition has come. Kafka remembers one offset for a group and partition, so what is
// committed must never be past a message that is not done with: the offset follows the oldest delivery that is open.
type progress struct {
	shard int32
	// revoked tells that the partition belongs to somebody else by now.
	revoked bool
	// moved tells that the group was told to go on elsewhere.
	moved bool
	// next is the offset after the last record that was handed out.
	next int64
	// began is the offset at which the reading began, set before the first record; fetched is the one after the last that was
	// unpacked, which the goroutine that unpacks alone touches.
	began, fetched int64
	// open are the deliveries from the oldest that is not done; first is that one's number, by which a delivery's Tag names it.
	open  []step
	first uint64
	// done is the offset to commit, epoch the leader's at the record before it; committed is what the broker has.
	done, committed int64
	epoch           int32
}

// step is one record on its way.
type step struct {
	offset int64
	epoch  int32
	done   bool
}

// deliver notes that a record goes to the engine and returns the tag of its delivery.
func (p *progress) deliver(offset int64, epoch int32) uint64 {
	p.next = offset + 1
	p.open = append(p.open, step{offset: offset, epoch: epoch})
	return p.first + uint64(len(p.open)) - 1
}

// skip notes a record that goes to nobody, such as the end of a transaction. It is done when all before it is.
func (p *progress) skip(offset int64, epoch int32) {
	p.finish(p.deliver(offset, epoch))
}

// finish notes that the delivery of tag is done; false when it was before.
func (p *progress) finish(tag uint64) bool {
	if tag < p.first || tag-p.first >= uint64(len(p.open)) || p.open[tag-p.first].done {
		return false
	}
	p.open[tag-p.first].done = true
	n := 0
	for n < len(p.open) && p.open[n].done {
		p.done, p.epoch = p.open[n].offset+1, p.open[n].epoch
		n++
	}
	p.first += uint64(n)
	if n == len(p.open) {
		p.open = p.open[:0] // the space is used again
	} else {
		p.open = p.open[n:]
	}
	return true
}

// due tells whether there is something to commit.
func (p *progress) due() bool { return p.done > p.committed && !p.moved }

// delivery makes d the delivery of a record.
func (p *progress) delivery(d *drivers.Delivery, offset int64, key, value []byte) {
	*d = drivers.Delivery{} // field by field, for a copy of what was just put together makes the processor wait
	d.Shard, d.Position.Minor, d.Position.Known = p.shard, uint64(offset), true
	d.Key, d.Body, d.Ref = key, value, p
}
