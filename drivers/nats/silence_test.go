package nats

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// What a void lets through of what is written.
const (
	everything = iota
	pingsOnly
	nothingAtAll
)

// void is a connection whose other side may vanish as a machine does: nothing arrives on either side, and nothing ends.
type void struct {
	net.Conn
	passes *atomic.Int32
}

func (v void) Write(b []byte) (int, error) {
	if passes := v.passes.Load(); passes == everything || passes == pingsOnly && string(b) == "PING\r\n" {
		return v.Conn.Write(b)
	}
	return len(b), nil
}

func (v void) Read(b []byte) (int, error) {
	for {
		n, err := v.Conn.Read(b)
		if err != nil || v.passes.Load() != nothingAtAll {
			return n, err
		}
	}
}

// TestVanishedServer: who sends or waits notices a server that is gone without a word, and bears one that is there and has no answer.
func TestVanishedServer(t *testing.T) {
	if testing.Short() {
		t.Skip("a silence takes seconds; make unit runs it")
	}
	nodes := startNodes(t, 1, "")
	for i, c := range []struct {
		name   string
		passes int32
		ends   bool
		// owe makes the server owe something, and returns what tells whether the part has ended.
		owe func(t *testing.T, s *session, topic drivers.Topic) func() error
	}{
		{"producer, gone", nothingAtAll, true, oweAck(drivers.Accepted)},
		{"caster, gone", nothingAtAll, true, oweAck(drivers.Sent)},
		{"consumer, gone", nothingAtAll, true, oweMessages},
		{"listener, gone", nothingAtAll, true, oweBroadcast},
		{"producer, no answer", pingsOnly, false, oweAck(drivers.Accepted)},
		{"consumer, no answer", pingsOnly, false, oweMessages},
		{"listener, nobody sends", pingsOnly, false, oweBroadcast},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var passes atomic.Int32
			options := drivers.Options{optPublishTimeout: "1s"}
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := drivertest.Dial(ctx, network, addr)
				return void{Conn: conn, passes: &passes}, err
			}
			opened, err := New().Open(t.Context(), drivers.Config{Servers: addresses(nodes), Options: options},
				drivers.Env{Logger: quiet(), Name: "lonely", Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { opened.Close(context.Background()) })
			s, topic := opened.(*session), another(i)
			if err := s.Declare(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			ended := c.owe(t, s, topic)
			passes.Store(c.passes)
			if c.ends {
				eventually(t, 20*time.Second, func() error {
					err := ended()
					if err == nil {
						return errors.New("it goes on")
					}
					if !errors.Is(err, errSilent) || !errors.Is(err, errLost) {
						t.Fatalf("it ended with: %v", err)
					}
					return nil
				})
				return
			}
			time.Sleep(10 * time.Second) // longer than the above takes: what is tested is that time passes
			if err := ended(); err != nil {
				t.Errorf("it ended with: %v", err)
			}
		})
	}
}

// oweAck sends a message every second. The first is stored, and those that no answer comes to are given up one by one.
func oweAck(guarantee drivers.Guarantee) func(t *testing.T, s *session, topic drivers.Topic) func() error {
	return func(t *testing.T, s *session, topic drivers.Topic) func() error {
		d := newSenderFor(t, s, topic, guarantee)
		if r := d.put(drivers.Message{Body: []byte("before")}); r.Outcome != drivers.Acked {
			t.Fatalf("before: %s, %v", r.Outcome, r.Err)
		}
		var last time.Time
		return func() error {
			if time.Since(last) < time.Second {
				return nil
			}
			last = time.Now()
			d.next++
			return d.Producer.Send(t.Context(), []drivers.Message{{Token: d.next, Body: []byte("x")}})
		}
	}
}

// oweMessages has a consumer wait for messages.
func oweMessages(t *testing.T, s *session, topic drivers.Topic) func() error {
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := c.Receive(ctx, make([]drivers.Delivery, 1))
		ended <- err
	}()
	t.Cleanup(func() { cancel(); c.Close(context.Background()) })
	return func() error {
		select {
		case err := <-ended:
			return err
		default:
			return nil
		}
	}
}

// oweBroadcast has a listener wait for messages.
func oweBroadcast(t *testing.T, s *session, topic drivers.Topic) func() error {
	topic.Model = drivers.Broadcast
	return oweMessages(t, s, topic)
}

// TestLook counts looks at a connection.
func TestLook(t *testing.T) {
	const most = looks + 1
	type step struct {
		times int
		owed  debt
		heard bool // before the first of them
		asks  bool // by the last of them, or before
		ends  bool // with the last of them
	}
	for name, steps := range map[string][]step{
		"nothing owed": {{times: 5 * most}},
		"silence": {
			{times: silentLooks - 1, owed: answers},
			{times: 1, owed: answers, asks: true},
			{times: most, owed: answers, asks: true},
			{times: 1, owed: answers, asks: true, ends: true},
		},
		"given up after asking": {{times: silentLooks, owed: answers, asks: true}, {times: most + 1, asks: true, ends: true}},
		"given up before":       {{times: silentLooks - 1, owed: answers}, {times: 5 * most}},
		"an answer":             {{times: silentLooks, owed: answers, asks: true}, {times: 1, heard: true}, {times: 5 * most}},
		"answers come late":     {{times: silentLooks + most, owed: answers, asks: true}, {times: most, heard: true, owed: answers, asks: true}},
		"asked before":          {{times: most, owed: pong}, {times: 1, owed: pong, ends: true}},
	} {
		ours, theirs := net.Pipe()
		w := &wire{asking: func() {}, conn: ours, line: &line{Conn: ours}}
		var asked atomic.Int32
		read := make(chan struct{})
		go func() {
			defer close(read)
			b := make([]byte, 100)
			for {
				n, err := theirs.Read(b)
				if err != nil {
					return
				}
				if string(b[:n]) == "PING\r\n" {
					asked.Add(1)
				}
			}
		}()
		for i, step := range steps {
			if step.heard {
				w.heard++
			}
			var err error
			for n := range step.times {
				if err = w.look(step.owed, most); err != nil && n < step.times-1 {
					t.Errorf("%s, step %d: it ended after %d looks", name, i, n+1)
				}
			}
			if errors.Is(err, errSilent) != step.ends || w.silence.asked != step.asks {
				t.Errorf("%s, step %d: %v, asked %v", name, i, err, w.silence.asked)
			}
		}
		ours.Close()
		theirs.Close()
		<-read
	}
}

// TestWriteThatIsNotTaken: who is stuck in a write to a server that takes nothing is let go.
func TestWriteThatIsNotTaken(t *testing.T) {
	if testing.Short() {
		t.Skip("a silence takes seconds; make unit runs it")
	}
	ours, theirs := net.Pipe() // which takes nothing that is not read
	defer theirs.Close()
	w := &wire{conn: ours, line: &line{Conn: ours}}
	w.begin()
	w.say("PING")
	if err := w.end(); !errors.Is(err, errSilent) {
		t.Errorf("it ended with: %v", err)
	}
	if _, err := ours.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the connection is left open: %v", err)
	}
}
