package history

import (
	"bytes"
	"slices"
	"testing"

	"ordeal/internal/message"
)

// TestRunsAreShort records a run at full speed, which must take next to nothing of the disk, and reads every event of it back.
func TestRunsAreShort(t *testing.T) {
	const messages = 200_000
	want := newRecord()
	for n := range uint64(messages) {
		id, p := message.ID{Producer: 1, Seq: n}, message.Position{Minor: n, Known: true}
		at := int64(n/256) * 200_000 // batches of so many at one time
		want.attempts[1] = append(want.attempts[1], Attempt{ID: id, Index: n, Intended: at, Sent: at})
		want.receipts[1] = append(want.receipts[1], Receipt{ID: id, Position: p, Outcome: message.Acked, At: at + 9000})
		want.deliveries[0] = append(want.deliveries[0], Delivery{ID: id, Index: n, Position: p, At: at + 11_000})
	}
	data := fileOf(t, want)
	if each := float64(len(data)) / (3 * messages); each > 0.1 {
		t.Errorf("%.3f bytes an event", each)
	}
	if got, cut := load(t, data); cut.Why != "" || !equal(got, want.asKept()) {
		t.Errorf("it is read back as another: %v", cut)
	}
}

// TestBlocksAreBounded cuts a file behind its first blocks: what is handed over is never more than so many events behind, however few bytes
// they take.
func TestBlocksAreBounded(t *testing.T) {
	r := newRecord()
	for n := range uint64(blockEvents + 1) {
		r.receipts[1] = append(r.receipts[1], Receipt{ID: message.ID{Producer: 1, Seq: n}})
	}
	data := fileOf(t, r)
	reader, err := newReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var events []uint32
	for _, b := range reader.blocks {
		events = append(events, b.events)
	}
	if !slices.Equal(events, []uint32{blockEvents, 1}) {
		t.Errorf("blocks of %d events", events)
	}
}

// TestFilesOfVersion1 are those without runs, and still read.
func TestFilesOfVersion1(t *testing.T) {
	want := healthy(1)
	data := append([]byte(magicBefore), fileOf(t, want)[len(fileMagic):]...)
	if got, cut := load(t, data); cut.Why != "" || !equal(got, want.asKept()) {
		t.Errorf("got %+v, %v", got, cut)
	}
}

// TestMalformedRuns are refused, and never taken for events.
func TestMalformedRuns(t *testing.T) {
	sink := newRecord()
	for _, test := range []struct {
		name    string
		kind    blockKind
		events  uint32
		payload []byte
		sound   bool
	}{
		{"a run", attemptBlock, 9, []byte{0, attemptRun, 8}, true},
		{"a run, and one event of another kind", attemptBlock, 10, []byte{0, attemptRun, 8, attemptSeq, 2}, true},
		{"a run of receipts", receiptBlock, 9, []byte{receiptOutcome, 3 * receiptOutcome, 8}, true},
		{"a run of deliveries", deliveryBlock, 9, []byte{deliveryRedelivered, deliveryMore, 0, 8}, true},
		{"nothing before it", attemptBlock, 8, []byte{attemptRun, 8}, false},
		{"an event of two bytes before it", attemptBlock, 9, []byte{attemptSeq, 2, attemptRun, 8}, false},
		{"a run before it", attemptBlock, 9, []byte{0, attemptRun, 4, attemptRun, 4}, false},
		{"it is empty", attemptBlock, 1, []byte{0, attemptRun, 0}, false},
		{"it is longer than the block", attemptBlock, 8, []byte{0, attemptRun, 8}, false},
		{"it is shorter than the block", attemptBlock, 10, []byte{0, attemptRun, 8}, false},
		{"its number is missing", attemptBlock, 9, []byte{0, attemptRun}, false},
		{"nothing before it, receipts", receiptBlock, 8, []byte{3 * receiptOutcome, 8}, false},
		{"nothing before it, deliveries", deliveryBlock, 8, []byte{deliveryMore, 0, 8}, false},
	} {
		d := decoder{sink: sink, attempts: map[uint32]*attemptCoder{}, receipts: map[uint32]*receiptCoder{}, groups: map[uint32]*deliveryCoder{}}
		if got := d.block(head{kind: test.kind, events: test.events}, test.payload); got != test.sound {
			t.Errorf("%s: sound is %v, want %v", test.name, got, test.sound)
		}
	}
}
