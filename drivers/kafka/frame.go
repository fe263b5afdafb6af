package kafka

// frame follows the answers in what a broker sends: four bytes of length, and as many more.
type frame struct {
	// head counts the bytes of the length that have passed, size is what they say so far, and left how much of the answer is to come after
	// them.
	head int
	size uint32
	left int
}

// pass takes note of what comes next.
func (f *frame) pass(b []byte) {
	const length = 4
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			f.left -= n
			b = b[n:]
			continue
		}
		f.size = f.size<<8 | uint32(b[0])
		b = b[1:]
		if f.head++; f.head == length {
			f.head, f.left, f.size = 0, int(f.size), 0
		}
	}
}

// within tells that an answer has begun and not ended.
func (f *frame) within() bool { return f.head > 0 || f.left > 0 }
