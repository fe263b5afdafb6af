package cluster

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// redisConf is the configuration of one node, or of the Sentinel beside it. Ports are of 127.0.0.1. The file is the server's own after
// that: a failover is written there, so that a node comes back as what it was.
type redisConf struct {
	port    int
	store   string
	primary int // port of the node to follow; 0 for the primary itself
	// quorum is how many Sentinels must agree that the primary is down, set for a Sentinel only.
	quorum   int
	settings map[string]string
}

const (
	// sentinelName is what the Sentinels call the primary with its replicas.
	sentinelName = "ordeal"
	// sentinelSettings begins the names of settings that are for the Sentinels.
	sentinelSettings = "sentinel."
)

// redisOwn decide what ordeal relies upon.
func redisOwn() []string {
	return []string{
		"port", "bind", "dir", "daemonize", "supervised", "pidfile", "logfile", "protected-mode", "replicaof", "slaveof", "include",
		"requirepass", "masterauth", "masteruser", "user", "aclfile", "tls-port", "unixsocket", "cluster-enabled", "cluster-config-file",
	}
}

// redisDefaults are for a broker in a test: what was acked is written to a file, as the other brokers do, and synced every second, as
// Redis does by itself then; no snapshots; a replica follows at once and misses its primary within seconds.
func redisDefaults() map[string]string {
	return map[string]string{
		"appendonly": "yes", "save": "", "repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1", "repl-timeout": "5",
	}
}

// sentinelDefaults make a failover take seconds instead of half a minute.
func sentinelDefaults() map[string]string {
	return map[string]string{"down-after-milliseconds": "1000", "failover-timeout": "3000", "parallel-syncs": "2"}
}

// checkRedis refuses settings that cannot be.
func checkRedis(settings map[string]string) error {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		bare := strings.TrimPrefix(name, sentinelSettings)
		switch {
		case slices.Contains(redisOwn(), name):
			wrong = append(wrong, name+": ordeal sets this one itself")
		case !regexp.MustCompile(`^[a-z][a-z0-9-]*$`).MatchString(bare):
			wrong = append(wrong, name+": not a setting of redis-server; expected a name such as appendfsync, or sentinel.failover-timeout")
		case strings.ContainsAny(settings[name], "\r\n"):
			wrong = append(wrong, name+": its value has more than one line")
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("options.redis.server: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// text is the file.
func (c redisConf) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "port %d\nbind 127.0.0.1\nprotected-mode no\ndir %q\n", c.port, c.store)
	values, prefix := redisDefaults(), ""
	if c.quorum > 0 {
		values, prefix = sentinelDefaults(), "sentinel "
		fmt.Fprintf(&b, "sentinel monitor %s 127.0.0.1 %d %d\n", sentinelName, c.primary, c.quorum)
	} else if c.primary > 0 {
		fmt.Fprintf(&b, "replicaof 127.0.0.1 %d\n", c.primary)
	}
	for name, value := range c.settings {
		if bare, sentinel := strings.CutPrefix(name, sentinelSettings); sentinel == (c.quorum > 0) {
			values[bare] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if value == "" {
			value = `""`
		}
		if c.quorum > 0 {
			value = sentinelName + " " + value
		}
		fmt.Fprintf(&b, "%s%s %s\n", prefix, name, value)
	}
	return b.String()
}

func (c redisConf) write(path string) error { return os.WriteFile(path, []byte(c.text()), 0o644) }
