package nats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
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

// parsed is everything that a server's words come to, and what ends them.
func parsed(words []byte, size int) (said []string, err error) {
	w := &wire{conn: &pieces{rest: words, size: size}}
	var f frame
	for {
		op, err := w.next(&f)
		switch {
		case err != nil:
			return said, err
		case op == opMessage:
			code, about := f.status()
			said = append(said, fmt.Sprintf("%d %q %q %q %q %d %q", f.sid, f.subject, f.reply, f.header, f.body, code, about))
			continue
		case op != opNone:
			said = append(said, fmt.Sprint(op))
			continue
		}
		if err := w.fill(); err != nil {
			return said, err
		}
	}
}

func TestFrames(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 3*firstBuffer)
	words := fmt.Appendf(nil, "+OK\r\nMSG a.b 1 3\r\nabc\r\nPING\r\nmsg a 22  r.1   0\r\n\r\nHMSG a 3 r 18 21\r\nNATS/1.0 503 No\r\n\nabc\r\n"+
		"INFO {\"max_payload\":1024}\r\nPONG\r\nMSG big 4 %d\r\n%s\r\n", len(body), body)
	want := []string{
		`1 "a.b" "" "" "abc" 0 ""`, fmt.Sprint(opPing), `22 "a" "r.1" "" "" 0 ""`,
		`3 "a" "r" "NATS/1.0 503 No\r\n\n" "abc" 503 "No"`, fmt.Sprint(opPong), fmt.Sprintf(`4 "big" "" "" %q 0 ""`, body),
	}
	for _, size := range []int{1, 2, 7, 4096, 1 << 20} {
		said, err := parsed(words, size)
		if fmt.Sprint(said) != fmt.Sprint(want) || !errors.Is(err, errHungUp) {
			t.Errorf("in pieces of %d bytes: %.300v and %v, want %.300v and %v", size, said, err, want, errHungUp)
		}
	}
}

func TestFramesRefused(t *testing.T) {
	for _, words := range []string{
		"HTTP/1.1 400 Bad Request\r\n", "MSG a 1\r\n", "MSG a b c d e f\r\n", "MSG a x 3\r\nabc\r\n", "MSG a 1 -3\r\nabc\r\n",
		"HMSG a 1 9 3\r\nabc\r\n", "MSG a 1 99999999999\r\n", "MSG a 1 2147483647\r\n", string(bytes.Repeat([]byte("a"), controlLine+2)),
	} {
		if said, err := parsed([]byte(words), 1000); !errors.Is(err, errProtocol) || len(said) > 0 {
			t.Errorf("%.40q came to %q and %v, want %v", words, said, err, errProtocol)
		}
	}
}

// FuzzFrames: whatever a server says, and however the network cuts it, comes to the same, and to no panic.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("MSG a 1 3\r\nabc\r\nPING\r\n"), 1)
	f.Add([]byte("HMSG a 3 r 18 21\r\nNATS/1.0 503 No\r\n\nabc\r\n-ERR 'Permissions Violation'\r\n"), 5)
	f.Add([]byte("INFO {}\r\nMSG a 1 5\r\nab"), 3)
	f.Fuzz(func(t *testing.T, words []byte, size int) {
		whole, wholeErr := parsed(words, len(words)+1)
		cut, cutErr := parsed(words, max(1, size))
		if fmt.Sprint(whole) != fmt.Sprint(cut) || fmt.Sprint(wholeErr) != fmt.Sprint(cutErr) {
			t.Errorf("at once: %q, %v\nin pieces: %q, %v", whole, wholeErr, cut, cutErr)
		}
	})
}
