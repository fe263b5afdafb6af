package rabbitmq

// held keeps which deliveries of a channel were not answered, by their tags, which count from 1.
type held struct {
	// done says of each tag from low to next-1 whether it was answered, at tag modulo its length, which is a power of two.
	done      []bool
	low, next uint64
}

func newHeld() held { return held{done: make([]bool, 64), low: 1, next: 1} }

func (h *held) place(tag uint64) *bool { return &h.done[tag&uint64(len(h.done)-1)] }

// add notes the delivery of tag, the next one of the channel.
func (h *held) add(tag uint64) {
	for tag-h.low >= uint64(len(h.done)) {
		old := h.done
		h.done = make([]bool, 2*len(old))
		for t := h.low; t < h.next; t++ {
			*h.place(t) = old[t&uint64(len(old)-1)]
		}
	}
	*h.place(tag) = false
	h.next = tag + 1
}

// answer notes that tag is answered; false when it was before, or never came.
func (h *held) answer(tag uint64) bool {
	if tag < h.low || tag >= h.next || *h.place(tag) {
		return false
	}
	*h.place(tag) = true
	return true
}

// settle forgets the answered tags that no unanswered one comes before, and returns the first tag that is kept.
func (h *held) settle() (low uint64) {
	for h.low < h.next && *h.place(h.low) {
		h.low++
	}
	return h.low
}
