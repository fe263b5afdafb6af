package redis

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// Fields of a stream entry. A header has headerField before its name.
const (
	bodyField   = "b"
	keyField    = "k"
	headerField = "h."
)

// addCommand makes the XADD of m to the stream of key. The command refers to m's bytes until it was run.
func addCommand(l *line, key, maxLen string, m *drivers.Message) rueidis.Completed {
	b := l.client.B().Arbitrary("XADD", key)
	if maxLen != "" {
		b = b.Args("MAXLEN", "~", maxLen)
	}
	b = b.Args("*", bodyField, rueidis.BinaryString(m.Body))
	if len(m.Key) > 0 {
		b = b.Args(keyField, rueidis.BinaryString(m.Key))
	}
	for _, h := range m.Headers {
		b = b.Args(headerField+h.Name, rueidis.BinaryString(h.Value))
	}
	return b.Build()
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

// parsePosition reads an entry id: <milliseconds>-<sequence>.
func parsePosition(id string) (drivers.Position, bool) {
	ms, seq, ok := strings.Cut(id, "-")
	if !ok {
		return drivers.Position{}, false
	}
	major, err := strconv.ParseUint(ms, 10, 64)
	if err != nil {
		return drivers.Position{}, false
	}
	minor, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return drivers.Position{}, false
	}
	return drivers.Position{Major: major, Minor: minor, Known: true}, true
}

// appendID writes an entry id.
func appendID(dst []byte, p drivers.Position) []byte {
	dst = strconv.AppendUint(dst, p.Major, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, p.Minor, 10)
}
