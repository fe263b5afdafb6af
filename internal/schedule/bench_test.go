package schedule

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkPacing compares the pacer with the plainest loop that does not drift: time.Sleep until the next message is due, then send
// all that are. They take turns of a quarter of a second, so that both see the same machine. Reported are the ratio of the median
// errors (actual minus intended time of each message; at most 0.3 is wanted), the pacer's share of one core (at most 0.5), and by how
// much its rate was off (at most 0.001).
func BenchmarkPacing(b *testing.B) {
	for _, rate := range []float64{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("%gk", rate/1000), func(b *testing.B) {
			ours := &loop{rate: rate}
			plain := &loop{rate: rate, due: func(now int64) int64 { return now }, wait: func(now, due int64) error {
				time.Sleep(time.Duration(due - now))
				return nil
			}}
			for range max(b.N, 5) {
				pacer, err := NewPacer(rate, 0)
				if err != nil {
					b.Fatal(err)
				}
				ours.due = pacer.Due
				ours.wait = func(now, due int64) error { return pacer.Wait(context.Background(), now, due) }
				ours.run(b, 250*time.Millisecond)
				if err := pacer.Close(); err != nil {
					b.Fatal(err)
				}
				plain.run(b, 250*time.Millisecond)
			}
			b.ReportMetric(ours.median()/plain.median(), "ratio")
			b.ReportMetric(ours.median()/1e3, "median-µs")
			b.ReportMetric(plain.median()/1e3, "sleep-median-µs")
			b.ReportMetric(ours.share(), "cores")
			b.ReportMetric(plain.share(), "sleep-cores")
			b.ReportMetric(max(ours.achieved()-1, 1-ours.achieved()), "rate-error")
		})
	}
}

// loop sends nothing at a rate, and notes how late.
type loop struct {
	rate float64
	due  func(now int64) int64
	wait func(now, due int64) error
	late []int64
	took time.Duration
	cpu  time.Duration
}

func (l *loop) run(b *testing.B, length time.Duration) {
	s := mustNew(b, []Segment{{l.rate, l.rate, length}, {0, 0, 0}}, Uniform, 0)
	c, cpu, start := s.Cursor(), cpuTime(), time.Now()
	for i := uint64(0); c.At(i) != Never; {
		now := int64(time.Since(start))
		for upTo := l.due(now); c.At(i) <= upTo; i++ {
			l.late = append(l.late, now-c.At(i))
		}
		if err := l.wait(int64(time.Since(start)), min(c.At(i), int64(length))); err != nil {
			b.Fatal(err)
		}
	}
	l.took += time.Since(start)
	l.cpu += cpuTime() - cpu
}

func (l *loop) median() float64 {
	slices.Sort(l.late)
	return float64(l.late[len(l.late)/2])
}

func (l *loop) share() float64 { return l.cpu.Seconds() / l.took.Seconds() }

// achieved is the rate from the first message to the last against the one wanted.
func (l *loop) achieved() float64 { return float64(len(l.late)) / (l.rate * l.took.Seconds()) }

func BenchmarkAt(b *testing.B) {
	ramp := []Segment{{1000, 1e6, time.Hour}, {From: 1e6, To: 1e6}}
	for name, s := range map[string]*Schedule{
		"uniform": mustNew(b, []Segment{{From: 1e6, To: 1e6}}, Uniform, 0),
		"ramp":    mustNew(b, ramp, Uniform, 0),
		"poisson": mustNew(b, []Segment{{From: 1e6, To: 1e6}}, Poisson, 0),
	} {
		b.Run(name, func(b *testing.B) {
			c, i := s.Cursor(), uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				c.At(i)
				i++
			}
		})
	}
	b.Run("poisson anywhere", func(b *testing.B) {
		c, i := mustNew(b, []Segment{{From: 1e6, To: 1e6}}, Poisson, 0).Cursor(), uint64(0)
		for b.Loop() {
			i += 0x9e3779b97f
			c.At(i)
		}
	})
}
