package faults

import "time"

// write is Write while the flow is active.
func (f *flow) write(p []byte) (int, error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.mu.Lock()
	written := 0
	for {
		err := f.stopped("write")
		if err == nil {
			err = f.err
		}
		if err != nil {
			f.mu.Unlock()
			return written, err
		}
		if !f.active.Load() {
			f.mu.Unlock()
			n, err := f.link.Conn.Write(p[written:])
			return written + n, f.link.explain("write", err)
		}
		if f.hole() == Drop {
			f.drop(len(p) - written)
			f.mu.Unlock()
			return len(p), nil
		}
		if room := f.limit() - f.size; room > 0 {
			n := min(room, len(p)-written)
			f.put(p[written:written+n], nil)
			written += n
			f.pump()
		}
		if written == len(p) {
			f.mu.Unlock()
			return written, nil
		}
		f.wait(f.deadline)
	}
}

// pump starts transmit where it does not run. mu is held.
func (f *flow) pump() {
	if f.pumping {
		return
	}
	f.pumping = true
	_ = f.forward(time.Time{})
	go f.transmit()
}

// transmit is the pump: it writes what is queued when it is due, until the queue is empty.
func (f *flow) transmit() {
	f.mu.Lock()
	for len(f.queue) > 0 && !f.link.cut.Load() && f.err == nil {
		if f.hole() != NoHole {
			f.wait()
			continue
		}
		head := f.queue[0]
		if time.Now().Before(head.due) {
			f.wait(head.due)
			continue
		}
		f.queue[0] = chunk{}
		f.queue = f.queue[1:]
		f.mu.Unlock()
		_, err := f.link.Conn.Write(head.data)
		f.mu.Lock()
		f.size -= len(head.data)
		f.err = err
		f.notify()
	}
	f.pumping = false
	f.rest()
	f.notify()
	f.mu.Unlock()
	f.link.linger()
}
