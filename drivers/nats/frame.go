package nats

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// operation is one that a server sends. See https://docs.nats.io/reference/reference-protocols/nats-protocol.
type operation uint8

const (
	// opNone says that nothing whole is there.
	opNone operation = iota
	opMessage
	opPing
	opPong
)

// frame is a message as it lies in the read buffer: good until the next fill.
type frame struct {
	sid                          int
	subject, reply, header, body []byte
}

// next parses the next operation of what was read. What needs no answer of the caller it sees to itself; an error says that the connection
// is of no more use, because the server said so or because it is none.
func (w *wire) next(f *frame) (operation, error) {
	for {
		rest := w.buf[w.at:w.upto]
		eol := bytes.IndexByte(rest, '\n')
		if eol < 0 {
			if len(rest) > controlLine {
				return opNone, fmt.Errorf("%w: a line of more than %d bytes", errProtocol, controlLine)
			}
			return opNone, nil
		}
		text := bytes.TrimSuffix(rest[:eol], []byte{'\r'})
		switch {
		case len(text) > 4 && (text[0] == 'M' || text[0] == 'm'):
			return w.message(f, text[4:], eol+1, false)
		case len(text) > 5 && (text[0] == 'H' || text[0] == 'h'):
			return w.message(f, text[5:], eol+1, true)
		}
		w.at += eol + 1
		word, about, _ := bytes.Cut(text, []byte{' '})
		switch string(word) {
		case "PING":
			return opPing, nil
		case "PONG":
			return opPong, nil
		case "+OK", "":
		case "-ERR":
			return opNone, refusal(string(bytes.Trim(about, "' ")))
		case "INFO": // that it changed, as when a node joins
			var info greeting
			if json.Unmarshal(about, &info) == nil && info.MaxPayload > 0 {
				w.largest.Store(info.MaxPayload)
			}
		default:
			return opNone, fmt.Errorf("%w: %.40q", errProtocol, text)
		}
	}
}

// message parses MSG <subject> <sid> [reply] <bytes> and HMSG <subject> <sid> [reply] <header bytes> <bytes>, whose line has head bytes.
func (w *wire) message(f *frame, line []byte, head int, headed bool) (operation, error) {
	var words [5][]byte
	n := 0
	for i := 0; i < len(line); {
		if line[i] == ' ' {
			i++
			continue
		}
		k := bytes.IndexByte(line[i:], ' ')
		if k < 0 {
			k = len(line) - i
		}
		if n == len(words) {
			return opNone, fmt.Errorf("%w: %.80q", errProtocol, line)
		}
		words[n] = line[i : i+k]
		n++
		i += k
	}
	least := 3
	if headed {
		least = 4
	}
	size, ok := uint64(0), n == least || n == least+1
	if ok {
		size, ok = number(words[n-1], 0)
	}
	sid, known := uint64(0), false
	if ok {
		sid, known = number(words[1], 0)
	}
	headers := uint64(0)
	if known && headed {
		headers, known = number(words[n-2], 0)
	}
	if !known || size > mostPayload || headers > size {
		return opNone, fmt.Errorf("%w: %.80q", errProtocol, line)
	}
	whole := head + int(size) + 2
	if w.upto-w.at < whole {
		w.reserve(whole)
		return opNone, nil
	}
	body := w.buf[w.at+head : w.at+head+int(size)]
	w.at += whole
	*f = frame{sid: int(sid), subject: words[0], header: body[:headers], body: body[headers:]}
	if n > least {
		f.reply = words[2]
	}
	return opMessage, nil
}

// status is the number in a header such as "NATS/1.0 408 Request Timeout", and what stands behind it; 0 where there is none.
func (f *frame) status() (code int, about string) {
	const before = len("NATS/1.0 ")
	if len(f.header) < before+3 || f.header[before-1] != ' ' {
		return 0, ""
	}
	first, _, _ := bytes.Cut(f.header[before:], []byte("\r\n"))
	digits, text, _ := bytes.Cut(first, []byte{' '})
	n, ok := number(digits, 0)
	if !ok || n > 999 {
		return 0, ""
	}
	return int(n), string(text)
}
