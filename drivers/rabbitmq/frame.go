package rabbitmq

import (
	"encoding/binary"
	"strconv"

	"ordeal/drivers"
)

// Numbers of AMQP 0-9-1 (amqp0-9-1.xml of the specification) with RabbitMQ's basic.nack.
const (
	frameMethod = 1
	frameHeader = 2
	frameBody   = 3
	frameEnd    = 0xCE
	// frameEdges is what a frame has around its payload: type, channel, size; end.
	frameHead, frameEdges = 7, 8
	// frameMax is the largest frame that this client agrees to, in bytes, its edges included. It is RabbitMQ's own default.
	frameMax = 128 << 10
	// bodyMax is the largest body that any RabbitMQ takes, in bytes (max_message_size, https://www.rabbitmq.com/docs/configure).
	bodyMax = 512 << 20

	channelOpen = 20<<16 | 10

	classBasic   = 60
	basicPublish = classBasic<<16 | 40
	basicReturn  = classBasic<<16 | 50
	basicDeliver = classBasic<<16 | 60
	basicAck     = classBasic<<16 | 80
	basicNack    = classBasic<<16 | 120

	flagHeaders       = 1 << 13
	flagDeliveryMode  = 1 << 12
	flagCorrelationID = 1 << 10
	flagMessageID     = 1 << 7

	publishMandatory = 1 << 0
	ackMultiple      = 1 << 0
	nackRequeue      = 1 << 1

	modePersistent = 2
)

// shortMax is the length of a short string at most.
const shortMax = 255

func appendShort(out []byte, s []byte) []byte { return append(append(out, byte(len(s))), s...) }

// openFrame begins a frame; closeFrame, given where it began, fills its size in.
func openFrame(out []byte, kind byte, channel uint16) ([]byte, int) {
	begin := len(out)
	out = append(out, kind)
	out = binary.BigEndian.AppendUint16(out, channel)
	return append(out, 0, 0, 0, 0), begin
}

func closeFrame(out []byte, begin int) []byte {
	binary.BigEndian.PutUint32(out[begin+3:], uint32(len(out)-begin-frameHead))
	return append(out, frameEnd)
}

// publishFrame is the method of every message to one destination.
func publishFrame(channel uint16, exchange, key string, mandatory bool) []byte {
	out, begin := openFrame(nil, frameMethod, channel)
	out = binary.BigEndian.AppendUint32(out, basicPublish)
	out = append(out, 0, 0) // reserved
	out = appendShort(out, []byte(exchange))
	out = appendShort(out, []byte(key))
	bits := byte(0)
	if mandatory {
		bits = publishMandatory
	}
	return closeFrame(append(out, bits), begin)
}

// content says how a message is published beside its body.
type content struct {
	// method is its publishFrame.
	method     []byte
	channel    uint16
	persistent bool
	// piece is how much of a body goes into one frame.
	piece int
	// id goes with the message and comes back when it is returned; 0 for none.
	id uint64
}

// appendMessage writes a message's frames: method, properties, and its body in pieces. The key travels as the correlation id, the only
// property of free use that brokers and tools do not interpret.
func appendMessage(out []byte, c *content, m *drivers.Message) []byte {
	out = append(out, c.method...)
	out, begin := openFrame(out, frameHeader, c.channel)
	out = binary.BigEndian.AppendUint16(out, classBasic)
	out = append(out, 0, 0) // weight, unused
	out = binary.BigEndian.AppendUint64(out, uint64(len(m.Body)))
	flags := uint16(0)
	if len(m.Headers) > 0 {
		flags |= flagHeaders
	}
	if c.persistent {
		flags |= flagDeliveryMode
	}
	if len(m.Key) > 0 {
		flags |= flagCorrelationID
	}
	if c.id > 0 {
		flags |= flagMessageID
	}
	out = binary.BigEndian.AppendUint16(out, flags)
	if len(m.Headers) > 0 {
		out = appendHeaders(out, m.Headers)
	}
	if c.persistent {
		out = append(out, modePersistent)
	}
	if len(m.Key) > 0 {
		out = appendShort(out, m.Key)
	}
	if c.id > 0 {
		length := len(out)
		out = strconv.AppendUint(append(out, 0), c.id, 10)
		out[length] = byte(len(out) - length - 1)
	}
	out = closeFrame(out, begin)
	for body := m.Body; len(body) > 0; {
		piece := body[:min(len(body), c.piece)]
		out, begin = openFrame(out, frameBody, c.channel)
		out = closeFrame(append(out, piece...), begin)
		body = body[len(piece):]
	}
	return out
}

// appendHeaders writes a table of long strings.
func appendHeaders(out []byte, headers []drivers.Header) []byte {
	begin := len(out)
	out = append(out, 0, 0, 0, 0)
	for _, h := range headers {
		out = append(appendShort(out, []byte(h.Name)), 'S')
		out = binary.BigEndian.AppendUint32(out, uint32(len(h.Value)))
		out = append(out, h.Value...)
	}
	binary.BigEndian.PutUint32(out[begin:], uint32(len(out)-begin-4))
	return out
}

// appendAck writes a basic.ack or, with method basicNack, a basic.nack.
func appendAck(out []byte, channel uint16, method uint32, tag uint64, bits byte) []byte {
	out, begin := openFrame(out, frameMethod, channel)
	out = binary.BigEndian.AppendUint32(out, method)
	out = binary.BigEndian.AppendUint64(out, tag)
	return closeFrame(append(out, bits), begin)
}
