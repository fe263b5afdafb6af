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

// soakScenario is a closed loop. Producers stop after some seconds, whatever their rate is, so a short run comes first that tells how many.
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
	rate := phase(b, p.execute(b, fmt.Sprintf(soakScenario, 5), kind).Run, "full").AckedRate
	for left, n := messages, 1; left > 0; n++ {
		r := p.execute(b, fmt.Sprintf(soakScenario, int64(float64(left)/rate*soakMargin)+1), kind)
		full := phase(b, r.Run, "full")
		fmt.Printf("%-8s  run %d  %s  %d messages, each checked, in %s; %.0f msg/s acknowledged; client %.2f µs/msg, %d MiB; broker %.2f µs/msg, %d MiB\n",
			kind, n, r.Verdict, r.Counts.Unique, r.Ended.Sub(r.Started).Round(1e8), full.AckedRate, float64(r.Harness.CPUPerMsg)/1000,
			max(r.child.high.Load(), r.Harness.RSSMax)>>20, r.Target.CPUSeconds*1e6/float64(r.Counts.Attempted), r.Target.RSSMax>>20)
		if r.Verdict != reports.Pass {
			b.Fatalf("%s: %s\n%s", r.Verdict, r.Headline, strings.Join(r.Reasons, "\n"))
		}
		left, rate = left-r.Counts.Unique, full.AckedRate
	}
	b.ReportMetric(0, "ns/op")
}

// soakMargin makes a run a little longer than its messages need, for a broker becomes slower with what it holds. Where that is not enough,
// another run takes the rest.
const soakMargin = 1.25

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
