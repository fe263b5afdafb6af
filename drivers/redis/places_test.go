package redis

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPlaces: never more than the limit is held and reserved, and who found no place gets one before anybody gets two.
func TestPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := places{limit: rapid.IntRange(1, 6).Draw(t, "limit")}
		const all = 4
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
				p.free(taken[who], came)
				taken[who], held = 0, held+came
			case 3: // some are acknowledged
				held -= rapid.IntRange(0, held).Draw(t, "acked")
			}
			if held+p.reserved > p.limit || p.reserved < 0 {
				t.Fatalf("%d held, %d reserved of %d", held, p.reserved, p.limit)
			}
		}
	})
}
