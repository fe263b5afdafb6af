package shards

import (
	"errors"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"ordeal/drivers"
)

func TestPick(t *testing.T) {
	for _, c := range []struct {
		name   string
		shard  int32
		key    string
		shards int
		want   int32
		err    error
	}{
		{"the one named", 2, "", 3, 2, nil},
		{"the one named, whatever the key", 0, "b", 3, 0, nil},
		{"the key's", drivers.AnyShard, "b", 3, drivers.ShardOf([]byte("b"), 3), nil},
		{"the only one", drivers.AnyShard, "b", 1, 0, nil},
		{"the only one in turn", drivers.AnyShard, "", 1, 0, nil},
		{"the second by turn", drivers.AnyShard, "", 3, 1, nil},
		{"past the last", 3, "", 3, 0, ErrNone},
		{"below the first", -2, "", 3, 0, ErrNone},
		{"far below, with a key", -1 << 31, "b", 3, 0, ErrNone},
	} {
		var p Picker
		got, err := p.Pick(&drivers.Message{Shard: c.shard, Key: []byte(c.key)}, c.shards)
		if got != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %d, %v; want %d, %v", c.name, got, err, c.want, c.err)
		}
	}
}

// TestPickInTurn mixes messages of all kinds: those that leave everything open take one shard after the other, whatever the others do, and
// a key keeps its shard.
func TestPickInTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Picker{turn: rapid.Uint32().Draw(t, "turn")}
		shards := rapid.IntRange(1, 9).Draw(t, "shards")
		last, keyed := int32(-1), map[string]int32{}
		for range rapid.IntRange(0, 50).Draw(t, "messages") {
			before := p.turn
			m := drivers.Message{Shard: drivers.AnyShard}
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				m.Shard = rapid.Int32Range(-3, 9).Draw(t, "shard")
			case 1:
				m.Key = []byte(strconv.Itoa(rapid.IntRange(0, 5).Draw(t, "key")))
			}
			got, err := p.Pick(&m, shards)
			switch {
			case m.Shard != drivers.AnyShard:
				if there := m.Shard >= 0 && int(m.Shard) < shards; there != (err == nil) || there && got != m.Shard {
					t.Fatalf("shard %d of %d: %d, %v", m.Shard, shards, got, err)
				}
				continue
			case err != nil || got < 0 || int(got) >= shards:
				t.Fatalf("key %q with %d shards: %d, %v", m.Key, shards, got, err)
			case len(m.Key) > 0:
				if was, known := keyed[string(m.Key)]; known && was != got || p.turn != before {
					t.Fatalf("key %q: %d, before %d; its turn: %v", m.Key, got, was, p.turn != before)
				}
				keyed[string(m.Key)] = got
			default:
				if around := p.turn == 0; last >= 0 && !around && got != (last+1)%int32(shards) {
					t.Fatalf("after shard %d of %d comes %d", last, shards, got)
				}
				last = got
			}
		}
	})
}
