package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
)

// fetched is what a member hands out of a server's words, in batches of most, and what ends it.
func fetched(words string, size, most int) (out []string, err error) {
	w := &wire{conn: &pieces{rest: []byte(words), size: size}}
	m := &member{mode: ackAfter, limit: 100, route: newRoute(drivers.Topic{Name: "t", Shards: 2}), intake: newIntake(w)}
	m.shards, m.plain, m.fetches, m.asked, m.open = m.route.shards(), 1, 2, [2]int{50, 50}, 100
	dst := make([]drivers.Delivery, most)
	for {
		n, err := m.collect(dst)
		for _, d := range dst[:n] {
			out = append(out, fmt.Sprintf("%d %s %q %q", d.Shard, d.Position, d.Key, d.Body))
		}
		switch {
		case err != nil:
			return out, err
		case n > 0:
			continue
		case m.fetches == 0:
			if m.room() != 100-len(out) {
				return out, fmt.Errorf("there is room for %d with %d held", m.room(), len(out))
			}
			return out, nil
		}
		if err := w.fill(); err != nil {
			return out, err
		}
	}
}

func TestFetched(t *testing.T) {
	words := ":3\r\n%2\r\n$3\r\nt:1\r\n*2\r\n*2\r\n$3\r\n5-0\r\n*4\r\n$1\r\nb\r\n$2\r\nb1\r\n$1\r\nk\r\n$1\r\nx\r\n*2\r\n$3\r\n5-1\r\n_\r\n$3\r\nt:0\r\n*2\r\n" +
		"*2\r\n$3\r\n6-0\r\n*6\r\n$3\r\nh.a\r\n$1\r\nv\r\n$1\r\nb\r\n$0\r\n\r\n$5\r\nother\r\n$1\r\n1\r\n*2\r\n$3\r\n6-1\r\n*2\r\n$1\r\nb\r\n$2\r\nb3\r\n_\r\n"
	want := []string{`1 5-0 "x" "b1"`, `0 6-0 "" ""`, `0 6-1 "" "b3"`}
	for _, size := range []int{1, 3, 1000} {
		for _, most := range []int{1, 2, 100} {
			if got, err := fetched(words, size, most); err != nil || !slices.Equal(got, want) {
				t.Errorf("in pieces of %d, %d at once: %q, %v; want %q", size, most, got, err, want)
			}
		}
	}
}

// TestFetchedRefused: what no server may answer is an error, and so is what a server refuses.
func TestFetchedRefused(t *testing.T) {
	const entry = "*2\r\n$3\r\n5-0\r\n"
	for words, want := range map[string]error{
		"-NOGROUP no\r\n":                                                refusal("NOGROUP no"),
		":1\r\n-NOGROUP no\r\n":                                          refusal("NOGROUP no"),
		":1\r\n+OK\r\n":                                                  errReply,
		":1\r\n*1\r\n*2\r\n$3\r\nt:0\r\n*0\r\n":                          errReply,
		":1\r\n%1\r\n$3\r\nt:9\r\n*0\r\n":                                errReply,
		":1\r\n%1\r\n$3\r\nt:0\r\n:1\r\n":                                errReply,
		":1\r\n%1\r\n$3\r\nt:0\r\n*1\r\n:1\r\n":                          errReply,
		":1\r\n%1\r\n$3\r\nt:0\r\n*1\r\n*2\r\n$3\r\nx-0\r\n*0\r\n":       errReply,
		":1\r\n%1\r\n$3\r\nt:0\r\n*1\r\n" + entry + ":1\r\n":             errReply,
		":1\r\n%1\r\n$3\r\nt:0\r\n*1\r\n" + entry + "*1\r\n+a\r\n":       errReply,
		":1\r\n%1\r\n$3\r\nt:0\r\n*1\r\n" + entry + "*2\r\n+b\r\n:1\r\n": errReply,
		":1\r\n_\r\n_": io.EOF,
	} {
		if got, err := fetched(words, 1000, 10); !errors.Is(err, want) || len(got) > 0 {
			t.Errorf("%q came to %q and %v, want %v", words, got, err, want)
		}
	}
}

// TestBatchComesWhole: what a producer sends at once comes to a waiting member by one Receive.
func TestBatchComesWhole(t *testing.T) {
	k := startNode(t)
	s := connect(t, drivers.Config{Servers: []string{k.address}})
	topic := topicOf(t, s, 1)
	c, p := consume(t, s, topic, 0), produce(t, s, topic, drivers.Accepted)
	batch, ds, whole := make([]drivers.Message, 10), make([]drivers.Delivery, 20), 0
	for round := range 20 {
		for i := range batch {
			batch[i] = drivers.Message{Token: uint64(len(batch)*round + i), Body: []byte(strings.Repeat("x", 100))}
		}
		time.AfterFunc(5*time.Millisecond, func() {
			if err := p.Send(t.Context(), batch); err != nil {
				t.Error(err)
			}
		})
		got := 0
		for got < len(batch) {
			n, err := c.Receive(t.Context(), ds)
			if err == nil {
				err = c.Ack(t.Context(), ds[:n])
			}
			if err != nil {
				t.Fatal(err)
			}
			if got += n; n == len(batch) {
				whole++
			}
		}
	}
	if whole < 15 { // a batch that comes when the fetch has just expired is cut
		t.Errorf("%d of 20 batches came whole", whole)
	}
	owed(t, s, topic, 0)
}

// TestFewerPlacesThanStreams: a member with room for fewer messages than there are streams looks at all of them in turn, whichever have
// messages, and waits for none of them before that.
func TestFewerPlacesThanStreams(t *testing.T) {
	k := startNode(t)
	s := connect(t, drivers.Config{Servers: []string{k.address}})
	for _, row := range []struct{ shards, prefetch int }{{2, 1}, {5, 1}, {5, 3}, {5, 9}} {
		t.Run(fmt.Sprintf("%d shards, prefetch %d", row.shards, row.prefetch), func(t *testing.T) {
			topic := drivers.Topic{
				Name: fmt.Sprintf("few-%d-%d", row.shards, row.prefetch), Shards: row.shards, Replicas: 1,
				Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: row.prefetch}},
			}
			if err := s.Declare(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			c, p := consume(t, s, topic, 0), produce(t, s, topic, drivers.Accepted)
			within, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			ds := make([]drivers.Delivery, row.prefetch)
			for i := range 200 { // each alone: with one wait in vain for each it would take longer
				batch := []drivers.Message{{Token: uint64(i), Shard: int32(row.shards - 1), Body: []byte("x")}}
				if err := errors.Join(p.Send(within, batch), p.Flush(within)); err != nil {
					t.Fatal(err)
				}
				n, err := c.Receive(within, ds)
				if err == nil {
					err = c.Ack(within, ds[:n])
				}
				if err != nil {
					t.Fatalf("with %d of 200: %v", i, err)
				}
			}
		})
	}
}

// TestPatience: how long fetches wait for, as one after the other brings nothing or something.
func TestPatience(t *testing.T) {
	const long, short, longer = "20", "5", "10"
	for _, row := range []struct {
		name  string
		room  int    // for each fetch
		heard string // what each brings: . nothing, x something
		want  []string
	}{
		{"room for all", 3, "..x.", []string{long, long, long, long}},
		{"room for one", 1, "....", []string{"", "", "", short}},
		{
			"longer each time", 1, "................",
			[]string{"", "", "", short, "", "", longer, "", "", long, "", "", long, "", "", long},
		},
		{"something comes", 1, "..x....", []string{"", "", "", "", "", "", short}},
		{"it was idle before", 1, ".......x....", []string{"", "", "", short, "", "", longer, "", "", "", "", short}},
		{"room for two", 2, "....", []string{"", "", short, ""}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := &member{block: long, care: care{every: 20 * time.Millisecond}, route: newRoute(drivers.Topic{Name: "t", Shards: 3})}
			for i, what := range row.heard {
				if have := m.patience(row.room); have != row.want[i] {
					t.Fatalf("fetch %d waits for %q, want %q", i, have, row.want[i])
				}
				m.asked, m.fetches = [2]int{row.room}, 1
				reply := "_\r\n"
				if what == 'x' {
					reply = "%1\r\n$3\r\nt:0\r\n*0\r\n"
				}
				if err := m.turnPage([]byte(reply)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestShare: the first fetch can wait for all streams where there is a place for each, and gets no less than half of the room.
func TestShare(t *testing.T) {
	for shards := range 9 {
		m := &member{route: newRoute(drivers.Topic{Name: "t", Shards: shards + 1})}
		for room := 1; room < 40; room++ {
			first := m.share(room)
			if first > room || 2*first < room || room >= len(m.route.keys) && first < len(m.route.keys) {
				t.Errorf("of room for %d with %d streams the first fetch gets %d", room, shards+1, first)
			}
		}
	}
}

// TestIdleIsQuiet: a member of a topic on which nothing happens asks seldom, however few places it has.
func TestIdleIsQuiet(t *testing.T) {
	for _, kind := range []string{"stream", "list"} {
		for _, row := range []struct{ shards, prefetch int }{{8, 1}, {8, 3}, {8, 8}, {8, 14}} {
			t.Run(fmt.Sprintf("%s, %d shards, prefetch %d", kind, row.shards, row.prefetch), func(t *testing.T) {
				t.Parallel()
				k := startNode(t, "--hz", "500") // one that notices soon when a wait is over, as a busy one does
				s := connect(t, drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optQueue: kind}})
				topic := drivers.Topic{
					Name: "idle", Model: drivers.Queue, Shards: row.shards, Replicas: 1,
					Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: row.prefetch}},
				}
				if err := s.Declare(t.Context(), topic); err != nil {
					t.Fatal(err)
				}
				const long = time.Second
				quiet(t, consume(t, s, topic, 0), long)
				asked := 0
				for _, command := range []string{"xreadgroup", "blmove", "lmove"} {
					n, _ := k.commandCalls(command)
					asked += n
				}
				// All shards may be asked each time the longest wait is over, and some more often at first.
				if most := 2 * row.shards * int(long/lookMost+8); asked > most {
					t.Errorf("%d commands in %v, want at most %d", asked, long, most)
				}
			})
		}
	}
}

// TestReceiveFromSilence: a server that answers no more is given up, and an idle one is not.
func TestReceiveFromSilence(t *testing.T) {
	k := startNode(t)
	s := connect(t, drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optAnswerTimeout: "500ms"}})
	c := consume(t, s, topicOf(t, s, 1), 0)
	quiet(t, c, 2*time.Second)
	k.pause()
	began := time.Now()
	_, err := c.Receive(t.Context(), make([]drivers.Delivery, 1))
	if took := time.Since(began); !errors.Is(err, errNoAnswer) || took > 5*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	k.resume()
}
