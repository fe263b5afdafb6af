package rabbitmq

import (
	"encoding/binary"

	"ordeal/drivers"
)

// reader takes a payload apart. After a field that is not all there everything reads as zero, and bad is set.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.rest, r.bad = nil, true
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) number(size int) (n uint64) {
	for _, b := range r.take(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (r *reader) short() []byte { return r.take(int(r.number(1))) }

// properties are those of a message's properties that the driver minds.
type properties struct {
	size uint64
	// key and id are the correlation id and the message id.
	key, id []byte
	// attempts is x-delivery-count, how often a quorum queue delivered the message before; -1 where it does not say.
	attempts int
	// offset is x-stream-offset, where in its stream the message is; -1 where it does not say.
	offset int64
}

// parseProperties reads a content header (AMQP 0-9-1, 4.2.6.1). Slices point into payload.
func parseProperties(payload []byte) (p properties, ok bool) {
	r := reader{rest: payload}
	p.attempts, p.offset = -1, -1
	r.take(4) // class and weight
	p.size = r.number(8)
	flags := uint16(r.number(2))
	for bit := 15; bit >= 7; bit-- { // what comes after the message id is of no interest
		if flags&(1<<bit) == 0 {
			continue
		}
		switch 1 << bit {
		case flagHeaders:
			p.table(r.take(int(r.number(4))))
		case flagDeliveryMode, 1 << 11: // the other is the priority
			r.take(1)
		case flagCorrelationID:
			p.key = r.short()
		case flagMessageID:
			p.id = r.short()
		default: // content type and encoding, reply-to, expiration
			r.short()
		}
	}
	return p, !r.bad
}

// table looks for x-delivery-count and x-stream-offset among the headers.
func (p *properties) table(fields []byte) {
	r := reader{rest: fields}
	for len(r.rest) > 0 {
		name := r.short()
		kind := r.number(1)
		value := r.take(fieldSize(byte(kind), r.rest))
		if len(value) == 0 || len(value) > 8 {
			continue
		}
		number := reader{rest: value}
		switch string(name) {
		case "x-delivery-count":
			p.attempts = int(number.number(len(value)))
		case "x-stream-offset":
			p.offset = int64(number.number(len(value)))
		}
	}
}

// fieldSize is how many bytes a field of a table takes, in RabbitMQ's types; -1 for one that is unknown.
func fieldSize(kind byte, rest []byte) int {
	switch kind {
	case 'V':
		return 0
	case 't', 'b', 'B':
		return 1
	case 's', 'u':
		return 2
	case 'I', 'i', 'f':
		return 4
	case 'D':
		return 5
	case 'l', 'd', 'T':
		return 8
	case 'S', 'x', 'F', 'A':
		if len(rest) < 4 {
			return -1
		}
		return 4 + int(binary.BigEndian.Uint32(rest))
	default:
		return -1
	}
}

// shardOf reads the shard from the end of a routing key; AnyShard where there is none.
func shardOf(key []byte) int32 {
	var shard int32
	i := len(key)
	for unit := int32(1); i > 0 && key[i-1] >= '0' && key[i-1] <= '9'; unit *= 10 {
		if unit > 1e8 {
			return drivers.AnyShard
		}
		i--
		shard += unit * int32(key[i]-'0')
	}
	if i == len(key) || i > 0 && key[i-1] != '.' {
		return drivers.AnyShard
	}
	return shard
}

// parseNumber reads a decimal number; 0 where there is none.
func parseNumber(text []byte) (n uint64) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + uint64(c-'0')
	}
	return n
}
