package measure

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// twoPhases are 10 s each.
func twoPhases() []Span {
	return []Span{{Name: "warm-up", End: 10 * second}, {Name: "steady state", Start: 10 * second, End: 20 * second, Recorded: true}}
}

// goTo rotates a collector as if its clock showed the beginning of a second.
func goTo(c *Collector, s int64) {
	c.advance(s * second)
	c.work.Lock()
	defer c.work.Unlock()
	c.collect()
}

func TestSamplesGoToTheirSecondPhaseAndMetric(t *testing.T) {
	c := NewCollector(NewClock(time.Now()), twoPhases())
	r := c.Recorder(Ack)
	goTo(c, 3)
	r.Record(Ack, 0, 1000)
	r.Record(EndToEnd, 0, 20_000) // not announced, recorded all the same
	goTo(c, 4)
	r.Record(Ack, 1, 3000)
	r.Record(Ack, 0, 2000)
	r.Close()
	result := c.Finish()

	want := map[Metric][2]int64{Ack: {2, 1}, EndToEnd: {1, 0}}
	for _, m := range Metrics() {
		for phase, p := range result.Phases {
			if got := p.Latencies[m].Count; got != want[m][phase] {
				t.Errorf("%v of phase %d: %d samples, want %d", m, phase, got, want[m][phase])
			}
		}
	}
	if got := result.Phases[1].Latencies[Ack]; got.P50 != 3000+1 || got.Max != got.P50 { // 3000 and 3001 share a bucket
		t.Errorf("one sample of 3000 ns gives %+v", got)
	}
	seconds := map[int64]latencies{}
	for _, l := range c.seconds {
		seconds[l.second] = l
	}
	if len(seconds) != 2 || seconds[3].ackP50 != 1000 || seconds[3].max/1000 != 20 || seconds[4].ackP50 != 2000 {
		t.Errorf("seconds are %+v", seconds)
	}
}

// No sample is lost, however recording and rotation interleave, and the log holds the same as the result. Meant for the race detector.
func TestNoSampleIsLost(t *testing.T) {
	const goroutines, seconds, perGoroutine = 6, 40, 20_000
	var file bytes.Buffer
	c := NewCollector(NewClock(time.Now()), twoPhases())
	c.LogTo(&file)
	var recorded [2][metricCount]int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for g := range goroutines {
		r := c.Recorder(Ack, EndToEnd)
		wg.Go(func() {
			defer r.Close()
			random := rand.New(rand.NewPCG(1, uint64(g)))
			var own [2][metricCount]int64
			for range perGoroutine {
				phase, m := random.IntN(2), Metric(random.IntN(metricCount))
				n := max(1, random.Int64N(8)-4) // mostly one
				r.RecordAlike(m, phase, random.Int64N(1e9), n)
				own[phase][m] += n
				if random.IntN(500) == 0 {
					time.Sleep(time.Duration(random.Int64N(int64(time.Millisecond)))) // some fall idle for seconds
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for phase := range own {
				for m, n := range own[phase] {
					recorded[phase][m] += n
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	for s := int64(1); ; s = min(s+1, seconds) {
		select {
		case <-ended:
		case <-time.After(2 * time.Millisecond):
			goTo(c, s)
			continue
		}
		break
	}
	result := c.Finish()
	logged := readLog(t, &file)
	for phase, p := range result.Phases {
		for _, m := range Metrics() {
			if got, want := p.Latencies[m].Count, recorded[phase][m]; got != want {
				t.Errorf("%v of phase %d: %d samples, recorded were %d", m, phase, got, want)
			}
			h := logged[m.String()+"@"+tagOf(p.Name)]
			if got := percentiles(h); got != p.Latencies[m] {
				t.Errorf("%v of phase %d: the log says %+v, the result %+v", m, phase, got, p.Latencies[m])
			}
		}
	}
	if result.Open != 0 || result.LogErr != nil {
		t.Errorf("open recorders: %d, log: %v", result.Open, result.LogErr)
	}
}

// A recorder that falls idle keeps its second open, and only that; when it is closed, its second is summed up once and whole.
func TestIdleRecorder(t *testing.T) {
	c := NewCollector(NewClock(time.Now()), twoPhases())
	busy, idle := c.Recorder(EndToEnd), c.Recorder(EndToEnd)
	goTo(c, 1)
	idle.Record(EndToEnd, 0, 100)
	for s := int64(1); s < 10; s++ {
		busy.Record(EndToEnd, 0, 1)
		goTo(c, s+1)
		var open []int64
		for second := range c.open {
			open = append(open, second)
		}
		slices.Sort(open)
		if s > 2 && !slices.Equal(open, []int64{1}) {
			t.Fatalf("in second %d, %v are open, want 1 only", s+1, open)
		}
	}
	idle.Close()
	goTo(c, 11)
	if _, found := c.open[1]; found {
		t.Error("second 1 is still open, though nobody holds it")
	}
	busy.Close()
	c.Finish()
	count := map[int64]int{}
	for _, l := range c.seconds {
		count[l.second]++
		if l.second == 1 && (l.p50 != 1 || l.max != 100) {
			t.Errorf("second 1 is %+v, want the samples of both recorders", l)
		}
	}
	for s := int64(1); s < 10; s++ {
		if count[s] != 1 {
			t.Errorf("second %d was summed up %d times", s, count[s])
		}
	}
}

// At the border of two phases the messages of both alternate for a while. That must not hand sets over with each of them.
func TestAlternatingPhasesKeepTheirSets(t *testing.T) {
	c := NewCollector(NewClock(time.Now()), append(twoPhases(), Span{Name: "third", Start: 20 * second, End: 30 * second}))
	r := c.Recorder(Ack)
	for range 100 {
		r.Record(Ack, 0, 1)
		r.Record(Ack, 1, 1)
	}
	if n := len(c.handed); n != 0 {
		t.Errorf("alternating phases handed over %d sets", n)
	}
	r.Record(Ack, 2, 1) // takes the place of phase 0
	if n := len(c.handed); n != 1 {
		t.Errorf("a third phase handed over %d sets, want 1", n)
	}
	r.Close()
	for phase, want := range []int64{100, 100, 1} {
		if got := c.Finish().Phases[phase].Latencies[Ack].Count; got != want {
			t.Errorf("phase %d has %d samples, want %d", phase, got, want)
		}
	}
}

func TestSamplesOutOfRange(t *testing.T) {
	c := NewCollector(NewClock(time.Now()), nil)
	r := c.Recorder(Ack)
	for _, ns := range []int64{-1, -1 << 63, 0, highest, highest + 1, 1<<63 - 1} {
		r.Record(Ack, 0, ns)
	}
	r.Record(Ack, 7, 5) // no such phase: the last one has it
	r.RecordAlike(Ack, 0, -5, 3)
	r.RecordAlike(Ack, 0, highest+5, 4)
	r.Close()
	result := c.Finish()
	got := result.Phases[0].Latencies[Ack]
	if result.Negative != 5 || result.Overflow != 6 || got.Count != 14 || float64(got.Max) < highest || float64(got.Max) > highest*1.001 {
		t.Errorf("negative %d, overflow %d, %+v", result.Negative, result.Overflow, got)
	}
}

func TestOpenRecorderIsReported(t *testing.T) {
	c := NewCollector(NewClock(time.Now()), nil)
	c.Recorder(Ack).Record(Ack, 0, 1)
	if open := c.Finish().Open; open != 1 {
		t.Errorf("open recorders: %d, want 1", open)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	c := NewCollector(NewClock(time.Now()), twoPhases())
	r := c.Recorder(Ack, Lag)
	s := int64(0)
	round := func() {
		s++
		c.advance(s * second)
		for range 100 {
			r.Record(Ack, 0, 1)
			r.Record(Lag, 0, 1)
		}
		c.work.Lock()
		c.collect()
		c.work.Unlock()
	}
	round()
	before := c.epoch.Load()
	if n := testing.AllocsPerRun(100, func() { r.Record(Ack, 0, 1); r.Record(Lag, 0, -1) }); n != 0 {
		t.Errorf("recording allocates %g times", n)
	}
	if c.epoch.Load() != before {
		t.Fatal("the second changed meanwhile")
	}
	for range 50 {
		round()
	}
	if n := len(c.spare); n > 2*2*room {
		t.Errorf("%d chunks exist after 50 seconds, they are not used again", n)
	}
}

// Percentiles are those of the sorted samples, to 3 digits, whichever way the samples were split up.
func TestPercentilesAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Int64Range(0, highest), 1, 300).Draw(t, "samples")
		c := NewCollector(NewClock(time.Now()), twoPhases())
		recorders := []*Recorder{c.Recorder(Ack), c.Recorder()}
		for i, ns := range samples {
			recorders[i%2].Record(Ack, 0, ns)
			if i%10 == 0 {
				goTo(c, int64(i/10))
			}
		}
		for _, r := range recorders {
			r.Close()
		}
		p := c.Finish().Phases[0]
		slices.Sort(samples)
		n := float64(len(samples))
		l := p.Latencies[Ack]
		for q, got := range map[float64]int64{0.5: l.P50, 0.9: l.P90, 0.99: l.P99, 0.999: l.P999, 1: l.Max} {
			rank := min(max(int(q*n+0.5), 1), len(samples))
			if want := samples[rank-1]; float64(got) < float64(want) || float64(got) > float64(want)*1.001+1 {
				t.Fatalf("quantile %g is %d, want %d", q, got, want)
			}
		}
		points := p.Curves[Ack]
		if len(points) > ticks*halvings+2 || points[len(points)-1] != (Point{1, p.Latencies[Ack].Max}) {
			t.Fatalf("the curve has %d points and ends at %+v", len(points), points[len(points)-1])
		}
		for i := range points[1:] {
			if points[i].Quantile >= points[i+1].Quantile || points[i].Value > points[i+1].Value {
				t.Fatalf("the curve falls from %+v to %+v", points[i], points[i+1])
			}
		}
	})
}

func TestCurveOfManySamples(t *testing.T) {
	h := newHistogram()
	for i := range int64(1000) {
		if err := h.RecordValues(i*1e6, 1e6); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(curve(h)); n < 150 || n > 200 {
		t.Errorf("the curve of 10^9 samples has %d points, want 150 to 200", n)
	}
}

func TestCurveOfFewSamples(t *testing.T) {
	h := newHistogram()
	for v := range int64(3) {
		if err := h.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(curve(h)); n != 2*ticks+1 { // to the quantiles 1/2 and 3/4; what lies beyond is the largest sample
		t.Errorf("the curve of 3 samples has %d points", n)
	}
	if got := curve(newHistogram()); got != nil {
		t.Errorf("no samples have the curve %v", got)
	}
}

func TestHeatRow(t *testing.T) {
	bounds := heatBounds()
	if len(bounds) != 23 || bounds[0] != 10_000 || bounds[21] != 100*second {
		t.Fatalf("bounds are %v", bounds)
	}
	var h counts
	for _, ns := range []int64{0, 9_000, 10_100, 3 * second, 99 * second, 101 * second, highest} {
		b := bucket(ns)
		if h[b>>slotBits] == nil {
			h[b>>slotBits] = &chunk{}
		}
		h[b>>slotBits][b%slots]++
	}
	want := make([]int64, 23)
	want[0], want[1], want[17], want[21], want[22] = 2, 1, 1, 1, 2
	if got := heatRow(&h); !slices.Equal(got, want) {
		t.Errorf("cells are %v, want %v", got, want)
	}
}

// In a bubble the clock stands still but for sleeps, so a whole run can be gone through second by second.
func TestRunInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCollector(NewClock(time.Now()), twoPhases())
		r := c.Recorder(EndToEnd)
		sent, received := c.Counter("sent"), c.Counter("received")
		for s := range int64(20) {
			for range 10 {
				time.Sleep(100 * time.Millisecond)
				if c.clock.Now()%second == 0 {
					break // what happens on the border belongs to the next second
				}
				sent.Add(2)
				received.Add(1)
				r.Record(EndToEnd, PhaseAt(c.phases, c.clock.Now()), (s+1)*1000)
			}
			c.Rotate()
			sent.Add(2)
			snapshot := c.Snapshot()
			if got := snapshot.Rates["received"]; got != 9 {
				t.Errorf("second %d: the rate is %g, want 9", s, got)
			}
			if got := snapshot.Totals["sent"]; got != 20*(s+1) {
				t.Errorf("second %d: sent are %d, want %d", s, got, 20*(s+1))
			}
			if live := snapshot.EndToEnd; s > 0 && (live.Second != s-1 || live.P50/1000 != s || live.Count != 9) {
				t.Errorf("second %d: live latency is %+v", s, live)
			}
		}
		time.Sleep(500 * time.Millisecond)
		r.Close()
		result := c.Finish()
		if len(result.Seconds) != 21 || len(result.Heat.Cells) != 21 {
			t.Fatalf("%d seconds, %d rows, want 21", len(result.Seconds), len(result.Heat.Cells))
		}
		for i, s := range result.Seconds[:20] {
			var cells int64
			for _, n := range result.Heat.Cells[i] {
				cells += n
			}
			if s.At != int64(i)*second || s.Rates["received"] != 9 || s.Max/1000 != int64(i+1) || cells != 9 {
				t.Errorf("second %d is %+v with %d cells", i, s, cells)
			}
		}
		if got := result.Seconds[20].Rates["sent"]; got != 4 { // 2 in half a second
			t.Errorf("the rate of the last half second is %g, want 4", got)
		}
		for i, p := range result.Phases {
			if p.Latencies[EndToEnd].Count != 90 || p.Counts["received"] != 90 {
				t.Errorf("phase %d: %d samples, %g received, want 90", i, p.Latencies[EndToEnd].Count, p.Counts["received"])
			}
		}
		if result.Totals["sent"] != 400 || result.Totals["received"] != 180 {
			t.Errorf("totals are %v", result.Totals)
		}
	})
}
