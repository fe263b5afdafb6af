package faults

import "time"

// late deals with what a passive Read brought after an effect had begun: it is the first that came under it.
func (f *flow) late(p []byte, n int, err error) (int, error) {
	f.mu.Lock()
	if !f.active.Load() || f.link.ended("read") != nil {
		f.mu.Unlock()
		return n, f.link.explain("read", err)
	}
	f.arrived(p[:n], err)
	f.mu.Unlock()
	return f.read(p)
}

// arrived takes in what came from the connection. mu is held.
func (f *flow) arrived(data []byte, err error) {
	if f.hole() == Drop {
		if len(data) > 0 || err != nil {
			f.drop(len(data))
			f.err = err // there is nothing more to read, and nobody may know before the hole is lifted
		}
		return
	}
	if len(data) > 0 {
		f.put(data, nil)
	}
	if err != nil {
		f.put(nil, err)
	}
}

// read is Read while the flow is active.
func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	for {
		if err := f.stopped("read"); err != nil {
			f.mu.Unlock()
			return 0, err
		}
		var due time.Time
		if len(f.queue) > 0 && f.hole() == NoHole {
			if due = f.queue[0].due; !time.Now().Before(due) {
				n, err := f.take(p)
				f.mu.Unlock()
				return n, err
			}
		}
		if len(f.queue) == 0 && !f.pumping && f.err == nil {
			if f.rest(); !f.active.Load() {
				f.mu.Unlock()
				return f.link.Read(p)
			}
			f.pumping = true
			_ = f.forward(time.Time{})
			go f.receive()
		}
		f.wait(f.deadline, due)
	}
}

// take copies the head of the queue into p. The end of the stream stays where it is. mu is held.
func (f *flow) take(p []byte) (int, error) {
	head := &f.queue[0]
	if head.err != nil {
		return 0, f.link.explain("read", head.err)
	}
	n := copy(p, head.data)
	if head.data = head.data[n:]; len(head.data) == 0 {
		f.queue[0] = chunk{}
		f.queue = f.queue[1:]
	}
	f.size -= n
	f.rest()
	f.notify()
	return n, nil
}

// receive is the pump: it reads what comes, so that the time of arrival is known, until no effect is left. When the last effect is
// lifted it may be waiting in the kernel, and stays until something comes; Reads go on to take from the queue meanwhile.
func (f *flow) receive() {
	buffer := make([]byte, 64<<10)
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		for f.link.ended("read") == nil && len(f.applied) > 0 && f.size >= f.limit() {
			f.wait()
		}
		if f.link.ended("read") != nil || len(f.applied) == 0 {
			break
		}
		f.mu.Unlock()
		n, err := f.link.Conn.Read(buffer)
		f.mu.Lock()
		f.arrived(buffer[:n], err)
		if err != nil {
			break
		}
	}
	f.pumping = false
	f.rest()
	f.notify()
}
