package kafka

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ordeal/drivers"
)

// TestTally: each step is how many records the library tells of, how many promises then come, and what the receipts say that are given by
// then: m where another follows, and l for a last one.
func TestTally(t *testing.T) {
	var given strings.Builder
	tally := tally{settle: func(r drivers.Receipt) {
		if r.More {
			given.WriteByte('m')
		} else {
			given.WriteByte('l')
		}
	}}
	for step, s := range []struct {
		told, promises int
		want           string
	}{
		{0, 1, ""},        // it may be the last
		{0, 1, "m"},       // the one before was not
		{3, 0, ""},        // of the two, and of one more
		{0, 1, "ml"},      // which ends the answer
		{0, 1, ""},        // again before
		{1, 0, "l"},       // alone
		{2 + 2, 2, "mm"},  // of two answers
		{0, 1, "m"},       //
		{0, 2, "l"},       // and the first of the next
		{4, 0, ""},        // which has more
		{0, 3, "mmml"},    //
		{0, 1, ""},        //
		{together, 0, ""}, //
		{0, together - 2, strings.Repeat("m", together-1)}, //
		{0, 1, "l"}, // so many share a clock reading, and it ends the answer, too
		{2 * together, together + 1, strings.Repeat("m", together-1) + "lm"},
		{0, together - 1, strings.Repeat("m", together-2) + "l"},
	} {
		given.Reset()
		if s.told > 0 {
			tally.hear(s.told)
		}
		for range s.promises {
			tally.give(&drivers.Receipt{Outcome: drivers.Acked}, false)
		}
		if got := given.String(); got != s.want {
			t.Fatalf("step %d: %q, want %q", step, got, s.want)
		}
	}
}

// TestTallyKeepsItsWord plays a library that answers batches, calls their promises in order, and tells of each batch at some time: what says
// that another follows is followed at once, or by a promise that is due; nothing is kept when all is told; and each comes once, in order.
func TestTallyKeepsItsWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var given []drivers.Receipt
		tally := tally{settle: func(r drivers.Receipt) { given = append(given, r) }}
		var untold []int // batches whose hook is not called yet
		due, promised, run := 0, 0, 0
		give := func(o drivers.Outcome, last bool) {
			promised++
			tally.give(&drivers.Receipt{Token: uint64(promised), Outcome: o}, last)
		}
		check := func() {
			if n := len(given); n > 0 && given[n-1].More && tally.told <= tally.landed && !tally.keeps {
				t.Fatalf("receipt %d promises another, and none is known of", n)
			}
			if len(untold) == 0 && due == 0 && tally.keeps {
				t.Fatal("one is kept, and nothing will come for it")
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			switch rapid.SampledFrom([]string{"answer", "promise", "promises", "hook", "failure", "last"}).Draw(t, "event") {
			case "answer":
				n := rapid.SampledFrom([]int{1, 2, 3, together - 1, together, together + 1, 3 * together}).Draw(t, "batch")
				untold, due = append(untold, n), due+n
			case "promise":
				if due > 0 {
					due--
					give(drivers.Acked, false)
				}
			case "promises":
				for range rapid.IntRange(0, due).Draw(t, "promises") {
					due--
					give(drivers.Acked, false)
				}
			case "hook":
				if i := rapid.IntRange(0, 3).Draw(t, "which"); i < len(untold) {
					tally.hear(untold[i])
					untold = slices.Delete(untold, i, i+1)
				}
			case "failure":
				give(drivers.Unknown, false)
			case "last": // in flight
				if due == 1 {
					due--
					give(drivers.Acked, true)
				}
			}
			check()
		}
		for _, n := range untold {
			tally.hear(n)
		}
		for untold = nil; due > 0; due-- {
			give(drivers.Acked, due == 1)
		}
		check()
		if len(given) != promised {
			t.Fatalf("%d receipts for %d promises", len(given), promised)
		}
		for i, r := range given {
			if r.Token != uint64(i+1) {
				t.Fatalf("receipt %d comes at place %d", r.Token, i+1)
			}
			if run++; !r.More {
				run = 0
			}
			if run >= together {
				t.Fatalf("%d receipts share a clock reading", run)
			}
		}
		if promised > 0 && given[promised-1].More {
			t.Fatal("the last receipt promises another")
		}
	})
}

// TestReceiptsComeTogether: nearly all receipts of a real broker's answers promise others, and the last of all does not.
func TestReceiptsComeTogether(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	for _, guarantee := range []drivers.Guarantee{drivers.Sent, drivers.Accepted, drivers.Replicated} {
		r := bareRig(t, drivers.Config{Servers: server, Guarantee: guarantee})
		r.topic.Name += guarantee.String()
		r.topic.Shards = 3
		must(t, r.Declare(t.Context(), r.topic))
		const sends, size = 30, 3000
		promises, failed, last := 0, 0, false
		p, err := r.Producer(t.Context(), drivers.ProducerSpec{Topic: r.topic, Guarantee: guarantee, Window: size}, func(r drivers.Receipt) {
			if last = r.More; last {
				promises++
			}
			if r.Outcome != drivers.Acked {
				failed++
			}
		})
		must(t, err)
		batch := make([]drivers.Message, size)
		for range sends {
			for i := range batch {
				batch[i] = drivers.Message{Token: uint64(i), Shard: int32(i % r.topic.Shards), Body: []byte("x")}
			}
			must(t, p.Send(t.Context(), batch))
			must(t, p.Flush(t.Context()))
			if last {
				t.Errorf("%s: the last of %d receipts promises another", guarantee, size)
			}
		}
		t.Logf("%s: %d of %d receipts promise another", guarantee, promises, sends*size)
		if failed > 0 || promises < sends*size*8/10 { // the 64th of each row may not, nor the last of a batch
			t.Errorf("%s: %d of %d receipts promise another, %d are not acked", guarantee, promises, sends*size, failed)
		}
		must(t, p.Close(t.Context()))
	}
}
