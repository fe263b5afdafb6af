package rabbitmq

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// TestWhoReads changes between a consumer that receives, one that is interrupted, one that works, and one that shares its line: deliveries
// and the library's frames reach whom they are for, whoever reads them.
func TestWhoReads(t *testing.T) {
	ours, broker := net.Pipe()
	l := newLine(ours)
	l.opened = 3
	c := &consumer{session: &session{line: l}, inbox: newInbox(), auto: true, reads: ending.Fuse{Cut: l.interrupt}}
	if l.route(c) != 3 {
		t.Fatal("the channel is another")
	}
	library := make(chan []byte)
	ended := make(chan error, 1)
	go func() {
		for buffer := make([]byte, 1000); ; {
			n, err := l.Read(buffer)
			if err != nil {
				ended <- err
				return
			}
			library <- bytes.Clone(buffer[:n])
		}
	}()
	tag := uint64(0)
	deliver := func() []byte {
		tag++
		return deliverFrames(3, tag, "t.0", content{piece: 1000}, &drivers.Message{Body: []byte{byte(tag)}})
	}
	other := appendAck(nil, 0, 20<<16|11, 0, 0) // a method that no receiver knows
	say := func(frames ...[]byte) {
		if _, err := broker.Write(bytes.Join(frames, nil)); err != nil {
			t.Error(err)
		}
	}
	ds := make([]drivers.Delivery, 10)
	receive := func(want uint64) {
		t.Helper()
		n, err := c.Receive(t.Context(), ds)
		if n != 1 || err != nil || ds[0].Tag != want || ds[0].Body[0] != byte(want) {
			t.Fatalf("%d, %v: %+v, want delivery %d", n, err, ds[0], want)
		}
	}
	hears := func() {
		t.Helper()
		select {
		case got := <-library:
			if !bytes.Equal(got, other) {
				t.Fatalf("the library got %x, want %x", got, other)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the library got nothing")
		}
	}

	for round := range 20 {
		go say(deliver(), other) // while a consumer receives
		receive(tag)
		hears()
		soon, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if n, err := c.Receive(soon, ds); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("round %d: %d, %v after the context ended", round, n, err)
		}
		cancel()
		go say(other) // while it works
		l.summon()
		hears()
	}
	l.routes.Lock()
	l.routed[4] = &mailbox{receiver: &consumer{inbox: newInbox(), auto: true}}
	l.share()
	l.routes.Unlock()
	go say(other, deliver()) // on a line that it shares
	hears()
	receive(tag)

	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("the library hears of the end as %v", err)
	}
	c.fail(errLost)
	if n, err := c.Receive(t.Context(), ds); n != 0 || !errors.Is(err, errLost) {
		t.Errorf("after the end: %d, %v", n, err)
	}
	l.cut()
}

// What a consumer lays aside while the library waits for its turn must not lie there until something else comes.
func TestLaidAsideBeforeTheTurn(t *testing.T) {
	ours, broker := net.Pipe()
	defer broker.Close()
	l := newLine(ours)
	defer l.cut()
	l.turn <- struct{}{} // a consumer reads
	got := make(chan []byte, 1)
	go func() {
		buffer := make([]byte, 10)
		n, _ := l.Read(buffer)
		got <- buffer[:n]
	}()
	time.Sleep(50 * time.Millisecond) // by then the library waits
	l.hand([]byte("answer"), nil)
	<-l.turn
	select {
	case text := <-got:
		if string(text) != "answer" {
			t.Errorf("the library got %q", text)
		}
	case <-time.After(10 * time.Second):
		t.Error("the library got nothing")
	}
}
