//go:build unix

package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

// redisClient asks a Redis server in its inline protocol, apart from every driver.
type redisClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialRedis(t *testing.T, addr string) *redisClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) //nolint:errcheck // the test is over
	return &redisClient{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// ask gives all texts and numbers of the answer, however deep, in their order.
func (c *redisClient) ask(format string, args ...any) []string {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.conn, format+"\r\n", args...); err != nil {
		c.t.Fatal(err)
	}
	return c.answer()
}

func (c *redisClient) answer() []string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	kind, text := line[0], strings.TrimSpace(line[1:])
	switch kind {
	case '-':
		c.t.Fatalf("redis says %s", text)
	case '$', '*':
		n, err := strconv.Atoi(text)
		if err != nil {
			c.t.Fatal(err)
		}
		if kind == '$' {
			return []string{c.bulk(n)}
		}
		var all []string
		for range max(0, n) {
			all = append(all, c.answer()...)
		}
		return all
	}
	return []string{text}
}

func (c *redisClient) bulk(n int) string {
	c.t.Helper()
	if n < 0 {
		return ""
	}
	body := make([]byte, n+2)
	if _, err := io.ReadFull(c.in, body); err != nil {
		c.t.Fatal(err)
	}
	return string(body[:n])
}

// On a real broker: entries that somebody deletes before they are read are gone, and those over which somebody moves the group are held.
func TestHeldAndGoneOnRedis(t *testing.T) {
	long(t)
	addr := single(t, "redis")
	// The consumer is slower than the producer, so that there is always something that was not read yet.
	c := start(t, "run", scenario(t, "  - {name: warm-up, for: 2s}\n  - {name: steady, for: 3s}"), "--on", "redis://"+addr,
		"--set", "topics.orders.shards=1", "--set", "producers.checkout.rate=200/s", "--set", "producers.checkout.keys=none",
		"--set", "consumers.payment={from: orders, ack: after, prefetch: 5, work: {time: 8ms}}", "--set", "checks=[no-loss]",
		"--set", "drain.timeout=60s", "--report", "none", "--progress", "plain", "--keep")
	c.saw("steady begins")
	r := dialRedis(t, addr)
	stream := ""
	for _, key := range r.ask("KEYS ordeal-*orders*") {
		if kind := r.ask("TYPE %s", key)[0]; kind == "stream" {
			stream = key
		}
	}
	if stream == "" {
		t.Fatalf("no stream among %q", r.ask("KEYS *"))
	}
	info := r.ask("XINFO GROUPS %s", stream)
	read, group := "", ""
	for i := range len(info) - 1 {
		switch info[i] {
		case "last-delivered-id":
			read = info[i+1]
		case "name":
			group = info[i+1]
		}
	}
	var unread []string // ids
	for _, text := range r.ask("XRANGE %s (%s + COUNT 100", stream, read) {
		if major, minor, ok := strings.Cut(text, "-"); ok && digits(major) && digits(minor) && len(major) > 10 {
			unread = append(unread, text)
		}
	}
	if len(unread) < 60 {
		t.Fatalf("only %d entries are unread behind %s; the answer of XINFO was %q", len(unread), read, info)
	}
	if n := r.ask("XDEL %s %s", stream, strings.Join(unread[50:53], " ")); n[0] != "3" {
		t.Fatalf("%s entries were deleted", n[0])
	}
	r.ask("XGROUP SETID %s %s %s", stream, group, unread[45])
	c.ends(1)
	run := c.report()
	check := run.Checks[0]
	if check.Counts["gone"] != 3 || check.Counts["held"] < 1 || check.Counts["held"] > 46 || check.Counts["unclear"] != 0 ||
		check.Counts["lost"] != check.Counts["gone"]+check.Counts["held"] {
		t.Errorf("%v: %s\n%+v", check.Counts, check.Why, run.Replays)
	}
	for _, p := range run.Replays[0].Places {
		if got := r.ask("XRANGE %s %s %[2]s", stream, strings.ReplaceAll(p.Position, ",", "")); len(got) == 0 {
			t.Errorf("%s is said to be held at %s, and is not there", p.Message, p.Position)
		}
	}
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
