package redis

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// pieces is a connection whose reads bring no more than size bytes at a time.
type pieces struct {
	net.Conn
	rest []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.size, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

// parsed is every reply that a server's words come to, spelled out, and what ends them.
func parsed(words []byte, size int) (said []string, err error) {
	w := &wire{conn: &pieces{rest: words, size: size}}
	for {
		reply, err := w.await()
		if err != nil {
			return said, err
		}
		c := cursor(reply)
		said = append(said, spell(&c))
		if len(c) > 0 {
			return said, fmt.Errorf("%d bytes are left of %q", len(c), reply)
		}
		// Whoever wants something else of a reply gets an error and no panic.
		errorOf(reply) //nolint:errcheck // see above
		integer(reply) //nolint:errcheck // likewise
		isNone(reply)
		receipt(reply)
		c = cursor(reply)
		if c.skip(1); len(c) > 0 {
			return said, fmt.Errorf("%d bytes are left of %q, skipped", len(c), reply)
		}
	}
}

// spell takes a value and all that is in it.
func spell(c *cursor) string {
	kind, text, count := c.value()
	switch kind {
	case '%':
		count *= 2
	case '*', '~', '>':
	default:
		if count < 0 {
			return string(kind) + "none"
		}
		return fmt.Sprintf("%c%q", kind, text)
	}
	parts := make([]string, 0, 8)
	for range count {
		if len(*c) == 0 {
			return "too short"
		}
		parts = append(parts, spell(c))
	}
	return string(kind) + "[" + strings.Join(parts, " ") + "]"
}

func TestReplies(t *testing.T) {
	body := strings.Repeat("x", 3*firstBuffer)
	words := fmt.Appendf(nil, "+OK\r\n-ERR no\r\n:42\r\n$3\r\na\r\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n_\r\n#t\r\n,1.5\r\n(123\r\n!5\r\nERR x\r\n=5\r\ntxt:a\r\n"+
		">2\r\n$1\r\na\r\n:1\r\n"+ // pushed, an answer to nothing
		"%%1\r\n$3\r\nt:0\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nb\r\n$4\r\nbody\r\n~0\r\n*2\r\n*0\r\n*1\r\n:-7\r\n+\r\n$%d\r\n%s\r\n", len(body), body)
	want := []string{
		`+"OK"`, `-"ERR no"`, `:"42"`, `$"a\r\n"`, `$""`, "$none", "*[]", "_none", `#"t"`, `,"1.5"`, `("123"`, `!"ERR x"`, `="txt:a"`,
		`%[$"t:0" *[*[$"1-0" *[$"b" $"body"]]]]`, "~[]", `*[*[] *[:"-7"]]`, `+""`, fmt.Sprintf("$%q", body),
	}
	for _, size := range []int{1, 2, 7, 4096, 1 << 20} {
		said, err := parsed(words, size)
		if !slices.Equal(said, want) || !errors.Is(err, io.EOF) {
			t.Errorf("in pieces of %d bytes: %.400v and %v, want %.400v and %v", size, said, err, want, io.EOF)
		}
	}
}

// TestRepliesRefused: what no server may send is an error.
func TestRepliesRefused(t *testing.T) {
	for _, words := range []string{
		"HTTP/1.1 400 Bad Request\r\n", "\r\n", "+OK\n", "$\r\n\r\n", "$x\r\n", "$-2\r\n", "$1x\r\nab\r\n", "$3\r\nabcd\r\n", "*?\r\n", "$?\r\n",
		"$99999999999\r\n", "$1073741825\r\n", "*9999999999\r\n", "%100000000\r\n", "*100000000\r\n*100000000\r\n", "*2\r\n:1\r\nx", "|1\r\n+a\r\n+b\r\n+c\r\n",
		":" + strings.Repeat("1", mostLine+2), "$-1\nx",
	} {
		for _, size := range []int{1, 1 << 20} {
			if said, err := parsed([]byte(words), size); !errors.Is(err, errReply) || len(said) > 0 {
				t.Errorf("%.40q in pieces of %d bytes came to %q and %v, want %v", words, size, said, err, errReply)
			}
		}
	}
}

// TestDeepReplies: no server nests like this, and nothing of it is kept on a stack.
func TestDeepReplies(t *testing.T) {
	deep := []byte(strings.Repeat("*1\r\n", 1<<20) + ":1\r\n")
	var s scan
	if n, ok, err := s.whole(deep); n != len(deep) || !ok || err != nil {
		t.Errorf("%d of %d bytes, %v, %v", n, len(deep), ok, err)
	}
	c := cursor(deep)
	if c.skip(1); len(c) > 0 {
		t.Errorf("%d bytes are left", len(c))
	}
}

// FuzzReplies: whatever a server says, and however the network cuts it, comes to the same, and to no panic.
func FuzzReplies(f *testing.F) {
	f.Add([]byte("$15\r\n1700000000000-0\r\n-READONLY no\r\n"), 1)
	f.Add([]byte("%1\r\n$3\r\nt:0\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nb\r\n$4\r\nbody\r\n*2\r\n$3\r\n2-0\r\n*-1\r\n"), 5)
	f.Add([]byte("*-1\r\n$-1\r\n_\r\n>1\r\n+x\r\n:12\r\n*2\r\n:1\r\n:0\r\n$5\r\nab"), 3)
	f.Fuzz(func(t *testing.T, words []byte, size int) {
		if strings.Count(string(words), "*")+strings.Count(string(words), "%") > 1000 {
			t.Skip("spelling it out takes too deep a stack")
		}
		whole, wholeErr := parsed(words, len(words)+1)
		cut, cutErr := parsed(words, max(1, size))
		if !slices.Equal(whole, cut) || errors.Is(wholeErr, errReply) != errors.Is(cutErr, errReply) || errors.Is(wholeErr, io.EOF) != errors.Is(cutErr, io.EOF) {
			t.Errorf("at once: %q, %v\nin pieces: %q, %v", whole, wholeErr, cut, cutErr)
		}
	})
}
