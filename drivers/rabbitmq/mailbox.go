package rabbitmq

import "fmt"

// mailbox is a channel's receiver and what of a message has come.
type mailbox struct {
	receiver
	method  uint32 // basicDeliver or basicReturn while content is awaited, else 0
	last    uint64 // delivery tag of the last delivery; they count from 1
	arrival arrival
	content properties
	key     [shortMax]byte
	tag     [shortMax]byte
	body    []byte // what of the body is still to be filled
	left    uint64 // bytes of the body to come
	stirred bool
}

// take reads a method; it is the library's unless it is about messages.
func (m *mailbox) take(payload []byte) (mine bool, err error) {
	r := reader{rest: payload}
	switch method := uint32(r.number(4)); method {
	case basicAck, basicNack:
		tag, bits := r.number(8), r.number(1)
		if !r.bad {
			m.confirmed(tag, bits&ackMultiple != 0, method == basicAck)
		}
	case basicDeliver:
		m.arrival.consumer = append(m.tag[:0], r.short()...)
		m.method, m.arrival.tag, m.arrival.redelivered = method, r.number(8), r.number(1) != 0
		r.short() // the exchange
		m.arrival.key = append(m.key[:0], r.short()...)
		if m.last++; m.arrival.tag != m.last {
			return false, fmt.Errorf("%w: delivery %d comes with tag %d", errFrame, m.last, m.arrival.tag)
		}
	case basicReturn:
		m.method = method // why, and from where, does not matter
	default:
		return false, nil
	}
	if r.bad {
		return false, fmt.Errorf("%w: a method is cut short", errFrame)
	}
	return true, nil
}

// header reads the properties of a message; they are the library's unless a delivery or a return was announced.
func (m *mailbox) header(payload []byte) (mine bool, err error) {
	if m.method == 0 {
		return false, nil
	}
	var ok bool
	if m.content, ok = parseProperties(payload); !ok {
		return false, fmt.Errorf("%w: a message's properties are cut short", errFrame)
	}
	if m.content.size > bodyMax {
		return false, fmt.Errorf("%w: a body of %d bytes", errFrame, m.content.size)
	}
	m.left, m.body = m.content.size, nil
	if m.method == basicDeliver {
		m.body = m.arriving(&m.arrival, &m.content)
	} else {
		m.returned(m.content.id)
	}
	m.complete()
	return true, nil
}

// fill reads a piece of a body.
func (m *mailbox) fill(payload []byte) (mine bool, err error) {
	switch {
	case m.method == 0:
		return false, nil
	case uint64(len(payload)) > m.left:
		return false, fmt.Errorf("%w: a body is longer than announced", errFrame)
	}
	m.left -= uint64(len(payload))
	if m.method == basicDeliver {
		m.body = m.body[copy(m.body, payload):]
	}
	m.complete()
	return true, nil
}

func (m *mailbox) complete() {
	if m.left > 0 {
		return
	}
	if m.method == basicDeliver {
		m.arrived()
	}
	m.method = 0
}
