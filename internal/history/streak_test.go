package history

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ordeal/internal/message"
)

// streaky is a record in which most events follow the one before directly, and the others differ from that in one thing.
func streaky(t *rapid.T, events int) *record {
	r := newRecord()
	top := func(n uint64) uint64 { // near the highest numbers there are, now and then
		if rapid.IntRange(0, 9).Draw(t, "top") == 0 {
			return math.MaxUint64 - n
		}
		return n
	}
	position := message.Position{Major: 3, Minor: top(5), Known: rapid.Bool().Draw(t, "known")}
	if !position.Known {
		position = message.Position{}
	}
	a := Attempt{ID: message.ID{Producer: 1, Lane: 2, Seq: top(7)}, Index: top(9), Shard: 1, Intended: 5000, Sent: 6000}
	x := Receipt{ID: a.ID, Outcome: message.Acked, Position: position, At: 7000}
	d := Delivery{ID: a.ID, Index: a.Index, Shard: 1, Position: position, Session: 1, At: 8000}
	stride := rapid.SampledFrom([]uint64{0, 1, 1, 2, 4, math.MaxUint32, 1 << 32}).Draw(t, "stride")
	for range events {
		r.attempts[1] = append(r.attempts[1], a)
		r.receipts[1] = append(r.receipts[1], x)
		r.deliveries[0] = append(r.deliveries[0], d)
		a.Seq, a.Index, x.Seq, d.Seq, d.Index = a.Seq+1, a.Index+1, x.Seq+1, d.Seq+1, d.Index+stride
		if position.Known {
			x.Position.Minor++
			d.Position.Minor++
		}
		change := func(of ...func()) {
			if i := rapid.IntRange(-4*len(of), len(of)-1).Draw(t, "change"); i >= 0 {
				of[i]()
			}
		}
		change(func() { a.Seq++ }, func() { a.Lane ^= 1 }, func() { a.Index++ }, func() { a.Shard ^= 1 }, func() { a.Incarnation++ },
			func() { a.Intended += 2000 }, func() { a.Sent += 3000 })
		change(func() { x.Seq-- }, func() { x.Lane ^= 1 }, func() { x.Outcome = (x.Outcome + 1) % 3 }, func() { x.Position.Minor++ },
			func() { x.Position.Major++ }, func() { x.Position = message.Position{} }, func() { x.Position.Known = true },
			func() { x.At += 2000 })
		change(func() { d.Seq += 3 }, func() { d.Lane ^= 1 }, func() { d.Producer ^= 3 }, func() { d.Index-- }, func() { d.Shard ^= 1 },
			func() { d.Position.Minor += 2 }, func() { d.Position.Major++ }, func() { d.Position = message.Position{} },
			func() { d.Position.Known = true }, func() { d.Status = (d.Status + 1) % 3 }, func() { d.Redelivered = !d.Redelivered },
			func() { d.Incarnation++ }, func() { d.Member ^= 1 }, func() { d.Session++ }, func() { d.At += 2000 })
		for _, p := range []*message.Position{&x.Position, &d.Position} {
			if !p.Known {
				*p = message.Position{} // as drivers say it, and a file keeps it
			}
		}
	}
	return r
}

// inStreaks is the record with what follows directly taken together.
func (r *record) inStreaks() *record {
	out := newRecord()
	for id, s := range r.attempts {
		out.attempts[id] = together(s, (*Attempt).Extend)
	}
	for id, s := range r.receipts {
		out.receipts[id] = together(s, (*Receipt).Extend)
	}
	for id, s := range r.deliveries {
		out.deliveries[id] = together(s, (*Delivery).Extend)
	}
	return out
}

func together[E any](s []E, extend func(*E, *E) bool) (out []E) {
	for i := range s {
		if len(out) == 0 || !extend(&out[len(out)-1], &s[i]) {
			out = append(out, s[i])
		}
	}
	return out
}

// apart undoes together.
func apart[E any](s []E, following func(*E) uint32, nth func(*E, uint32) E) (out []E) {
	for i := range s {
		for n := range following(&s[i]) + 1 {
			out = append(out, nth(&s[i], n))
		}
	}
	return out
}

func fileOf(t interface {
	Helper()
	Fatal(...any)
}, r *record,
) []byte {
	t.Helper()
	disk := &fullDisk{room: 64 << 20}
	w, err := newWriter(disk, Header{Run: "r"})
	if err != nil {
		t.Fatal(err)
	}
	write(w, r)
	if _, err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	return disk.Bytes()
}

// TestStreaks demands that streaks stand for exactly the events they are made of, and leave exactly the file that those would.
func TestStreaks(t *testing.T) {
	longest := uint32(0)
	rapid.Check(t, func(t *rapid.T) {
		want := streaky(t, rapid.IntRange(0, 200).Draw(t, "events"))
		streaks := want.inStreaks()
		as := apart(streaks.attempts[1], func(a *Attempt) uint32 { return a.Following }, (*Attempt).Nth)
		xs := apart(streaks.receipts[1], func(x *Receipt) uint32 { return x.Following }, (*Receipt).Nth)
		ds := apart(streaks.deliveries[0], func(d *Delivery) uint32 { return d.Following }, (*Delivery).Nth)
		if !slices.Equal(as, want.attempts[1]) || !slices.Equal(xs, want.receipts[1]) || !slices.Equal(ds, want.deliveries[0]) {
			t.Fatalf("taken apart they are\n%+v\n%+v\n%+v\nwant\n%+v\n%+v\n%+v", as, xs, ds, want.attempts[1], want.receipts[1], want.deliveries[0])
		}
		for _, d := range streaks.deliveries[0] {
			longest = max(longest, d.Following)
		}
		alone := fileOf(t, want)
		if !bytes.Equal(fileOf(t, streaks), alone) {
			t.Fatalf("the file of %+v is another", streaks)
		}
		if got, cut := load(t, alone); cut.Why != "" || !equal(got, want.asKept()) {
			t.Fatalf("got %+v, %v", got, cut)
		}
	})
	if longest < 3 {
		t.Errorf("no streak had more than %d events", longest+1)
	}
}

// TestStreakOfManyBlocks fills blocks with one streak, and cuts them where events one by one would.
func TestStreakOfManyBlocks(t *testing.T) {
	const messages = 3*fullBlock + 77
	want := newRecord()
	for n := range uint64(messages) {
		id, p := message.ID{Producer: 1, Seq: n}, message.Position{Minor: n, Known: true}
		want.attempts[1] = append(want.attempts[1], Attempt{ID: id, Index: n})
		want.receipts[1] = append(want.receipts[1], Receipt{ID: id, Position: p, Outcome: message.Acked})
		want.deliveries[0] = append(want.deliveries[0], Delivery{ID: id, Index: n, Position: p})
	}
	streaks := want.inStreaks()
	if n := len(streaks.attempts[1]) + len(streaks.receipts[1]) + len(streaks.deliveries[0]); n != 3 {
		t.Fatalf("%d streaks, want one of each kind", n)
	}
	if !bytes.Equal(fileOf(t, streaks), fileOf(t, want)) {
		t.Error("the file of streaks is another")
	}
}
