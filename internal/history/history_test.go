package history

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"ordeal/internal/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record is what a history holds, stream by stream.
type record struct {
	attempts   map[uint32][]Attempt
	receipts   map[uint32][]Receipt
	deliveries map[uint32][]Delivery
}

func newRecord() *record {
	return &record{attempts: map[uint32][]Attempt{}, receipts: map[uint32][]Receipt{}, deliveries: map[uint32][]Delivery{}}
}

func (r *record) Attempt(a *Attempt) { r.attempts[a.Producer] = append(r.attempts[a.Producer], *a) }
func (r *record) Receipt(x *Receipt) { r.receipts[x.Producer] = append(r.receipts[x.Producer], *x) }
func (r *record) Deliveries(group uint32, ds []Delivery) {
	r.deliveries[group] = append(r.deliveries[group], ds...)
}

func (r *record) totals() Totals {
	var t Totals
	for _, s := range r.attempts {
		t.Attempts += int64(len(s))
	}
	for _, s := range r.receipts {
		t.Receipts += int64(len(s))
	}
	for _, s := range r.deliveries {
		t.Deliveries += int64(len(s))
	}
	return t
}

// asKept is the record as a file keeps it: times in µs.
func (r *record) asKept() *record {
	floor := func(ns int64) int64 { return nanos(micros(ns)) }
	out := newRecord()
	for id, s := range r.attempts {
		for _, a := range s {
			a.Intended, a.Sent = floor(a.Intended), floor(a.Sent)
			out.attempts[id] = append(out.attempts[id], a)
		}
	}
	for id, s := range r.receipts {
		for _, x := range s {
			x.At = floor(x.At)
			out.receipts[id] = append(out.receipts[id], x)
		}
	}
	for id, s := range r.deliveries {
		for _, d := range s {
			d.At = floor(d.At)
			out.deliveries[id] = append(out.deliveries[id], d)
		}
	}
	return out
}

// beginOf tells whether each stream of r begins as the one of whole does, and holds nothing else.
func (r *record) beginOf(whole *record) bool {
	return begins(r.attempts, whole.attempts) && begins(r.receipts, whole.receipts) && begins(r.deliveries, whole.deliveries)
}

func begins[E comparable](part, whole map[uint32][]E) bool {
	for id, s := range part {
		if len(s) > len(whole[id]) || !slices.Equal(s, whole[id][:len(s)]) {
			return false
		}
	}
	return true
}

func save(t interface {
	Helper()
	Fatal(...any)
}, path string, r *record,
) {
	t.Helper()
	w, err := Create(path, Header{Run: "r", Plan: []byte(`{"run":7}`)})
	if err != nil {
		t.Fatal(err)
	}
	write(w, r)
	s, err := w.Close([]byte(`{"drained":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Totals != r.totals() {
		t.Fatal("summary", s.Totals, "want", r.totals())
	}
	if info, err := os.Stat(path); err != nil || info.Size() != s.Bytes {
		t.Fatal("the summary's size is not the file's", err)
	}
}

func write(w *Writer, r *record) {
	for id, s := range r.attempts {
		for i := range s {
			w.Producer(id).Attempt(&s[i])
		}
	}
	for id, s := range r.receipts {
		for i := range s {
			w.Producer(id).Receipt(&s[i])
		}
	}
	for id, s := range r.deliveries {
		for chunk := range slices.Chunk(s, 100) {
			w.Group(id).Deliveries(chunk)
		}
	}
}

func equal(a, b *record) bool { return a.beginOf(b) && b.beginOf(a) }

// load reads a file that must open.
func load(t interface {
	Helper()
	Fatal(...any)
}, data []byte,
) (*record, Cut) {
	t.Helper()
	r, err := newReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	got := newRecord()
	cut, err := r.Replay(got)
	if err != nil {
		t.Fatal(err)
	}
	return got, cut
}

// healthy is a run of one producer with four lanes and one group, as it should go.
func healthy(messages int) *record {
	r := newRecord()
	for i := range messages {
		n := uint64(i)
		id := message.ID{Producer: 1, Lane: uint32(i % 4), Seq: n / 4}
		at := int64(i) * 50_000
		p := message.Position{Minor: n/4 + 1, Known: true}
		shard := int32(i % 4)
		r.attempts[1] = append(r.attempts[1], Attempt{ID: id, Index: n, Shard: shard, Intended: at, Sent: at + 1700})
		r.receipts[1] = append(r.receipts[1], Receipt{ID: id, Outcome: message.Acked, Position: p, At: at + 310_500})
		r.deliveries[0] = append(r.deliveries[0], Delivery{ID: id, Index: n, Shard: shard, Position: p, At: at + 400_900})
	}
	return r
}

// anything is a record of any values whatever.
func anything(t *rapid.T) *record {
	r := newRecord()
	position := func() message.Position {
		if rapid.Bool().Draw(t, "known") {
			return message.Position{
				Major: rapid.SampledFrom([]uint64{0, 0, 1, 1 << 40, ^uint64(0)}).Draw(t, "major"),
				Minor: rapid.OneOf(rapid.Uint64Range(0, 100), rapid.Uint64()).Draw(t, "minor"), Known: true,
			}
		}
		return message.Position{}
	}
	number := rapid.OneOf(rapid.Uint64Range(0, 50), rapid.Uint64())
	small := rapid.OneOf(rapid.Uint32Range(0, 5), rapid.Uint32())
	ns := rapid.OneOf(rapid.Int64Range(-5000, 1e9), rapid.Int64())
	shard := rapid.OneOf(rapid.Int32Range(-1, 3), rapid.Int32())
	id := func(producer uint32) message.ID {
		return message.ID{Producer: producer, Lane: small.Draw(t, "lane"), Seq: number.Draw(t, "seq")}
	}
	for range rapid.IntRange(0, 60).Draw(t, "events") {
		producer := small.Draw(t, "producer")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			r.attempts[producer] = append(r.attempts[producer], Attempt{
				ID: id(producer), Index: number.Draw(t, "index"), Shard: shard.Draw(t, "shard"),
				Incarnation: rapid.Uint16().Draw(t, "incarnation"), Intended: ns.Draw(t, "intended"), Sent: ns.Draw(t, "sent"),
			})
		case 1:
			r.receipts[producer] = append(r.receipts[producer], Receipt{
				ID: id(producer), Outcome: message.Outcome(rapid.IntRange(0, 2).Draw(t, "outcome")), Position: position(),
				At: ns.Draw(t, "at"),
			})
		case 2:
			group := rapid.Uint32Range(0, 2).Draw(t, "group")
			r.deliveries[group] = append(r.deliveries[group], Delivery{
				ID: id(producer), Status: message.Status(rapid.IntRange(0, 2).Draw(t, "status")), Group: group,
				Member: small.Draw(t, "member"), Session: small.Draw(t, "session"), Index: number.Draw(t, "index"),
				Incarnation: rapid.Uint16().Draw(t, "incarnation"), Shard: shard.Draw(t, "shard"), Position: position(),
				Redelivered: rapid.Bool().Draw(t, "redelivered"), At: ns.Draw(t, "at"),
			})
		}
	}
	return r
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.bin")
	rapid.Check(t, func(t *rapid.T) {
		want := anything(t)
		save(t, path, want)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, cut := load(t, data)
		if cut.Why != "" {
			t.Fatal("cut:", cut)
		}
		if !equal(got, want.asKept()) {
			t.Fatalf("got %+v\nwant %+v", got, want.asKept())
		}
	})
}

func TestManyBlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.bin")
	want := healthy(200_000)
	save(t, path, want)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.blocks) < 10 {
		t.Fatalf("%d blocks: the test is to go over many", len(r.blocks))
	}
	got := newRecord()
	if cut, err := r.Replay(got); err != nil || cut.Why != "" {
		t.Fatal(cut, err)
	}
	if !equal(got, want.asKept()) {
		t.Fatal("what is read is not what was written")
	}
	if string(r.Header().Plan) != `{"run":7}` || string(r.Evidence()) != `{"drained":true}` || r.Header().Run != "r" {
		t.Errorf("header %+v, evidence %s", r.Header(), r.Evidence())
	}
	if r.Totals() != want.totals() {
		t.Errorf("totals %+v", r.Totals())
	}
	if perEvent := float64(r.Bytes()) / float64(r.Totals().Events()); perEvent > 8 {
		t.Errorf("%.2f bytes per event, want at most 8", perEvent)
	}
}

// TestEveryTruncation cuts a file after every byte.
func TestEveryTruncation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.bin")
	want := healthy(40)
	save(t, path, want)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept := want.asKept()
	header := len(fileMagic) + headSize + len(`{"run":"r","plan":{"run":7}}`)
	for n := range data {
		if n < header {
			if _, err := newReader(bytes.NewReader(data[:n]), int64(n)); !errors.Is(err, ErrNotHistory) {
				t.Fatalf("%d bytes: error %v", n, err)
			}
			continue
		}
		got, cut := load(t, data[:n])
		if cut.Why == "" {
			t.Fatalf("%d of %d bytes pass for a whole history", n, len(data))
		}
		if !got.beginOf(kept) {
			t.Fatalf("%d bytes: what is read was not written", n)
		}
	}
	for _, tail := range []string{"\x00", "trash that is longer than the head of a block"} {
		if _, cut := load(t, append(slices.Clone(data), tail...)); cut.Byte != int64(len(data)) {
			t.Errorf("a tail of %q: %v", tail, cut)
		}
	}
}

// TestEveryFlippedBit damages every byte of a file in one bit.
func TestEveryFlippedBit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.bin")
	want := healthy(40)
	save(t, path, want)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept := want.asKept()
	for i := range data {
		data[i] ^= 1 << (i % 8)
		r, err := newReader(bytes.NewReader(data), int64(len(data)))
		if err == nil {
			got := newRecord()
			if cut, err := r.Replay(got); err != nil || cut.Why == "" || cut.Byte > int64(i) {
				t.Fatalf("byte %d damaged: cut %q, error %v", i, cut, err)
			}
			if !got.beginOf(kept) {
				t.Fatalf("byte %d damaged: what is read was not written", i)
			}
		}
		data[i] ^= 1 << (i % 8)
	}
}

// TestMissingBlock takes out, repeats and swaps whole blocks.
func TestMissingBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.bin")
	save(t, path, healthy(100_000))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	from, to := int(r.blocks[1].at)-headSize, int(r.blocks[2].at)-headSize
	end := int(r.blocks[3].at) - headSize
	for name, damaged := range map[string][]byte{
		"missing":  slices.Concat(data[:from], data[to:]),
		"repeated": slices.Concat(data[:to], data[from:]),
		"swapped":  slices.Concat(data[:from], data[to:end], data[from:to], data[end:]),
	} {
		if _, cut := load(t, damaged); cut.Why == "" {
			t.Errorf("%s block passes for a whole history", name)
		}
	}
}

// fullDisk is a file that takes so many bytes and no more.
type fullDisk struct {
	bytes.Buffer
	room int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.room {
		n, _ := d.Buffer.Write(b[:d.room])
		d.room = 0
		return n, errors.New("no space left on device")
	}
	d.room -= len(b)
	return d.Buffer.Write(b)
}

func (d *fullDisk) Truncate(size int64) error {
	d.room += d.Len() - int(size)
	d.Buffer.Truncate(int(size))
	return nil
}
func (d *fullDisk) Seek(int64, int) (int64, error) { return 0, nil }
func (d *fullDisk) Close() error                   { return nil }

func TestDiskFull(t *testing.T) {
	want := healthy(100_000)
	for _, room := range []int{200_000, 150, 70_000} {
		disk := &fullDisk{room: room}
		w, err := newWriter(disk, Header{Run: "r"})
		if err != nil {
			t.Fatal(err)
		}
		write(w, want) // must not block
		s, err := w.Close([]byte(`{"drained":true}`))
		if err == nil || w.Err() == nil {
			t.Fatal("nobody was told that the disk is full")
		}
		if s.Totals != want.totals() {
			t.Errorf("the summary counts %+v, want all that was handed in", s.Totals)
		}
		r, err := newReader(bytes.NewReader(disk.Bytes()), int64(disk.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if r.Cut().Why == "" {
			t.Errorf("room for %d bytes: the file passes for whole", room)
		}
		if room > 1000 && string(r.Evidence()) != `{"drained":true}` {
			t.Errorf("room for %d bytes: evidence %q", room, r.Evidence())
		}
		got := newRecord()
		if _, err := r.Replay(got); err != nil || !got.beginOf(want.asKept()) {
			t.Errorf("what is read was not written; error %v", err)
		}
	}
}

// TestConcurrentStreams lets every stream be written by a goroutine of its own, as in a run.
func TestConcurrentStreams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.bin")
	w, err := Create(path, Header{})
	if err != nil {
		t.Fatal(err)
	}
	r := healthy(20_000)
	want := newRecord()
	var all sync.WaitGroup
	for id := uint32(1); id <= 3; id++ {
		var attempts []Attempt
		var receipts []Receipt
		for i := range r.attempts[1] {
			a, x := r.attempts[1][i], r.receipts[1][i]
			a.Producer, x.Producer = id, id
			attempts, receipts = append(attempts, a), append(receipts, x)
		}
		want.attempts[id], want.receipts[id] = attempts, receipts
		want.deliveries[id] = slices.Clone(r.deliveries[0])
		for i := range want.deliveries[id] {
			want.deliveries[id][i].Group = id
		}
		p, g := w.Producer(id), w.Group(id)
		all.Go(func() {
			for i := range attempts {
				p.Attempt(&attempts[i])
			}
		})
		all.Go(func() {
			for i := range receipts {
				p.Receipt(&receipts[i])
			}
		})
		all.Go(func() { g.Deliveries(want.deliveries[id]) })
	}
	all.Wait()
	if _, err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(nil); err == nil {
		t.Error("a second close is no error")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, cut := load(t, data); cut.Why != "" || !equal(got, want.asKept()) {
		t.Errorf("cut %q, or what is read is not what was written", cut)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("this is some other file, and not a short one either"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other); !errors.Is(err, ErrNotHistory) {
		t.Errorf("another file: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "no", "folder"), Header{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestTimesKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		if a <= b && int64(micros(a)) > int64(micros(b)) {
			t.Fatalf("%d ns comes before %d ns, but not in µs", a, b)
		}
	})
}
