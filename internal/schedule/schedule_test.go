package schedule

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustNew(t interface{ Fatal(...any) }, segments []Segment, a Arrival, seed uint64) *Schedule {
	s, err := New(segments, a, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUniformTimes(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name     string
		segments []Segment
		want     map[uint64]time.Duration
	}{
		{"constant", []Segment{{1000, 1000, s}}, map[uint64]time.Duration{0: 0, 1: 1e6, 999: 999e6, 1000: s, 3_600_000: time.Hour}},
		{"no length", []Segment{{From: 4, To: 4}}, map[uint64]time.Duration{1: s / 4, 40: 10 * s}},
		{"step", []Segment{{10, 10, s}, {100, 100, 0}}, map[uint64]time.Duration{9: 900e6, 10: s, 11: 1010e6}},
		{"ramp up", []Segment{{0, 100, 2 * s}}, map[uint64]time.Duration{0: 0, 1: 200e6, 25: s, 100: 2 * s, 200: 3 * s}},
		{"ramp down", []Segment{{100, 0, 2 * s}}, map[uint64]time.Duration{0: 0, 75: s, 99: 1800e6, 100: Never, 101: Never}},
		{"pause", []Segment{{10, 10, s}, {0, 0, 5 * s}, {10, 10, s}}, map[uint64]time.Duration{9: 900e6, 10: 6 * s, 11: 6100e6}},
		{"late start", []Segment{{0, 0, s}, {10, 10, s}}, map[uint64]time.Duration{0: s, 1: 1100e6}},
		{"end", []Segment{{10, 10, s}, {0, 0, 0}}, map[uint64]time.Duration{9: 900e6, 10: Never, 1 << 63: Never}},
		{"rare", []Segment{{From: 1e-3, To: 1e-3}}, map[uint64]time.Duration{1: 1e12, 9000: 9e15, 10_000_000: Never}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := mustNew(t, tt.segments, Uniform, 0).Cursor()
			for i, want := range tt.want {
				if got := time.Duration(c.At(i)); got != want {
					t.Errorf("At(%d) = %v, want %v", i, got, want)
				}
			}
		})
	}
}

// The time of a message far from the start is compared with exact arithmetic: no integer interval, no sum of rounding errors.
func TestUniformIsExactOverHours(t *testing.T) {
	for _, rate := range []float64{0.7, 3, 333, 20_000, 333_333.3, 1_500_000, 1e7} {
		c := mustNew(t, []Segment{{From: rate, To: rate}}, Uniform, 0).Cursor()
		for _, hours := range []float64{0.001, 1, 10, 1000} {
			i := uint64(rate * 3600 * hours)
			exact := new(big.Rat).SetInt(new(big.Int).Mul(new(big.Int).SetUint64(i), big.NewInt(1e9)))
			exact.Quo(exact, new(big.Rat).SetFloat64(rate))
			want, _ := exact.Float64()
			if got := float64(c.At(i)); math.Abs(got-want) > 1+want*1e-15 {
				t.Errorf("rate %g: At(%d) = %.0f, want %.1f", rate, i, got, want)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name     string
		segments []Segment
		arrival  Arrival
		want     string
	}{
		{"nothing", nil, Uniform, "without segments"},
		{"negative rate", []Segment{{From: 1, To: -1}}, Uniform, "segment 0 of the schedule: rate -1"},
		{"no number", []Segment{{From: 1, To: 1}, {From: math.NaN(), To: 1}}, Uniform, "segment 1 of the schedule: rate NaN"},
		{"infinite rate", []Segment{{From: math.Inf(1), To: 1}}, Uniform, "rate +Inf"},
		{"negative length", []Segment{{1, 1, -time.Second}}, Uniform, "length -1s is negative"},
		{"too long", []Segment{{1, 1, math.MaxInt64}, {1, 1, 1}}, Uniform, "segment 1 of the schedule ends after"},
		{"never", []Segment{{0, 0, time.Second}, {5, 0, 0}}, Uniform, "never sends a message"},
		{"arrival", []Segment{{From: 1, To: 1}}, 7, "arrival 7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(tt.segments, tt.arrival, 0); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestRateAndExpected(t *testing.T) {
	s := mustNew(t, []Segment{{0, 100, 2 * time.Second}, {50, 50, time.Second}, {50, 0, time.Second}}, Uniform, 0)
	for at, want := range map[time.Duration]float64{
		-1: 0, 0: 0, time.Second: 50, 2 * time.Second: 50, 3500 * time.Millisecond: 25, 4 * time.Second: 0, time.Hour: 0,
	} {
		if got := s.RateAt(int64(at)); got != want {
			t.Errorf("RateAt(%v) = %g, want %g", at, got, want)
		}
	}
	for _, tt := range []struct {
		from, to time.Duration
		want     float64
	}{
		{0, time.Second, 25},
		{time.Second, 2 * time.Second, 75},
		{-time.Hour, time.Hour, 175},
		{3 * time.Second, 4 * time.Second, 25},
		{time.Second, 0, -25},
	} {
		if got := s.Expected(int64(tt.from), int64(tt.to)); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("Expected(%v, %v) = %g, want %g", tt.from, tt.to, got, tt.want)
		}
	}
}

// drawSchedule is any schedule of up to 4 segments.
func drawSchedule(t *rapid.T) *Schedule {
	round := rapid.Map(rapid.IntRange(0, 100_000), func(n int) float64 { return float64(n) })
	rate := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0.001, 1e6), round)
	segments := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Segment {
		return Segment{rate.Draw(t, "from"), rate.Draw(t, "to"), time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "for"))}
	}), 1, 4).Draw(t, "segments")
	segments[0].To = max(segments[0].To, 0.001)
	segments[0].For = max(segments[0].For, 1)
	return mustNew(t, segments, rapid.SampledFrom([]Arrival{Uniform, Poisson}).Draw(t, "arrival"), rapid.Uint64().Draw(t, "seed"))
}

// drawIndex is a message around which things may go wrong: near the start, near a power of two, anywhere.
func drawIndex(t *rapid.T) uint64 {
	i := uint64(1) << rapid.IntRange(0, 40).Draw(t, "power")
	if rapid.Bool().Draw(t, "far") {
		return i + rapid.Uint64Range(0, i).Draw(t, "away")
	}
	return i + rapid.Uint64Range(0, 2).Draw(t, "near") - 1
}

func TestAtNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		c, i := s.Cursor(), drawIndex(t)
		before := c.At(i)
		if before < 0 {
			t.Fatalf("At(%d) = %d", i, before)
		}
		for range 1000 {
			i++
			now := c.At(i)
			if now < before {
				t.Fatalf("At(%d) = %d, after %d", i, now, before)
			}
			before = now
		}
	})
}

// Producers stride over one schedule with a cursor each; together they send exactly its messages.
func TestAtIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		start, n := drawIndex(t), rapid.IntRange(1, 7).Draw(t, "producers")
		whole := s.Cursor()
		strides := make([]*Cursor, n)
		for k := range strides {
			strides[k] = s.Cursor()
		}
		for i := start; i < start+600; i++ {
			if a, b := whole.At(i), strides[i%uint64(n)].At(i); a != b {
				t.Fatalf("At(%d) = %d in order, %d with stride %d", i, a, b, n)
			}
		}
		for range 20 {
			i := drawIndex(t)
			if a, b := whole.At(i), s.Cursor().At(i); a != b {
				t.Fatalf("At(%d) = %d of a used cursor, %d of a new one", i, a, b)
			}
		}
	})
}

func TestCountAgreesWithAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		until := rapid.Int64Range(-5, int64(5*time.Hour)).Draw(t, "until")
		if rapid.Bool().Draw(t, "border") {
			until = s.Cursor().At(drawIndex(t))
		}
		n, c := s.Count(until), s.Cursor()
		if n > 0 && c.At(n-1) >= until {
			t.Fatalf("Count(%d) = %d, but message %d is at %d", until, n, n-1, c.At(n-1))
		}
		if c.At(n) < until {
			t.Fatalf("Count(%d) = %d, but message %d is at %d", until, n, n, c.At(n))
		}
	})
}

// Uniform schedules offer what the integral of the rate says, to the message; the rate is then exact.
func TestCountIsTheIntegral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		s.arrival = Uniform
		until := rapid.Int64Range(1, int64(5*time.Hour)).Draw(t, "until")
		n, want := float64(s.Count(until)), s.Expected(0, until)
		if math.Abs(n-want) > 1+want*1e-12 {
			t.Fatalf("Count(%d) = %.0f, the rates offer %g", until, n, want)
		}
	})
}

func TestExpectedIsTheIntegralOfTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		for i := range s.pieces[:len(s.pieces)-1] {
			p := &s.pieces[i]
			a := p.start + int64(rapid.Float64Range(0, 0.5).Draw(t, "a")*float64(p.length))
			b := a + (p.start+p.length-a)/2
			want := (s.RateAt(a) + s.RateAt(b)) / 2 * float64(b-a) / 1e9
			if got := s.Expected(a, b); math.Abs(got-want) > 1e-6+s.Expected(0, b)*1e-12 {
				t.Fatalf("Expected(%d, %d) = %g, want %g", a, b, got, want)
			}
		}
	})
}
