package bench

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build makes the real binary.
func build(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "ordeal")
	if out, err := exec.Command("go", "build", "-o", path, "ordeal/cmd/ordeal").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

// BenchmarkHelp is the time for --help, against that of starting `true`. Claimed: at most 30 ms.
func BenchmarkHelp(b *testing.B) {
	ordeal := build(b)
	for range b.N {
		var ours, bare []float64
		for range 15 {
			ours = append(ours, elapsed(b, ordeal, "--help"))
			bare = append(bare, elapsed(b, "true"))
		}
		report(b, "ratio", ratios(ours, bare))
		b.ReportMetric(median(ours)*1000, "ms")
	}
}

func elapsed(b *testing.B, name string, args ...string) float64 {
	b.Helper()
	begin := time.Now()
	if err := exec.Command(name, args...).Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin).Seconds()
}

// BenchmarkFirstAck is the time from the start of ordeal's process until a message was acked by a nats-server that ordeal had to start:
// until the event that tells of the probes. Claimed: at most 0.5 s.
func BenchmarkFirstAck(b *testing.B) {
	ordeal := build(b)
	for range b.N {
		var took []float64
		for range 5 {
			cmd := exec.Command(ordeal, "run", "steady", "--set", "phases.warm-up.for=100ms", "--set", "phases.steady.for=100ms",
				"--set", "drain.idle=1ms", "--progress", "plain", "--report", "none", "--quiet", "--out", b.TempDir())
			stderr, err := cmd.StderrPipe()
			if err != nil {
				b.Fatal(err)
			}
			begin := time.Now()
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			var seen strings.Builder
			buf := make([]byte, 4096)
			for err == nil {
				var n int
				n, err = stderr.Read(buf)
				seen.Write(buf[:n])
				if strings.Contains(seen.String(), "probes acked") {
					took = append(took, time.Since(begin).Seconds())
					break
				}
			}
			for err == nil {
				_, err = stderr.Read(buf)
			}
			if err := cmd.Wait(); err != nil {
				b.Fatalf("%v\n%s", err, seen.String())
			}
		}
		b.ReportMetric(median(took), "s")
		b.ReportMetric(0, "ns/op")
	}
}
