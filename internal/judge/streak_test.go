package judge

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// flow gives the run attempts and receipts that mostly follow one another, and each group deliveries that mostly do, with something odd
// now and then: a jump in the log or back in it, a flag, a missing or another position, another session.
func (e *events) flow(random *rand.Rand) {
	between := func(low, high int) int { return low + random.IntN(high-low+1) }
	odd := func() bool { return random.IntN(12) == 0 }
	log := make([][]history.Delivery, e.plan.Groups[0].Shards)
	var sent []history.Attempt
	for _, p := range e.plan.Producers[:len(e.plan.Producers)-1] { // the last sends elsewhere
		seqs, index, incarnation := make([]uint64, p.Lanes), uint64(0), uint16(0)
		var late []history.Delivery // a stretch that the log holds after one that was sent later
		for range between(1, 12) {
			lane, stride := random.Uint32N(p.Lanes), uint64(max(1, between(-3, 3)))
			outcome := message.Acked
			if odd() {
				outcome = message.Rejected
			}
			if odd() {
				incarnation = uint16(between(0, 2))
				if between(0, 3) == 0 {
					incarnation = message.Unordered
				}
			}
			invented := uint64(0)
			if odd() {
				invented = index / 2 // so that it may be less than the sequence number, which cannot be
			}
			var stretch []history.Delivery
			var tried []history.Receipt // in the end, of what is tried again
			for range between(1, 12) {
				a := history.Attempt{
					ID: message.ID{Producer: p.ID, Lane: lane, Seq: seqs[lane]}, Index: index, Shard: int32(int(lane) % len(log)),
					Incarnation: incarnation,
				}
				sent = append(sent, a)
				e.receipts = append(e.receipts, history.Receipt{ID: a.ID, Outcome: outcome})
				tried = append(tried, history.Receipt{ID: a.ID, Outcome: message.Outcome(between(0, 1) * between(0, 2))})
				stretch = append(stretch, history.Delivery{ID: a.ID, Index: index - invented, Shard: a.Shard, Incarnation: a.Incarnation})
				seqs[lane]++
				index += stride
			}
			if outcome == message.Rejected && random.IntN(2) == 0 {
				e.receipts = append(e.receipts, tried...)
			}
			if len(late) == 0 && random.IntN(3) == 0 {
				late = stretch
				continue
			}
			if len(late) > 0 && late[0].Lane == lane { // what is of one lane stays in order
				stretch, late = slices.Concat(late, stretch), nil
			}
			log[stretch[0].Shard] = append(log[stretch[0].Shard], stretch...)
			if len(late) > 0 && random.IntN(2) == 0 {
				log[late[0].Shard] = append(log[late[0].Shard], late...)
				late = nil
			}
		}
	}
	e.attempts = sent[:between(len(sent)/2, len(sent))] // the rest are inventions
	for _, group := range e.plan.Groups {
		var out []history.Delivery
		sessions, from := make([]uint32, group.Members), make([]int, group.Shards)
		known, some := !odd(), odd()
		for range between(1, 60) {
			member, shard := random.Uint32N(group.Members), random.IntN(len(log))
			if odd() {
				sessions[member]++
			}
			if odd() {
				from[shard] = max(0, from[shard]+between(-12, 12))
			}
			if some && odd() {
				known = !known
			}
			flagged, gap := odd(), uint64(0)
			if odd() {
				gap = uint64(between(0, 6))
			}
			for range min(between(1, 12), max(0, len(log[shard])-from[shard])) {
				d := log[shard][from[shard]]
				d.Group, d.Member, d.Session, d.Redelivered = group.ID, member, sessions[member], flagged
				if from[shard]++; known {
					d.Position = message.Position{Minor: uint64(from[shard]) + gap, Known: true}
				}
				out = append(out, d)
			}
		}
		e.deliveries = append(e.deliveries, out)
	}
}

// streaks are the same events, with those taken together that follow one another, in a group those of one batch.
func (e *events) streaks(most uint32) *events {
	return &events{
		plan:     e.plan,
		attempts: together(e.attempts, func(a, next *history.Attempt) bool { return a.Extend(next) }),
		receipts: together(e.receipts, func(r, next *history.Receipt) bool { return r.Extend(next) }),
		deliveries: func() (out [][]history.Delivery) {
			for _, ds := range e.deliveries {
				out = append(out, together(ds, func(d, next *history.Delivery) bool { return d.Following < most && d.Extend(next) }))
			}
			return out
		}(),
	}
}

func together[E any](s []E, extend func(*E, *E) bool) (out []E) {
	for i := range s {
		if len(out) == 0 || !extend(&out[len(out)-1], &s[i]) {
			out = append(out, s[i])
		}
	}
	return out
}

// TestStreaksAreJudgedAsTheirEvents compares what a book finds in streaks with what it finds in the events one by one.
func TestStreaksAreJudgedAsTheirEvents(t *testing.T) {
	atOnce, all := map[bool]int{}, 0 // by whether the group has several members
	rapid.Check(t, func(t *rapid.T) {
		plan, random := anyPlan(t), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range 90 {
			e := &events{plan: plan}
			e.flow(random)
			s, window := e.streaks(1+random.Uint32N(20)), 2+random.IntN([]int{7, 49}[random.IntN(2)])
			ev := drained(len(plan.Groups))
			if got, want := s.bookWith(window).Findings(ev), e.bookWith(window).Findings(ev); !reflect.DeepEqual(got, want) {
				for _, d := range slices.Concat(s.deliveries...) {
					t.Logf("%+v", d)
				}
				t.Fatalf("in streaks\n%+v\nwant\n%+v", got, want)
			}
			b := (&events{plan: plan, attempts: s.attempts}).bookWith(window)
			for g, ds := range s.deliveries {
				for i := range ds {
					if ds[i].Following == 0 || !b.groups[g].deliverStreak(&ds[i]) {
						b.Deliveries(uint32(g), ds[i:i+1])
					} else {
						atOnce[len(b.groups[g].members) > 1]++
					}
					all++
				}
			}
		}
	})
	if one, more := atOnce[false], atOnce[true]; one < all/20 || more < all/20 || one+more > all*9/10 {
		t.Errorf("of %d streaks, %d of groups of one and %d of others were judged at once", all, one, more)
	}
}

// A streak without positions makes a group of one blind for the order of the log, as one such delivery does.
func TestStreakWithoutPositions(t *testing.T) {
	for _, test := range []struct {
		known bool // the streak has positions
		late  int64
	}{{true, 1}, {false, 0}} {
		e := &events{plan: Plan{
			Producers: []Producer{{ID: 1, Name: "p", Topic: "t", Lanes: 1, Counted: true}},
			Groups:    []Group{{Name: "g", Topic: "t", Members: 1, Shards: 1}},
		}}
		var ds []history.Delivery
		deliver := func(session uint32, position uint64, seqs ...uint64) {
			for i, seq := range seqs {
				d := history.Delivery{ID: message.ID{Producer: 1, Seq: seq}, Index: seq, Session: session}
				if position > 0 {
					d.Position = message.Position{Minor: position + uint64(i), Known: true}
				}
				ds = append(ds, d)
			}
		}
		for seq := range uint64(20) {
			e.attempts = append(e.attempts, history.Attempt{ID: message.ID{Producer: 1, Seq: seq}, Index: seq})
		}
		deliver(0, 1, 0, 1, 2)
		deliver(1, 4, 3) // begins the session
		deliver(1, map[bool]uint64{true: 5}[test.known], 4, 5, 6)
		deliver(1, 20, 10, 11)
		deliver(2, 22, 8) // older than what lies before it in the log
		e.deliveries = [][]history.Delivery{ds}
		b := e.streaks(20).book()
		if got := b.Findings(drained(1)).Groups[0].Counts[Reordered]; got != test.late {
			t.Errorf("with positions: %v, %d reordered, want %d", test.known, got, test.late)
		}
	}
}
