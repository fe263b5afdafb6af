//go:build unix

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ordeal/internal/cluster"
	"ordeal/internal/cluster/clustertest"
)

// scheme is that of a driver's URLs.
func scheme(driver string) string {
	if driver == "rabbitmq" {
		return "amqp"
	}
	return driver
}

// single starts one broker of a kind and gives its address.
func single(t *testing.T, kind string) string {
	t.Helper()
	return clustertest.Start(t, cluster.Spec{Kind: kind}).Servers()[0]
}

// A broker that cannot be used ends the run with 4, names the target and where it is, shows no password, and leaves nothing behind: an
// address where nobody is, a wrong password, a certificate that nobody vouches for, TLS where there is none, and every protocol at every
// other broker's port.
func TestBadDays(t *testing.T) {
	long(t)
	const password = "Tr0ub4dor-and-3"
	kinds := []string{"kafka", "nats", "rabbitmq", "redis"}
	at := map[string]string{}
	for _, kind := range kinds {
		at[kind] = single(t, kind)
	}
	dir := t.TempDir()
	certificate(t, dir)
	strangers := t.TempDir()
	certificate(t, strangers)
	lockedNATS := natsServer(t, "authorization { user: joe, password: right }\n")
	secureNATS := natsServer(t, "tls { cert_file: \""+filepath.Join(dir, "cert.pem")+"\", key_file: \""+filepath.Join(dir, "key.pem")+"\" }\n")
	lockedRedis, secureRedis := freeAddress(t), freeAddress(t)
	port := func(address string) string { return address[strings.LastIndex(address, ":")+1:] }
	plain := []string{"--save", "", "--bind", "127.0.0.1", "--dir", t.TempDir()}
	serve(t, lockedRedis, exec.Command("redis-server", append(plain, "--port", port(lockedRedis), "--requirepass", "right")...))
	serve(t, secureRedis, exec.Command("redis-server", append(plain, "--port", "0", "--tls-port", port(secureRedis),
		"--tls-cert-file", filepath.Join(dir, "cert.pem"), "--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-auth-clients", "no")...))
	distrusting := func(driver, address string) string {
		path := filepath.Join(strangers, driver+".yaml")
		text := "version: 1\ndriver: " + driver + "\nservers: ['" + address + "']\ntls: {ca: cert.pem}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	nobody := freeAddress(t)
	type badDay struct {
		name, target string
		want         []string // any one of these
	}
	tests := []badDay{
		{"wrong password/nats", "nats://joe:" + password + "@" + lockedNATS, []string{"uthorization"}},
		{"no password/nats", "nats://" + lockedNATS, []string{"uthorization"}},
		{"wrong password/redis", "redis://:" + password + "@" + lockedRedis, []string{"WRONGPASS"}},
		{"no password/redis", "redis://" + lockedRedis, []string{"NOAUTH"}},
		{"wrong password/rabbitmq", "amqp://guest:" + password + "@" + at["rabbitmq"], []string{"403", "password"}},
		{"a password nobody asks for/kafka", "kafka://joe:" + password + "@" + at["kafka"], []string{"SASL", "sasl"}},
		{"wrong CA/nats", distrusting("nats", secureNATS), []string{"certificate"}},
		{"wrong CA/redis", distrusting("redis", secureRedis), []string{"certificate"}},
		{"plain to TLS/nats", "nats://" + secureNATS, []string{"TLS", "tls", "secure"}},
		{"plain to TLS/redis", "redis://" + secureRedis, []string{"TLS", "tls"}},
	}
	for _, driver := range kinds {
		secure := map[string]string{"kafka": "kafkas", "nats": "tls", "rabbitmq": "amqps", "redis": "rediss"}[driver]
		tests = append(
			tests,
			badDay{"nobody/" + driver, scheme(driver) + "://" + nobody, []string{"connection refused: "}}, // and what to do
			badDay{"TLS to plain/" + driver, secure + "://" + at[driver], []string{"TLS", "tls"}},
		)
		for _, other := range kinds {
			if other != driver {
				tests = append(tests, badDay{driver + " at " + other, scheme(driver) + "://" + at[other], nil})
			}
		}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // some wait for seconds for a word that never comes
			c := start(t, "run", "steady", "--on", test.target, "--report", "none", "--progress", "none", "-v")
			c.ends(4)
			all := c.stderr() + c.stdout.String()
			if strings.Contains(all, password) || len(filesWith(t, c.dir, password)) > 0 {
				t.Errorf("the password is shown:\n%s", all)
			}
			c.said(strings.ReplaceAll(test.target, password, "***"))
			found := test.want == nil
			for _, w := range test.want {
				found = found || strings.Contains(c.stdout.String(), w)
			}
			if !found {
				t.Errorf("it says none of %q:\n%s", test.want, c.stdout.String())
			}
			if left := processesOf(t, c.dir); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
		})
	}
}

// Settings of brokers that ordeal sets itself, or that nobody would take, are refused before anything is started.
func TestServerSettingsThatCannotBe(t *testing.T) {
	for _, test := range []struct{ on, settings, want string }{
		{"nats", "nats: {server: {port: '99'}}", "options.nats.server: port: ordeal sets this one itself"},
		{"kafka", "kafka: {server: {log.dirs: x, log.dir: y}}", "options.kafka.server: log.dir: ordeal sets this one itself; log.dirs: ordeal"},
		{"rabbitmq", "rabbitmq: {server: {cluster_name: x}}", "options.rabbitmq.server: cluster_name: ordeal sets this one itself"},
		{"redis", "redis: {server: {Save me: x}}", "options.redis.server: Save me: not a setting of redis-server"},
		{"nats://127.0.0.1:1", "nats: {server: {max_payload: 1MB}}", "options.nats.server sets up brokers that ordeal starts"},
	} {
		c := start(t, "run", "steady", "--on", test.on, "--set", "options={"+test.settings+"}")
		c.ends(64)
		c.said(test.want)
	}
}
