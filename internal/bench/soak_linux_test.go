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
	for range soakTries {
		r := p.execute(b, fmt.Sprintf(soakScenario, int64(float64(messages)/rate*1.25)+1), kind)
		full := phase(b, r.Run, "full")
		fmt.Printf("%-8s  %s  %d messages, each checked, in %s; %.0f msg/s acknowledged; client %.2f µs/msg, %d MiB; broker %.2f µs/msg, %d MiB\n",
			kind, r.Verdict, r.Counts.Unique, r.Ended.Sub(r.Started).Round(1e8), full.AckedRate, float64(r.Harness.CPUPerMsg)/1000,
			max(r.child.high.Load(), r.Harness.RSSMax)>>20, r.Target.CPUSeconds*1e6/float64(r.Counts.Attempted), r.Target.RSSMax>>20)
		if r.Verdict != reports.Pass {
			b.Fatalf("%s: %s\n%s", r.Verdict, r.Headline, strings.Join(r.Reasons, "\n"))
		}
		if r.Counts.Unique >= messages {
			b.ReportMetric(0, "ns/op")
			return
		}
		rate = full.AckedRate // a broker that holds much may be slower
	}
	b.Fatalf("%d messages did not get through in %d runs: the rate of this machine varies too much", messages, soakTries)
}

// soakTries is how many runs may turn out too short.
const soakTries = 3

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
