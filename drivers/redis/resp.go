package redis

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// What follows reads RESP3, https://redis.io/docs/latest/develop/reference/protocol-spec, where the kernel put it. It goes over a reply
// twice: scan finds out where it ends, and that it is well formed; then a cursor takes out of it what is wanted.

const (
	// mostLine bounds a line, such as the text of an error.
	mostLine = 64 << 10
	// mostText bounds a text that is believed: the server's proto-max-bulk-len is 512 MiB unless somebody raised it.
	mostText = 1 << 30
	// mostParts bounds how many values a reply has; a page of ten million entries has fewer.
	mostParts = 1 << 27
)

// scan finds the end of a reply. It goes on where it stopped when there is more of it.
type scan struct {
	// at is how many bytes were gone through, owed how many values must still come; 0 before the first.
	at, owed int
}

// whole tells whether all of the reply that b begins with is there, and how many bytes it has. After that the scan is ready for another.
func (s *scan) whole(b []byte) (n int, ok bool, err error) {
	if s.owed == 0 {
		s.owed = 1
	}
	for s.owed > 0 {
		kind, count, size, err := head(b[s.at:])
		if err != nil || size == 0 {
			return 0, false, err
		}
		switch kind {
		case '$', '!', '=':
			if count >= 0 {
				end := s.at + size + count
				if len(b) < end+2 {
					return 0, false, nil
				}
				if b[end] != '\r' || b[end+1] != '\n' {
					return 0, false, fmt.Errorf("%w: a text without its end", errReply)
				}
				size += count + 2
			}
		case '*', '~', '>', '%':
			if kind == '%' {
				count *= 2
			}
			if s.owed += max(0, count); s.owed > mostParts {
				return 0, false, fmt.Errorf("%w: more than %d values", errReply, mostParts)
			}
		}
		s.at += size
		s.owed--
	}
	n = s.at
	*s = scan{}
	return n, true, nil
}

// head reads the line that a value begins with: its kind, and of a text its length, of a list its number of values, -1 for none at all.
// size is that of the line, 0 where it is not whole.
func head(b []byte) (kind byte, count, size int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, nil
	}
	kind = b[0]
	switch kind {
	case '$', '!', '=', '*', '~', '>', '%':
		return length(b)
	case '+', '-', ':', '_', '#', ',', '(':
	default:
		return 0, 0, 0, fmt.Errorf("%w: it begins with %q", errReply, b[:min(len(b), 20)])
	}
	end := bytes.IndexByte(b[:min(len(b), mostLine+1)], '\n')
	switch {
	case end < 0 && len(b) > mostLine:
		return 0, 0, 0, fmt.Errorf("%w: a line of more than %d bytes", errReply, mostLine)
	case end < 0:
		return kind, 0, 0, nil
	case b[end-1] != '\r':
		return 0, 0, 0, fmt.Errorf("%w: %.40q", errReply, b[:end])
	default:
		return kind, 0, end + 1, nil
	}
}

// length reads a line with a number, such as $15.
func length(b []byte) (kind byte, count, size int, err error) {
	const longest = len("$9999999999\r\n")
	for i := 1; i < len(b) && i < longest; i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			count = count*10 + int(c-'0')
			continue
		case c == '-' && i == 1 && len(b) < 5:
			return b[0], 0, 0, nil
		case c == '-' && i == 1 && string(b[2:5]) == "1\r\n":
			return b[0], -1, 5, nil
		case c == '\r' && i > 1 && len(b) == i+1:
			return b[0], 0, 0, nil
		case c == '\r' && i > 1 && b[i+1] == '\n' && count <= mostText:
			return b[0], count, i + 2, nil
		}
		return 0, 0, 0, fmt.Errorf("%w: %q", errReply, b[:min(len(b), longest)])
	}
	if len(b) >= longest {
		return 0, 0, 0, fmt.Errorf("%w: %q", errReply, b[:longest])
	}
	return b[0], 0, 0, nil
}

// cursor walks over a reply that scan has found whole.
type cursor []byte

// value takes the next value: its kind, and its text, or how many values of a list follow. count is -1 where there is nothing in it.
func (c *cursor) value() (kind byte, text []byte, count int) {
	b := *c
	kind, count, size, err := head(b)
	if err != nil || size == 0 {
		*c = nil
		return 0, nil, -1 // the end of the reply
	}
	switch kind {
	case '$', '!', '=':
		if count < 0 {
			*c = b[size:]
			return kind, nil, count
		}
		*c = b[size+count+2:]
		return kind, b[size : size+count : size+count], count
	case '*', '~', '>', '%':
		*c = b[size:]
		return kind, nil, count
	case '_':
		*c = b[size:]
		return kind, nil, -1
	default:
		*c = b[size:]
		return kind, b[1 : size-2 : size-2], size - 3
	}
}

// text takes a text; ok is false for anything else.
func (c *cursor) text() (text []byte, ok bool) {
	kind, text, count := c.value()
	return text, (kind == '$' || kind == '+') && count >= 0
}

// list takes the beginning of a list and returns how many values it has; ok is false for anything else, and for none at all.
func (c *cursor) list() (count int, ok bool) {
	kind, _, count := c.value()
	return count, (kind == '*' || kind == '~') && count >= 0
}

// skip goes over n values and all that is in them.
func (c *cursor) skip(n int) {
	for ; n > 0; n-- {
		kind, _, count := c.value()
		switch kind {
		case 0:
			return
		case '%':
			n += 2 * max(0, count)
		case '*', '~', '>':
			n += max(0, count)
		}
	}
}

// refusal is a server's error reply. Like the library it leaves out the code ERR, which is for all errors without a name of their own.
type refusal string

func (r refusal) Error() string { return strings.TrimPrefix(string(r), "ERR ") }

// errorOf is the error that a reply is, nil for any other.
func errorOf(reply []byte) error {
	if reply[0] != '-' && reply[0] != '!' {
		return nil
	}
	c := cursor(reply)
	_, text, _ := c.value()
	return refusal(text)
}

// isNone tells whether a reply is that there is nothing.
func isNone(reply []byte) bool {
	c := cursor(reply)
	kind, _, count := c.value()
	return kind == '_' || count < 0
}

// integer is the number that a reply is.
func integer(reply []byte) (int64, error) {
	c := cursor(reply)
	kind, text, _ := c.value()
	if kind != ':' {
		return 0, fmt.Errorf("%w: %.40q", errReply, reply)
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q", errReply, reply)
	}
	return n, nil
}

// appendWords writes a command.
func appendWords(dst []byte, words ...string) []byte {
	dst = appendCount(dst, len(words))
	for _, w := range words {
		dst = appendText(dst, w)
	}
	return dst
}

// appendCount begins a command of n words.
func appendCount(dst []byte, n int) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

// appendText writes one word of a command.
func appendText[T string | []byte](dst []byte, word T) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(word)), 10)
	dst = append(dst, '\r', '\n')
	dst = append(dst, word...)
	return append(dst, '\r', '\n')
}
