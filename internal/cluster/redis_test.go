package cluster

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ordeal/faults"
	"ordeal/faults/pid"
)

// startTestRedis starts a cluster that is closed when the test ends, and checks that nothing is left of it then. Where Redis is not
// installed it skips, and fails under CI.
func startTestRedis(t *testing.T, spec Spec) *redis {
	t.Helper()
	needTestRedis(t)
	if spec.Dir == "" {
		spec.Dir = t.TempDir()
	}
	spec.Kind, spec.Logger = "redis", testLogger(t)
	started, err := Start(within(t, 60*time.Second), spec)
	if err != nil {
		t.Fatal(err)
	}
	c := started.(*redis)
	t.Cleanup(func() {
		last := processes(c)
		if err := c.Close(within(t, 30*time.Second)); err != nil {
			t.Error(err)
		}
		for _, p := range last {
			if state, err := p.State(); err != nil || state != pid.Gone {
				t.Errorf("after Close process %d is %v, %v", p.PID, state, err)
			}
		}
	})
	return c
}

func needTestRedis(t *testing.T) {
	t.Helper()
	if _, err := needRedis(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func redisSay(t *testing.T, n faults.Node, command string) string {
	t.Helper()
	reply, err := redisAsk(within(t, 10*time.Second), n.Address(), command)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// TestRedisNode takes a node through everything that faults do to it; what was written survives it all.
func TestRedisNode(t *testing.T) {
	ctx := within(t, 60*time.Second)
	dir := t.TempDir()
	c := startTestRedis(t, Spec{Dir: dir, Server: map[string]string{"appendfsync": "always", "hz": "20"}})
	if c.Name() != "redis" || !strings.Contains(c.Version(), ".") || len(c.Servers()) != 1 || len(c.Logs()) != 1 {
		t.Errorf("cluster %s, version %s, servers %v, logs %v", c.Name(), c.Version(), c.Servers(), c.Logs())
	}
	n := c.Nodes()[0]
	if n.Name() != "n1" || n.Address() != c.Servers()[0] {
		t.Errorf("node %s at %s", n.Name(), n.Address())
	}
	if have := redisSay(t, n, "CONFIG GET hz"); have != "hz\n20\n" {
		t.Errorf("the scenario's own setting is not in force: %q", have)
	}
	redisSay(t, n, "SET life one")
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("kill", n.Signal(ctx, faults.Kill))
	must("start", n.Start(ctx))
	must("ready", n.Ready(ctx))
	must("stop", n.Stop(ctx))
	must("start", n.Start(ctx))
	must("ready", n.Ready(ctx))
	must("pause", n.Signal(ctx, faults.Pause))
	await(t, "paused", func() bool { s, err := n.Status(ctx); return err == nil && s.Paused })
	brief, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := n.Ready(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a paused node is ready: %v", err)
	}
	must("resume", n.Signal(ctx, faults.Resume))
	must("ready", n.Ready(ctx))
	if have := redisSay(t, n, "GET life"); have != "one" {
		t.Errorf("what was written is %q after kill and restart", have)
	}
	must("close", c.Close(ctx))
	if _, err := os.Stat(filepath.Join(dir, "n1", "data")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder is left: %v", err)
	}
	if log, err := os.ReadFile(c.Logs()[0]); err != nil || len(log) == 0 {
		t.Errorf("no log: %v", err)
	}
}

// TestRedisPair kills the primary of two: nobody takes over, and when it is back the replica follows it again.
func TestRedisPair(t *testing.T) {
	ctx := within(t, 60*time.Second)
	c := startTestRedis(t, Spec{Nodes: 2})
	redisSay(t, c.Nodes()[0], "SET life one")
	await(t, "the replica has it", func() bool { return redisSay(t, c.Nodes()[1], "GET life") == "one" })
	if err := c.Nodes()[0].Signal(ctx, faults.Kill); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes()[0].Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes()[0].Ready(ctx); err != nil {
		t.Fatal(err)
	}
	for i, role := range []string{"master", "slave"} {
		info, err := c.nodes[i].info(ctx)
		if err != nil || info["role"] != role {
			t.Errorf("n%d is %s, %v", i+1, info["role"], err)
		}
	}
}

// TestRedisFailover kills the primary of three; the Sentinels promote another, and the old one is ready only when it follows that.
func TestRedisFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("a failover takes a while")
	}
	t.Parallel()
	ctx := within(t, 80*time.Second)
	c := startTestRedis(t, Spec{Nodes: 3, Server: map[string]string{"sentinel.down-after-milliseconds": "2000"}})
	if err := c.Nodes()[0].Signal(ctx, faults.Kill); err != nil {
		t.Fatal(err)
	}
	await(t, "a replica is promoted", func() bool {
		return slices.ContainsFunc(c.nodes[1:], func(n *redisNode) bool {
			info, err := n.info(ctx)
			return err == nil && info["role"] == "master"
		})
	})
	if err := c.Nodes()[0].Start(ctx); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes() {
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the old primary follows another one", func() bool { // Sentinel takes 10 s to reconfigure a primary that came back
		own, err := c.nodes[0].info(ctx)
		for _, n := range c.nodes[1:] {
			if info, e := n.info(ctx); err == nil && e == nil && info["role"] == "master" && c.nodes[0].follows(own, n) == nil {
				return true
			}
		}
		return false
	})
}

// TestRedisPortInUse offers ports of which one is taken: others are tried.
func TestRedisPortInUse(t *testing.T) {
	needTestRedis(t)
	first := startTestRedis(t, Spec{})
	rounds := 0
	second, err := startRedis(within(t, 30*time.Second), Spec{Kind: "redis", Nodes: 1, Dir: t.TempDir(), Logger: testLogger(t)},
		func(n int) ([]int, error) {
			if rounds++; rounds == 1 {
				return first.ports, nil
			}
			return freePorts(n)
		})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(within(t, 20*time.Second)); err != nil {
		t.Error(err)
	}
	if rounds != 2 {
		t.Errorf("ports were chosen %d times", rounds)
	}
}

func TestRedisSettings(t *testing.T) {
	err := checkRedis(map[string]string{"port": "1", "Bad Name": "x", "save": "a\nport 2", "appendfsync": "always", "sentinel.failover-timeout": "9"})
	if err == nil {
		t.Fatal("wrong settings are taken")
	}
	for _, name := range []string{"port: ordeal sets", "Bad Name: not a setting", "save: its value"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q is not in %q", name, err)
		}
	}
	for _, name := range []string{"appendfsync", "sentinel.failover-timeout"} {
		if strings.Contains(err.Error(), name+":") {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
	conf := redisConf{port: 1, store: "/d", primary: 2, quorum: 2, settings: map[string]string{"hz": "20", "sentinel.failover-timeout": "9"}}
	const want = "port 1\nbind 127.0.0.1\nprotected-mode no\ndir \"/d\"\nsentinel monitor ordeal 127.0.0.1 2 2\n" +
		"sentinel down-after-milliseconds ordeal 1000\nsentinel failover-timeout ordeal 9\nsentinel parallel-syncs ordeal 2\n"
	if have := conf.text(); have != want {
		t.Errorf("a Sentinel's file is\n%s\nwant\n%s", have, want)
	}
}

func TestFindRedisMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if f := FindRedis(); f.Found || f.Remedy == "" {
		t.Errorf("found %+v", f)
	}
	_, err := Start(within(t, 10*time.Second), Spec{Kind: "redis", Dir: t.TempDir(), Logger: testLogger(t)})
	if err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("the error names no remedy: %v", err)
	}
	t.Setenv("REDIS_SERVER", "/no/redis-server")
	_, err = Start(within(t, 10*time.Second), Spec{Kind: "redis", Dir: t.TempDir(), Logger: testLogger(t)})
	if err == nil || !strings.Contains(err.Error(), "REDIS_SERVER=/no/redis-server") {
		t.Errorf("the error does not say where the program was looked for: %v", err)
	}
}

// TestRedisServer takes the program that the user names, also by a path that begins in the working folder.
func TestRedisServer(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho Redis server v=8.1.0 sha=0\n"
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("REDIS_SERVER", "./mine")
	if f := FindRedis(); !f.Found || f.Version != "8.1.0" || f.Path != filepath.Join(dir, "mine") {
		t.Errorf("%+v", f)
	}
}

// FuzzRedisReply reads replies that no server would write.
func FuzzRedisReply(f *testing.F) {
	for _, seed := range []string{"+PONG\r\n", "$3\r\nabc\r\n", "*2\r\n$1\r\na\r\n:7\r\n", "-ERR no\r\n", "$-1\r\n", "*-1\r\n", "$99\r\nx", "*1\r\n*1\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b strings.Builder
		if readReply(bufio.NewReader(strings.NewReader(text)), &b, 1) == nil && b.Len() > len(text)+mostParts {
			t.Errorf("%d bytes of %d", b.Len(), len(text))
		}
	})
}
