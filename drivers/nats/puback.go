package nats

import (
	"bytes"
	"encoding/json"
	"fmt"

	natsgo "github.com/nats-io/nats.go"
)

// pubAck is the answer of a stream to a message.
type pubAck struct {
	// seq is the message's place in the stream, 0 with an error.
	seq uint64
	// duplicate tells that seq is that of an earlier message with the same id.
	duplicate bool
}

// ackPrefix and ackMiddle frame the stream's name in the answer as the server writes it, {"stream":"ORDERS", "seq":12}.
var (
	ackPrefix = []byte(`{"stream":"`) //nolint:gochecknoglobals // a constant that Go cannot declare as one
	ackMiddle = []byte(`"seq":`)      //nolint:gochecknoglobals // likewise
)

// parseAnswer reads the answer to a publish. The error is the stream's or that of an answer that says nothing.
func parseAnswer(header, body []byte) (pubAck, error) {
	if len(body) == 0 && len(header) > 0 {
		if code, _ := (&frame{header: header}).status(); code == 503 {
			return pubAck{}, natsgo.ErrNoResponders
		}
	}
	if seq, ok := quickAck(body); ok {
		return pubAck{seq: seq}, nil
	}
	return slowAck(body)
}

// quickAck reads the one form that nearly all answers have, a stream and a sequence, without allocating.
func quickAck(data []byte) (seq uint64, ok bool) {
	if !bytes.HasPrefix(data, ackPrefix) {
		return 0, false
	}
	rest := data[len(ackPrefix):]
	end := bytes.IndexByte(rest, '"')
	if end <= 0 || bytes.IndexByte(rest[:end], '\\') >= 0 || end+1 >= len(rest) || rest[end+1] != ',' {
		return 0, false
	}
	for _, c := range rest[:end] {
		if c < ' ' {
			return 0, false // not valid JSON, which is the slow path's to say
		}
	}
	rest = bytes.TrimLeft(rest[end+2:], " ")
	if !bytes.HasPrefix(rest, ackMiddle) {
		return 0, false
	}
	rest = bytes.TrimLeft(rest[len(ackMiddle):], " ")
	seq, n := digits(rest)
	if n == 0 || rest[0] == '0' || n != len(rest)-1 || rest[n] != '}' {
		return 0, false
	}
	return seq, true
}

// digits reads a number of at most 19 digits and returns how many there were, 0 for none or too many.
func digits(b []byte) (n uint64, count int) {
	for count < len(b) && b[count] >= '0' && b[count] <= '9' {
		n = n*10 + uint64(b[count]-'0')
		count++
	}
	if count > 19 {
		return 0, 0
	}
	return n, count
}

// slowAck reads any answer.
func slowAck(data []byte) (pubAck, error) {
	var answer struct {
		Error     *serverError `json:"error"`
		Stream    string       `json:"stream"`
		Seq       uint64       `json:"seq"`
		Duplicate bool         `json:"duplicate"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return pubAck{}, fmt.Errorf("%w: %w", errAnswer, err)
	}
	switch {
	case answer.Error != nil:
		return pubAck{}, answer.Error
	case answer.Stream == "" || answer.Seq == 0:
		return pubAck{}, errAnswer
	default:
		return pubAck{seq: answer.Seq, duplicate: answer.Duplicate}, nil
	}
}
