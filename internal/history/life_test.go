package history

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ordeal/internal/message"
)

// story is a history of one message that was redelivered and one that was lost.
func story(t *testing.T) *Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history.bin")
	w, err := Create(path, Header{})
	if err != nil {
		t.Fatal(err)
	}
	kept, lost := message.ID{Producer: 1, Seq: 0}, message.ID{Producer: 1, Seq: 1}
	at := func(n uint64) message.Position { return message.Position{Minor: n, Known: true} }
	p, g := w.Producer(1), w.Group(0)
	p.Attempt(&Attempt{ID: kept, Intended: 1000, Sent: 2000})
	p.Attempt(&Attempt{ID: lost, Index: 1, Intended: 3000, Sent: 4000})
	p.Receipt(&Receipt{ID: kept, Outcome: message.Acked, Position: at(1), At: 5000})
	p.Receipt(&Receipt{ID: lost, Outcome: message.Acked, Position: at(2), At: 6000})
	g.Deliveries([]Delivery{
		{ID: kept, Position: at(1), At: 5000, Member: 1},
		{ID: kept, Position: at(1), At: 9000, Member: 0, Session: 1, Redelivered: true},
		{ID: message.ID{Producer: 2}, Position: at(2), At: 9000, Status: message.Corrupt},
		{ID: message.ID{Producer: 1, Seq: 7}, Index: 7, Position: at(2), At: 9000},
	})
	if _, err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestLives(t *testing.T) {
	kept, lost, none := message.ID{Producer: 1}, message.ID{Producer: 1, Seq: 1}, message.ID{Producer: 9}
	lives, err := story(t).Lives([]message.ID{kept, lost, none})
	if err != nil {
		t.Fatal(err)
	}
	at := func(n uint64) message.Position { return message.Position{Minor: n, Known: true} }
	want := map[message.ID][]Event{
		kept: {
			{Kind: Attempted, Intended: 1000, At: 2000},
			{Kind: Settled, At: 5000, Outcome: message.Acked, Position: at(1), Shard: -1},
			{Kind: Delivered, At: 5000, Position: at(1), Member: 1},
			{Kind: Delivered, At: 9000, Position: at(1), Session: 1, Redelivered: true},
		},
		lost: {
			{Kind: Attempted, Intended: 3000, At: 4000},
			{Kind: Settled, At: 6000, Outcome: message.Acked, Position: at(2), Shard: -1},
		},
	}
	if len(lives) != len(want) {
		t.Errorf("%d lives, want %d", len(lives), len(want))
	}
	for id, life := range want {
		if !slices.Equal(lives[id], life) {
			t.Errorf("life of %v:\n%+v\nwant\n%+v", id, lives[id], life)
		}
	}
}

func TestHolders(t *testing.T) {
	first := Place{Position: message.Position{Minor: 1, Known: true}}
	second := Place{Position: message.Position{Minor: 2, Known: true}}
	empty := Place{Group: 3, Position: message.Position{Minor: 1, Known: true}}
	got, err := story(t).Holders([]Place{first, second, empty})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[first] != (message.ID{Producer: 1}) || got[second] != (message.ID{Producer: 1, Seq: 7}) {
		t.Errorf("holders %v", got)
	}
}

func TestDump(t *testing.T) {
	var out strings.Builder
	if err := story(t).Dump(&out); err != nil {
		t.Fatal(err)
	}
	want := `attempt  1/0/0 index 0 shard 0 incarnation 0 intended 1 sent 2
attempt  1/0/1 index 1 shard 0 incarnation 0 intended 3 sent 4
receipt  1/0/0 acked at 5 position 0-1
receipt  1/0/1 acked at 6 position 0-2
delivery 1/0/0 group 0 member 1.0 index 0 incarnation 0 shard 0 position 0-1 at 5
delivery 1/0/0 group 0 member 0.1 index 0 incarnation 0 shard 0 position 0-1 at 9 redelivered
delivery 2/0/0 group 0 member 0.0 index 0 incarnation 0 shard 0 position 0-2 at 9 corrupt
delivery 1/0/7 group 0 member 0.0 index 7 incarnation 0 shard 0 position 0-2 at 9
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
