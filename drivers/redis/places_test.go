package redis

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPlaces: never more than the limit is held and reserved, and who found no place gets one before anybody gets two.
func TestPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const all = 4
		p := places{limit: rapid.IntRange(1, 6).Draw(t, "limit"), shards: rapid.IntRange(all-1, all).Draw(t, "shards")}
		var taken [all]int       // what each has reserved
		var passed [all][all]int // how often others got places since the first waits
		waits, held := [all]bool{}, 0
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			who := rapid.IntRange(0, all-1).Draw(t, "who")
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1: // a goroutine asks when it has none
				if taken[who] > 0 {
					continue
				}
				next, there := p.next(held)
				taken[who] = p.take(who, rapid.IntRange(1, 3).Draw(t, "n"), held)
				if there && (taken[who] > 0) != (who == next) {
					t.Fatalf("it is the turn of %d, and %d got %d", next, who, taken[who])
				}
				if taken[who] > 0 || !waits[who] {
					passed[who] = [all]int{}
				}
				waits[who] = taken[who] == 0
				for other := range all {
					if taken[who] == 0 || !waits[other] {
						continue
					}
					if passed[other][who]++; passed[other][who] > 1 {
						t.Fatalf("%d got places twice while %d waits", who, other)
					}
				}
			case 2: // what was taken is held
				came := rapid.IntRange(0, taken[who]).Draw(t, "came")
				if taken[who] == 0 {
					continue
				}
				p.free(who, taken[who], came)
				taken[who], held = 0, held+came
			case 3: // some are acknowledged
				held -= rapid.IntRange(0, held).Draw(t, "acked")
			}
			if held+p.reserved > p.limit || p.reserved < 0 {
				t.Fatalf("%d held, %d reserved of %d", held, p.reserved, p.limit)
			}
			served := 0
			for _, n := range taken[:p.shards] {
				if n > 0 {
					served++
				}
			}
			if p.served != served {
				t.Fatalf("%d shards have places, and %d are counted", served, p.served)
			}
			// Who may wait long keeps no place from a shard that has none.
			long := p.patience(held, time.Hour) == time.Hour
			if long && held+p.reserved >= p.limit && (served < p.shards || len(p.queue) > 0) {
				t.Fatalf("the last place is waited in while %d of %d shards have one and %v queue", served, p.shards, p.queue)
			}
		}
	})
}

// TestPlacesPatience: how long those wait who take places in turn, as one look after the other brings nothing or something.
func TestPlacesPatience(t *testing.T) {
	const most = 4 * briefly
	for _, row := range []struct {
		name          string
		limit, shards int
		heard         string // what each look brings: . nothing, x something that is acknowledged at once
		want          []time.Duration
	}{
		{"a place for each", 3, 3, "......", []time.Duration{most, most, most, most, most, most}},
		{"room to spare", 4, 3, "...", []time.Duration{most, most, most}},
		{"one shard", 1, 1, "...", []time.Duration{most, most, most}},
		{"longer each time", 1, 2, "...........", []time.Duration{0, 0, briefly, 0, 2 * briefly, 0, most, 0, most, 0, most}},
		{"something comes", 1, 2, "....x.....", []time.Duration{0, 0, briefly, 0, 2 * briefly, 0, 0, briefly, 0, 2 * briefly}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := places{limit: row.limit, shards: row.shards}
			for who := range row.shards {
				p.take(who, 1, 0)
			}
			for i, what := range row.heard {
				who := i % row.shards // in turn
				if have := p.patience(0, most); have != row.want[i] {
					t.Fatalf("look %d waits %v, want %v", i, have, row.want[i])
				}
				came := 0
				if what == 'x' {
					came = 1
				}
				p.free(who, 1, came)
				if next, there := p.next(0); there {
					p.take(next, 1, 0)
				}
				p.take(who, 1, 0)
			}
		})
	}
}

// TestLull: each wait is twice as long as the one before, and none longer than the longest.
func TestLull(t *testing.T) {
	for most, want := range map[time.Duration][]time.Duration{
		22 * time.Millisecond: {briefly, 2 * briefly, 4 * briefly, 22 * time.Millisecond, 22 * time.Millisecond},
		time.Millisecond:      {time.Millisecond, time.Millisecond},
	} {
		var l lull
		var have []time.Duration
		for range want {
			have = append(have, l.longer(most))
		}
		if !slices.Equal(have, want) {
			t.Errorf("at most %v: %v, want %v", most, have, want)
		}
	}
}
