package engine

import (
	"slices"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/internal/worker"
)

func TestRhythm(t *testing.T) {
	// One message is settled in each microsecond of a look, so as many are under way as a message takes microseconds.
	at := func(under time.Duration, waits int64) seen {
		return seen{flows: []Flow{{int64(under / time.Microsecond), int64(lookLength / time.Microsecond)}}, waits: waits, passed: lookLength}
	}
	many := int64(10_000)
	type step struct {
		seen seen
		want time.Duration
	}
	for name, steps := range map[string][]step{
		"the first look shows nothing":   {{at(32*time.Millisecond, many), 0}, {at(32*time.Millisecond, many), time.Millisecond}},
		"long ways":                      {{seen{}, 0}, {at(time.Second, many), pauseMost}},
		"short ways":                     {{seen{}, 0}, {at(7*time.Millisecond, many), 0}, {at(8*time.Millisecond, many), pauseLeast}},
		"few wake-ups":                   {{seen{}, 0}, {at(32*time.Millisecond, 299), 0}, {at(32*time.Millisecond, 300), time.Millisecond}},
		"nothing is settled":             {{seen{}, 0}, {seen{flows: []Flow{{9, 0}}, waits: many, passed: lookLength}, 0}},
		"nothing is settled any more":    {{seen{}, 0}, {at(time.Second, many), pauseMost}, {seen{flows: []Flow{{9, 0}}, waits: 1, passed: lookLength}, 0}},
		"ways get shorter, then longer":  {{seen{}, 0}, {at(time.Second, many), pauseMost}, {at(16*time.Millisecond, 1), 500 * time.Microsecond}, {at(time.Second, 1), 500 * time.Microsecond}},
		"ways get short":                 {{seen{}, 0}, {at(time.Second, many), pauseMost}, {at(time.Millisecond, 1), 0}, {at(time.Millisecond, many), 0}},
		"a scarce look beside a usual":   {{seen{}, 0}, {at(32*time.Millisecond, 0), 0}, {at(32*time.Millisecond, many), time.Millisecond}},
		"a small prefetch":               {{seen{}, 0}, {seen{flows: []Flow{{10_000, 1000}, {100, 1000}}, waits: many, passed: lookLength}, 312500}},
		"a small prefetch, nothing read": {{seen{}, 0}, {seen{flows: []Flow{{10_000, 1000}, {100, 0}}, waits: many, passed: lookLength}, pauseMost}},
		"the window was never filled up": {{seen{}, 0}, {seen{flows: []Flow{{0, 5}}, waits: many, passed: lookLength}, 0}},
	} {
		var r rhythm
		for i, s := range steps {
			if got := r.next(s.seen); got != s.want {
				t.Errorf("%s, step %d: %s, want %s", name, i, got, s.want)
			}
		}
	}
}

// Now and then arrivals do not wait for one look, to see whether it is still worth it.
func TestRhythmLooksAgain(t *testing.T) {
	var r rhythm
	free := 0
	for range 10 * (looksHeld + 1) {
		waits := int64(100)
		if r.pause == 0 {
			waits, free = 10_000, free+1
		}
		r.next(seen{flows: []Flow{{1000, 1000}}, waits: waits, passed: lookLength})
	}
	if free < 10 || free > 12 {
		t.Errorf("%d looks without waiting in %d", free, 10*(looksHeld+1))
	}
}

// Groups whose prefetch is small bound the pause; what is seen of each is compared with what was seen of it before, so their order is kept.
func TestNarrow(t *testing.T) {
	topic := drivers.Topic{Name: "t"}
	p := &plan{worker: worker.Plan{Producers: []worker.Producer{{Topic: topic, MaxSize: 100}}}}
	for _, prefetch := range []int{10, 2000, 0, 50, 1} {
		p.worker.Groups = append(p.worker.Groups, worker.Group{Topic: topic, Spec: drivers.Group{Members: 2, Prefetch: prefetch}})
	}
	for range 20 {
		if got, want := p.narrow(), []narrow{{0, 20}, {3, 100}, {4, 2}}; !slices.Equal(got, want) {
			t.Fatalf("narrow are %v, want %v", got, want)
		}
	}
}
