package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// strung is a line with one wire, and the broker's end of it.
type strung struct {
	*line
	wire   net.Conn
	broker net.Conn
	lost   chan error
}

func hang(t *testing.T, vital ...int16) *strung {
	t.Helper()
	near, far := net.Pipe()
	s := &strung{broker: far, lost: make(chan error, 2)}
	s.line = &line{
		dial:  func(context.Context, string, string) (net.Conn, error) { return near, nil },
		vital: vital, lost: func(err error) { s.lost <- err }, wires: make(map[*wire]struct{}),
	}
	var err error
	if s.wire, err = s.Dial(t.Context(), "tcp", "broker:9092"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cut()
		far.Close()
		<-s.wire.(*wire).ended
	})
	return s
}

// request writes one with a key over the wire.
func (s *strung) request(t *testing.T, key byte) {
	t.Helper()
	read := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(s.broker, make([]byte, 8))
		read <- err
	}()
	if _, err := s.wire.Write([]byte{0, 0, 0, 4, 0, key, 0, 9}); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil {
		t.Fatal(err)
	}
}

// TestIdleLoss ends a connection that nobody reads from: the line notices, and lets nothing be sent any more.
func TestIdleLoss(t *testing.T) {
	s := hang(t, keyProduce)
	s.request(t, keyProduce)
	s.broker.Close()
	if err := <-s.lost; !errors.Is(err, errLost) || !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if _, err := s.Dial(t.Context(), "tcp", "broker:9092"); !errors.Is(err, errLost) {
		t.Errorf("a line that is over dials: %v", err)
	}
	if !s.produced.Load() || s.lossCount() != 1 {
		t.Errorf("produced %v, %d losses", s.produced.Load(), s.lossCount())
	}
}

// TestIdleLossOfLittle ends a connection that asked for metadata only: it is counted and no more.
func TestIdleLossOfLittle(t *testing.T) {
	s := hang(t, keyProduce)
	s.request(t, 3)
	s.broker.Close()
	<-s.wire.(*wire).ended
	if s.ended() != nil || s.lossCount() != 1 || s.produced.Load() {
		t.Errorf("over %v, %d losses, produced %v", s.ended(), s.lossCount(), s.produced.Load())
	}
}

// TestGivenUp lets the library give a connection up, which is no loss.
func TestGivenUp(t *testing.T) {
	for name, give := range map[string]func(net.Conn) error{
		"close":     net.Conn.Close,
		"interrupt": func(c net.Conn) error { return c.SetDeadline(time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := hang(t, keyProduce)
			s.request(t, keyProduce)
			if err := give(s.wire); err != nil {
				t.Fatal(err)
			}
			if _, err := s.wire.Read(make([]byte, 1)); err == nil {
				t.Error("it can be read from")
			}
			if s.ended() != nil || s.lossCount() != 0 {
				t.Errorf("over %v, %d losses", s.ended(), s.lossCount())
			}
		})
	}
}

// TestPatience lets an answer not come in time, which is a loss.
func TestPatience(t *testing.T) {
	s := hang(t, keyProduce)
	s.request(t, keyProduce)
	if err := s.wire.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if err := <-s.lost; !errors.Is(err, errLost) {
		t.Error(err)
	}
}

// TestWireReads passes on what comes in pieces of any size.
func TestWireReads(t *testing.T) {
	s := hang(t)
	const n = 3*wireBuffer + 17
	go func() {
		content := make([]byte, n)
		for i := range content {
			content[i] = byte(i * 7)
		}
		for len(content) > 0 {
			k := min(len(content), 1+len(content)/3)
			s.broker.Write(content[:k])
			content = content[k:]
		}
		s.broker.Close()
	}()
	got, err := io.ReadAll(s.wire)
	if err != nil || len(got) != n {
		t.Fatalf("%d bytes of %d, %v", len(got), n, err)
	}
	for i, b := range got {
		if b != byte(i*7) {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
}

// TestWireReadsAnswers passes on answers of any size in pieces of any size, and notices the end of a connection between them.
func TestWireReadsAnswers(t *testing.T) {
	s := hang(t, keyProduce)
	s.request(t, keyProduce)
	var content []byte
	for _, size := range []int{0, 1, 10, wireBuffer - 4, wireBuffer, 3*wireBuffer + 17, 5} {
		content = binary.BigEndian.AppendUint32(content, uint32(size))
		for i := range size {
			content = append(content, byte(i*7+size))
		}
	}
	go func() {
		for rest, k := content, 1; len(rest) > 0; k = k*3%1001 + 1 {
			n := min(len(rest), k*100)
			s.broker.Write(rest[:n])
			rest = rest[n:]
		}
		s.broker.Close()
	}()
	got := make([]byte, len(content))
	if _, err := io.ReadFull(s.wire, got); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("it is not what was sent: %v", err)
	}
	if err := <-s.lost; !errors.Is(err, errLost) || !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestLossWithinAnAnswer ends a connection in the middle of one, which the library reads.
func TestLossWithinAnAnswer(t *testing.T) {
	s := hang(t, keyProduce)
	s.request(t, keyProduce)
	go func() {
		s.broker.Write([]byte{0, 0, 0, 9, 1, 2})
		s.broker.Close()
	}()
	if _, err := io.ReadFull(s.wire, make([]byte, 13)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if err := <-s.lost; !errors.Is(err, errLost) || s.lossCount() != 1 {
		t.Errorf("%v, %d losses", err, s.lossCount())
	}
}

func TestFrame(t *testing.T) {
	var f frame
	for i, within := range []bool{true, true, true, true, true, false, true, true, true, false, true} {
		if f.pass([]byte{0, 0, 0, 2, 9, 9, 0, 0, 0, 0, 0}[i : i+1]); f.within() != within {
			t.Errorf("after byte %d: %v", i, f.within())
		}
	}
}
