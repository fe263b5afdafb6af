package bench

import (
	"encoding/csv"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// redisBenchmark is the path of Redis's own load tool; empty where it is not installed.
func redisBenchmark() string {
	path, err := exec.LookPath("redis-benchmark")
	if err != nil {
		return ""
	}
	return path
}

// redisTool is redis-benchmark, which sends one constant buffer and looks at no reply. It is told how many messages to send, so its own
// rate in a short run says how many that must be for as long as the other side takes.
func redisTool(path string, w *work) side {
	var n int
	return func(b *testing.B) figure {
		b.Helper()
		if n == 0 {
			n = int(redisRun(b, path, w, 50_000).Rate * (w.Warm + w.Full).Seconds())
		}
		return redisRun(b, path, w, n)
	}
}

func redisRun(b *testing.B, path string, w *work, n int) figure {
	b.Helper()
	_, port, err := net.SplitHostPort(w.Server)
	if err != nil {
		b.Fatal(err)
	}
	var out strings.Builder
	c := start(b, func(line string) { out.WriteString(line + "\n") }, path, "-p", port, "-c", "1", "-P", strconv.Itoa(pipeline),
		"-n", strconv.Itoa(n), "--csv", "XADD", "peer", "MAXLEN", "~", strconv.Itoa(trim), "*", "b", strings.Repeat("x", w.Size))
	if err := c.wait(); err != nil {
		b.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil || len(rows) != 2 || len(rows[1]) < 2 {
		b.Fatalf("redis-benchmark said %q, %v", out.String(), err)
	}
	rate, err := strconv.ParseFloat(rows[1][1], 64)
	if err != nil {
		b.Fatal(err)
	}
	state := c.cmd.ProcessState
	return figure{Rate: rate, CPU: (state.UserTime() + state.SystemTime()).Seconds() * 1e6 / float64(n)}
}
