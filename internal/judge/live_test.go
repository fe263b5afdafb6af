package judge

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLiveAndSaved runs producers, settling goroutines and members at once, as a worker does, against a channel for a broker that loses one
// message in a hundred and repeats one in fifty; the history of it must come to the same verdicts.
func TestLiveAndSaved(t *testing.T) {
	const producers, members, messages = 3, 3, 20_000
	plan := Plan{Groups: []Group{{Name: "g", Topic: "t", Members: members, Shards: 4, Delivery: AtLeastOnce, Order: PerShard}}}
	for p := range uint32(producers) {
		plan.Producers = append(plan.Producers, Producer{ID: p + 1, Name: "p", Topic: "t", Lanes: 50, KeyLanes: true, Counted: true})
	}
	header, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "history.bin")
	w, err := history.Create(path, history.Header{Plan: header})
	if err != nil {
		t.Fatal(err)
	}
	book := NewBook(plan)
	broker := make(chan []history.Delivery, 64)
	var sending, receiving sync.WaitGroup
	for p := range uint32(producers) {
		settle := make(chan message.ID, 100)
		sending.Go(func() { // settles
			log := w.Producer(p + 1)
			for id := range settle {
				r := history.Receipt{ID: id, Outcome: message.Acked}
				book.Receipt(&r)
				log.Receipt(&r)
			}
		})
		sending.Go(func() { // sends
			defer close(settle)
			log := w.Producer(p + 1)
			seqs := make([]uint64, 50)
			for n := range uint64(messages) {
				lane := uint32(n*n) % 50
				id := message.ID{Producer: p + 1, Lane: lane, Seq: seqs[lane]}
				seqs[lane]++
				a := history.Attempt{ID: id, Index: n, Shard: int32(lane % 4)}
				book.Attempt(&a)
				log.Attempt(&a)
				d := history.Delivery{ID: id, Index: n, Shard: a.Shard}
				switch {
				case n%100 == 17:
				case n%50 == 3:
					again := d
					again.Redelivered = true
					broker <- []history.Delivery{d, again}
				default:
					broker <- []history.Delivery{d}
				}
				settle <- id
			}
		})
	}
	var lock sync.Mutex // the worker's own, which fixes the order for book and history alike
	for m := range uint32(members) {
		receiving.Go(func() {
			for ds := range broker {
				for i := range ds {
					ds[i].Member = m
				}
				lock.Lock()
				book.Deliveries(0, ds)
				w.Group(0).Deliveries(ds)
				lock.Unlock()
			}
		})
	}
	sending.Wait()
	close(broker)
	receiving.Wait()
	if _, err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	r, err := history.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	saved, cut, err := Saved(r)
	if err != nil || cut.Why != "" {
		t.Fatal(cut, err)
	}
	live, again := book.Findings(drained(1)), saved.Findings(drained(1))
	if f := live.Groups[0]; f.Counts[Lost] != producers*messages/100 || f.Counts[Redelivered] != producers*messages/50 {
		t.Errorf("lost %d, redelivered %d", f.Counts[Lost], f.Counts[Redelivered])
	}
	for _, c := range Checks() {
		for _, scope := range []Scope{PerKey, PerShard} {
			a, b := Judge(c, live, Params{Scope: scope}), Judge(c, again, Params{Scope: scope})
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s %s:\nlive  %+v\nsaved %+v", c.Name(), scope, a, b)
			}
		}
	}
}
