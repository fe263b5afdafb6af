package measure

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCountsBetweenReadings(t *testing.T) {
	var tallies tallies
	tallies.snap(0)
	a, b := tallies.counter("a"), tallies.counter("a")
	a.Add(4)
	b.Add(6)
	tallies.snap(second)
	late := tallies.counter("late")
	late.Add(8)
	a.Add(30)
	tallies.snap(4 * second) // two rotations were missed
	tests := []struct {
		from, to int64
		a, late  float64
	}{
		{0, second, 10, 0},
		{second, 4 * second, 30, 8},
		{second, 2 * second, 10, 8.0 / 3},
		{second / 2, second, 5, 0},
		{-second, 0, 0, 0},
		{-second, 9 * second, 40, 8},
		{5 * second, 9 * second, 0, 0},
	}
	for _, tt := range tests {
		got := tallies.between(tt.from, tt.to)
		if math.Abs(got["a"]-tt.a) > 1e-9 || math.Abs(got["late"]-tt.late) > 1e-9 {
			t.Errorf("from %d to %d: %v, want %g and %g", tt.from, tt.to, got, tt.a, tt.late)
		}
	}
}

// However the seconds are cut, nothing is counted twice or not at all.
func TestSeriesAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tallies tallies
		tallies.snap(rapid.Int64Range(0, 2*second).Draw(t, "begin"))
		c, at := tallies.counter("n"), tallies.last().at
		for _, step := range rapid.SliceOfN(rapid.Int64Range(0, 3*second), 1, 10).Draw(t, "steps") {
			at += step
			c.Add(rapid.Int64Range(0, 1000).Draw(t, "n"))
			tallies.snap(at)
		}
		sum := 0.0
		for s := int64(0); s <= at; s += second {
			n := tallies.between(s, s+second)["n"]
			if n < 0 {
				t.Fatalf("second %d has %g", s/second, n)
			}
			sum += n
		}
		if want := float64(tallies.last().sum(0)); math.Abs(sum-want) > 1e-6 {
			t.Fatalf("the seconds add up to %g, counted were %g", sum, want)
		}
	})
}

// What was counted in the very first moment is not taken for nothing.
func TestCountsOfTheFirstMoment(t *testing.T) {
	var tallies tallies
	tallies.snap(0)
	tallies.counter("n").Add(1)
	tallies.snap(0)
	if got := tallies.between(0, second)["n"]; got != 1 {
		t.Errorf("counted 1, found %g", got)
	}
}

func TestSnapshotHasTheLastSecond(t *testing.T) {
	c := NewCollector(NewClock(time.Now()), nil)
	c.tallies.readings = nil
	c.tallies.snap(0)
	n := c.Counter("n")
	for i := range int64(3) {
		n.Add(10 * i)
		goTo(c, i+1)
		if got := c.Snapshot().Rates["n"]; got != float64(10*i) {
			t.Errorf("second %d: the rate is %g, want %d", i, got, 10*i)
		}
	}
}

func TestCountsAppearInTheResult(t *testing.T) {
	c := NewCollector(NewClock(time.Now()), nil)
	c.Counter("sent").Add(2)
	c.Counter("sent").Add(3)
	if got := c.Finish().Totals["sent"]; got != 5 {
		t.Errorf("two counters of 2 and 3 give %d", got)
	}
}
