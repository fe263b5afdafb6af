package nats

import (
	"strconv"
	"strings"
)

// metadata is what JetStream writes into the reply subject of a delivery:
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
//	$JS.ACK.<domain>.<account hash>.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[.<more>]
//
// See ADR-15 of nats-architecture-and-design.
type metadata struct {
	delivered uint64
	seq       uint64
}

// text is what is parsed where it lies, be it a string or part of a read buffer.
type text interface{ ~string | ~[]byte }

const ackSubject = "$JS.ACK."

// parseMetadata reads a reply subject without allocating.
func parseMetadata[T text](reply T) (m metadata, ok bool) {
	if len(reply) < len(ackSubject) || string(reply[:len(ackSubject)]) != ackSubject {
		return m, false
	}
	// the beginnings of the tokens after the two of the prefix
	var starts [10]int
	tokens := 0
	starts[0] = len(ackSubject)
	for i := len(ackSubject); i < len(reply); i++ {
		if reply[i] != '.' {
			continue
		}
		tokens++
		if tokens < len(starts) {
			starts[tokens] = i + 1
		}
	}
	tokens++
	first := 2 // the token of <delivered>
	switch {
	case tokens == 7:
	case tokens >= 9:
		first = 4
	default:
		return m, false
	}
	if m.delivered, ok = number(reply, starts[first]); !ok {
		return m, false
	}
	m.seq, ok = number(reply, starts[first+1])
	return m, ok
}

// turn reads the consumer sequence of a reply subject that parseMetadata has taken.
func turn(reply string) uint64 {
	at := 6
	parts := strings.Split(reply, ".")
	if len(parts) > 9 {
		at = 8
	}
	n, err := strconv.ParseUint(parts[at], 10, 64)
	if err != nil {
		return 0 // the turn of none
	}
	return n
}

// number reads the token of s that begins at i.
func number[T text](s T, i int) (n uint64, ok bool) {
	start := i
	for ; i < len(s) && s[i] != '.'; i++ {
		if s[i] < '0' || s[i] > '9' || i-start == 19 {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, i > start
}
