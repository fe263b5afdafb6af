package redis

import (
	"fmt"
	"math"
	"strconv"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// Fields of a stream entry. A header has headerField before its name.
const (
	bodyField   = "b"
	keyField    = "k"
	headerField = "h."
)

// stencil is the command that sends to one key, without what differs from message to message.
type stencil struct {
	words int
	head  []byte
	// entry tells that it is an XADD, whose fields have names.
	entry bool
}

// stencil makes the command for a key of t.
func (s settings) stencil(t drivers.Topic, key string) stencil {
	words, entry := []string{"XADD", key}, false
	switch {
	case t.Model == drivers.Broadcast:
		words[0] = "PUBLISH"
	case s.ofList(t):
		words[0] = "RPUSH"
	default:
		if entry = true; s.maxLen != "" {
			words = append(words, "MAXLEN", "~", s.maxLen)
		}
		words = append(words, "*", bodyField)
	}
	o := stencil{words: len(words) + 1, entry: entry}
	for _, w := range words {
		o.head = appendText(o.head, w)
	}
	return o
}

// add writes the command for m.
func (o *stencil) add(w *wire, m *drivers.Message) {
	w.room(len(o.head) + len(m.Body))
	words := o.words
	if o.entry {
		if len(m.Key) > 0 {
			words += 2
		}
		words += 2 * len(m.Headers)
	}
	w.out = appendCount(w.out, words)
	w.out = append(w.out, o.head...)
	w.text(m.Body)
	if !o.entry {
		return
	}
	if len(m.Key) > 0 {
		w.out = appendText(w.out, keyField)
		w.text(m.Key)
	}
	for i := range m.Headers {
		w.out = appendText(w.out, headerField+m.Headers[i].Name)
		w.text(m.Headers[i].Value)
	}
}

// readEntry makes a delivery of a stream entry: [id, [field, value, …]]. It is false for an entry that was deleted meanwhile.
func readEntry(entry *rueidis.RedisMessage, d *drivers.Delivery) (bool, error) {
	parts, err := entry.ToArray()
	if err != nil || len(parts) != 2 {
		return false, fmt.Errorf("%w: an entry of %d parts", errReply, len(parts))
	}
	id, err := parts[0].ToString()
	if err != nil {
		return false, fmt.Errorf("%w: an entry without an id", errReply)
	}
	var ok bool
	if d.Position, ok = parsePosition(id); !ok {
		return false, fmt.Errorf("%w: entry id %q", errReply, id)
	}
	if parts[1].IsNil() {
		return false, nil
	}
	fields, err := parts[1].ToArray()
	if err != nil {
		return false, fmt.Errorf("%w: entry %s without fields", errReply, id)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		name, err := fields[i].ToString()
		if err != nil {
			return false, fmt.Errorf("%w: entry %s: a field without a name", errReply, id)
		}
		switch name {
		case bodyField:
			d.Body, err = fields[i+1].AsBytes()
		case keyField:
			d.Key, err = fields[i+1].AsBytes()
		}
		if err != nil {
			return false, fmt.Errorf("%w: entry %s: field %q is no text", errReply, id, name)
		}
	}
	return true, nil
}

// scanEntry does the same with an entry as it lies in the read buffer, to which the delivery refers then.
func scanEntry(c *cursor, d *drivers.Delivery) (bool, error) {
	parts, isList := c.list()
	id, isText := c.text()
	if !isList || parts != 2 || !isText {
		return false, fmt.Errorf("%w: an entry of %d parts", errReply, parts)
	}
	var ok bool
	if d.Position, ok = parsePosition(id); !ok {
		return false, fmt.Errorf("%w: entry id %.40q", errReply, id)
	}
	kind, _, fields := c.value()
	switch {
	case fields < 0:
		return false, nil
	case kind != '*' || fields%2 != 0:
		return false, fmt.Errorf("%w: entry %s without fields", errReply, id)
	}
	for ; fields > 0; fields -= 2 {
		name, isText := c.text()
		value, isValue := c.text()
		if !isText || !isValue {
			return false, fmt.Errorf("%w: entry %s: field %.40q is no text", errReply, id, name)
		}
		switch string(name) {
		case bodyField:
			d.Body = value
		case keyField:
			d.Key = value
		}
	}
	return true, nil
}

// parsePosition reads an entry id: <milliseconds>-<sequence>.
func parsePosition[T string | []byte](id T) (drivers.Position, bool) {
	var p drivers.Position
	var first, second int
	p.Major, first = decimal(id)
	if first == 0 || first >= len(id) || id[first] != '-' {
		return drivers.Position{}, false
	}
	p.Minor, second = decimal(id[first+1:])
	if second == 0 || first+1+second != len(id) {
		return drivers.Position{}, false
	}
	p.Known = true
	return p, true
}

// decimal reads the number that text begins with, and how many digits it has; none where it is too large.
func decimal[T string | []byte](text T) (value uint64, digits int) {
	for ; digits < len(text); digits++ {
		d := uint64(text[digits] - '0')
		if d > 9 {
			break
		}
		if value > (math.MaxUint64-d)/10 {
			return 0, 0
		}
		value = 10*value + d
	}
	return value, digits
}

// appendID writes an entry id.
func appendID(dst []byte, p drivers.Position) []byte {
	dst = strconv.AppendUint(dst, p.Major, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, p.Minor, 10)
}
