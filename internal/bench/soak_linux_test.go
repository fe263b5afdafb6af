package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ordeal/internal/cluster"
	"ordeal/reports"
)

// tenMillion is how many messages go through each broker; ORDEAL_SOAK_MESSAGES overrides it for a look at the benchmark itself.
const tenMillion = 10_000_000

// soakScenario is a closed loop. Producers stop after some seconds, whatever their rate is, so a run of soakTrial comes first that tells how
// many.
// Everything stays on the broker until the run is over: nothing is trimmed, so that everything can be read.
const soakScenario = `
version: 1
name: soak
topics: {t: {shards: 2}}
producers: {p: {to: t, count: 2, rate: max, size: 100B, guarantee: accepted, window: 1000, retry: none}}
consumers: {c: {from: t, count: 2, ack: after, prefetch: 2000}}
phases: [{name: warm-up, for: 2s, record: false}, {name: full, for: %ds}]
drain: {idle: 2s, timeout: 600s}
checks: [no-loss, no-phantom, no-corruption, {order: per-shard}, {duplicates: {max: 0}}]
`

// BenchmarkSoak sends ten million messages through each broker, all of them checked, and fails at the first anomaly. `make soak` runs it.
func BenchmarkSoak(b *testing.B) {
	p := &peers{binary: build(b)}
	for _, kind := range []string{"nats", "redis", "kafka", "rabbitmq"} {
		b.Run(kind, func(b *testing.B) { p.soak(b, kind) })
	}
}

func (p *peers) soak(b *testing.B, kind string) {
	messages := int64(tenMillion)
	if text := os.Getenv("ORDEAL_SOAK_MESSAGES"); text != "" {
		if _, err := fmt.Sscan(text, &messages); err != nil || messages < 1 {
			b.Fatalf("ORDEAL_SOAK_MESSAGES=%q is no number of messages", text)
		}
	}
	room(b, messages*1000) // a broker needs a few hundred bytes for each, and ordeal six for each of its events
	rate := slowest(b, p.execute(b, fmt.Sprintf(soakScenario, soakTrial), kind).Run)
	for left, n := messages, 1; left > 0; n++ {
		r := p.execute(b, fmt.Sprintf(soakScenario, int64(float64(left)/rate*soakMargin)+1), kind)
		full := phase(b, r.Run, "full")
		fmt.Printf("%-8s  run %d  %s  %d messages, each checked, in %s; %.0f msg/s acknowledged; client %.2f µs/msg, %d MiB; broker %.2f µs/msg, %d MiB\n",
			kind, n, r.Verdict, r.Counts.Unique, r.Ended.Sub(r.Started).Round(1e8), full.AckedRate, float64(r.Harness.CPUPerMsg)/1000,
			max(r.child.high.Load(), r.Harness.RSSMax)>>20, r.Target.CPUSeconds*1e6/float64(r.Counts.Attempted), r.Target.RSSMax>>20)
		if r.Verdict != reports.Pass {
			b.Fatalf("%s: %s\n%s", r.Verdict, r.Headline, strings.Join(r.Reasons, "\n"))
		}
		left, rate = left-r.Counts.Unique, min(rate, slowest(b, r.Run))
	}
	b.ReportMetric(0, "ns/op")
}

const (
	// soakTrial is how long the first run is, in seconds: long enough to see a broker that begins fast become slower.
	soakTrial = 30
	// soakWindow is of how many seconds a rate is the mean, so that one bad second does not count for all.
	soakWindow = 5
	// soakMargin makes a run longer than its messages need at the slowest rate seen, for a broker becomes slower with what it holds. Where
	// that is not enough, another run takes the rest.
	soakMargin = 1.5
)

// slowest is the rate of acknowledgements in the slowest soakWindow of a run, in messages a second.
func slowest(b *testing.B, r *reports.Run) float64 {
	b.Helper()
	load := 0.0 // seconds, after which come those of the drain
	for i := range r.Phases {
		load += r.Phases[i].Seconds
	}
	var rates []float64
	for _, second := range r.Series[:min(len(r.Series), int(load))] {
		rates = append(rates, second.Acked)
	}
	rate := slowestRate(rates)
	if rate <= 0 {
		b.Fatalf("the slowest of %d seconds tell no rate", len(rates))
	}
	return rate
}

// slowestRate is that of the slowest soakWindow; the first and the last second, in which a load begins and ends, do not count. It is 0 where
// there are too few.
func slowestRate(rates []float64) float64 {
	least := 0.0
	for i := 1; i+soakWindow < len(rates); i++ {
		sum := 0.0
		for _, rate := range rates[i : i+soakWindow] {
			sum += rate
		}
		if mean := sum / soakWindow; i == 1 || mean < least {
			least = mean
		}
	}
	return least
}

// One bad second is not taken for the broker's rate, nor are the ends of the load.
func TestSlowestRate(t *testing.T) {
	for _, c := range []struct {
		rates []float64
		want  float64
	}{
		{[]float64{1, 10, 10, 10, 10, 10, 2}, 10},
		{[]float64{1, 10, 10, 0, 10, 10, 10, 20, 2}, 8},
		{[]float64{1, 10, 10, 10, 10, 10, 5, 5, 5, 5, 5, 1}, 5},
		{[]float64{1, 10, 10, 10, 10, 2}, 0},
	} {
		if got := slowestRate(c.rates); got != c.want {
			t.Errorf("%v: %v, want %v", c.rates, got, c.want)
		}
	}
}

// room ends the benchmark where the disk of the temporary files has less than so many bytes.
func room(b *testing.B, least int64) {
	b.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &s); err != nil {
		b.Fatal(err)
	}
	if free := int64(s.Bavail) * s.Bsize; free < least {
		b.Fatalf("%s has %d MiB left, and this needs %d MiB: set TMPDIR to a larger disk", os.TempDir(), free>>20, least>>20)
	}
}

// A soak is of no use where its broker is not to be had: the kinds are those that ordeal can start.
func TestSoakKindsCanBeStarted(t *testing.T) {
	for _, kind := range []string{"nats", "redis", "kafka", "rabbitmq"} {
		if !cluster.CanStart(kind) {
			t.Errorf("ordeal cannot start %s", kind)
		}
	}
}
