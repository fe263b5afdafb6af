package rabbitmq

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ordeal/drivers"
)

// A place never passes an offset that was not acknowledged, and counts what is left exactly.
func TestPlaceKeepsWhatIsNotAcked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p place
		acked := map[uint64]bool{}
		const end = 60
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			from := rapid.Uint64Range(0, end-1).Draw(t, "offset")
			to := from + 1
			if rapid.IntRange(0, 5).Draw(t, "kind") == 0 {
				to = rapid.Uint64Range(from, end).Draw(t, "to")
				p.skip(from, to)
			} else {
				p.ack(from)
			}
			for ; from < to; from++ {
				acked[from] = true
			}
			for offset := range uint64(end) {
				if p.acked(offset) != acked[offset] {
					t.Fatalf("offset %d is acked: %v, want %v", offset, p.acked(offset), acked[offset])
				}
			}
			if n := p.left(end); n != int64(end-len(acked)) {
				t.Fatalf("%d left, want %d", n, end-len(acked))
			}
			if _, kept := p.done[p.next]; kept {
				t.Fatalf("the place is at %d, which is acknowledged", p.next)
			}
		}
	})
}

// joined is a member without a broker.
func joined(g *group, number int) *member {
	m := &member{spec: drivers.ConsumerSpec{Member: number}, group: g, kicked: make(chan struct{}, 1), readings: map[uint64]*reading{}}
	g.join(m)
	return m
}

func (m *member) begin() []*reading {
	begin, _ := m.group.wanted(m, nil, func() uint64 { m.tags++; return m.tags })
	return begin
}

// Every shard has one owner however members come and go, and the members are told.
func TestGroupDividesShards(t *testing.T) {
	g := &group{places: make([]place, 5)}
	first, third := joined(g, 0), joined(g, 2)
	var told [][]int32
	first.OnRebalance(func(shards []int32) { told = append(told, shards) })
	second := joined(g, 1)
	check := func(m *member, want ...int32) {
		t.Helper()
		g.mu.Lock()
		defer g.mu.Unlock()
		if got := g.shares(m); !slices.Equal(got, want) {
			t.Errorf("member %d has %v, want %v", m.spec.Member, got, want)
		}
	}
	check(first, 0, 3)
	check(second, 1, 4)
	check(third, 2)
	g.leave(second)
	g.leave(second)
	check(first, 0, 2, 4)
	check(second)
	check(third, 1, 3)
	g.leave(third)
	g.leave(first)
	check(first)
	want := [][]int32{{0, 2, 4}, {0, 3}, {0, 2, 4}, {0, 1, 2, 3, 4}, nil}
	if !slices.EqualFunc(told, want, slices.Equal) {
		t.Errorf("the first was told %v, want %v", told, want)
	}
}

// What a member received and did not acknowledge comes to its heir again, marked; what came late to the member is dropped.
func TestGroupHandsOver(t *testing.T) {
	g := &group{places: make([]place, 1)}
	old := joined(g, 0)
	deliveries := func(r *reading, offsets ...uint64) (ds []drivers.Delivery) {
		for _, offset := range offsets {
			ds = append(ds, drivers.Delivery{Shard: r.shard, Position: drivers.At(offset), Ref: r})
		}
		return ds
	}
	receive := func(ds []drivers.Delivery, want ...uint64) []drivers.Delivery {
		t.Helper()
		n, dropped := g.receive(ds, nil, false)
		var got []uint64
		for _, d := range ds[:n] {
			got = append(got, d.Position.Minor)
		}
		if !slices.Equal(got, want) || n+len(dropped) != len(ds) {
			t.Errorf("received %v and %d were dropped, want %v", got, len(dropped), want)
		}
		return ds[:n]
	}
	r := old.begin()[0]
	got := receive(deliveries(r, 0, 1, 2, 3, 4), 0, 1, 2, 3, 4)
	g.ack(got[:2])
	g.ack(got[3:4])
	g.leave(old)
	receive(deliveries(r, 5))
	heir := joined(g, 1)
	again := heir.begin()[0]
	if again.next != 2 {
		t.Fatalf("the heir begins at %d, want 2", again.next)
	}
	got = receive(deliveries(again, 2, 3, 4, 5), 2, 4, 5)
	if !got[0].Redelivered || !got[1].Redelivered || got[2].Redelivered {
		t.Errorf("what the first had received is not marked, or what it had not is: %+v", got)
	}
	receive(deliveries(again, 4, 5))
	if n := g.left([]drivers.Position{drivers.At(9)}); n != 7 { // 2 and 4 to 9
		t.Errorf("%d are left, want 7", n)
	}
	receive(deliveries(again, 9), 9) // retention took 6 to 8
	g.ack(deliveries(again, 2, 4, 5, 9))
	if n := g.left([]drivers.Position{drivers.At(9)}); n != 0 || g.places[0].next != 10 {
		t.Errorf("%d are left after the gap, at %d", n, g.places[0].next)
	}
}
