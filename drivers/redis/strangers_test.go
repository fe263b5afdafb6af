package redis

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// refused opens a session that must fail, soon and with a reason that says what to do, but no password.
func refused(t *testing.T, cfg drivers.Config, why string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	s, err := New().Open(ctx, cfg, drivertest.Env("refused"))
	if err == nil {
		s.Close(t.Context())
		t.Fatal("a session was opened")
	}
	if !strings.Contains(err.Error(), why) {
		t.Errorf("the error %q does not say %q", err, why)
	}
	if cfg.Auth.Password != "" && strings.Contains(err.Error(), cfg.Auth.Password) {
		t.Errorf("the error shows a secret: %q", err)
	}
}

// stranger answers whatever is said to it with words, after its own greeting, and hangs up.
func stranger(t *testing.T, greeting, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, greeting)
			bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, words)
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// silent takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// TestStrangers connects to what is no Redis server, or not the kind that the target says.
func TestStrangers(t *testing.T) {
	dir := t.TempDir()
	cert, key, trust := certificate(t, dir)
	_, _, other := certificate(t, t.TempDir())
	secure := freeAddress(t)
	_, port, _ := net.SplitHostPort(secure)
	k := startNode(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "yes")
	locked := startNode(t)
	locked.run("ACL", "SETUSER", "default", ">secret")
	t.Cleanup(func() { // await and run come as nobody
		locked.kill()
	})
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	quick := drivers.Options{optAnswerTimeout: "2s"}
	for _, c := range []struct {
		name string
		cfg  drivers.Config
		why  string
	}{
		{"wrong certificate", drivers.Config{Servers: []string{secure}, TLS: &tls.Config{RootCAs: other}}, "nobody that the target trusts"},
		{"no client certificate", drivers.Config{Servers: []string{secure}, TLS: &tls.Config{RootCAs: trust}}, "client"},
		{"TLS to a plain server", drivers.Config{Servers: []string{k.address}, TLS: &tls.Config{RootCAs: trust}, Options: quick}, "use a redis:// address"},
		{"plain to a TLS server", drivers.Config{Servers: []string{secure}}, "rediss://"},
		{"HTTP", drivers.Config{Servers: []string{web.Listener.Addr().String()}, Options: quick}, `begins with "HTTP/1.1 400`},
		{"NATS", drivers.Config{Servers: []string{stranger(t, "INFO {\"server_id\":\"N\"} \r\n", "-ERR 'Unknown Protocol Operation'\r\n")}}, `begins with "INFO {`},
		{"a server that hangs up", drivers.Config{Servers: []string{stranger(t, "", "")}}, "correct the port"},
		{"a server that says nothing", drivers.Config{Servers: []string{silent(t)}, Options: quick}, "says nothing"},
		{"nobody", drivers.Config{Servers: []string{freeAddress(t)}}, "nothing listens there"},
		{"no password", drivers.Config{Servers: []string{locked.address}}, "wants to know who the client is"},
		{"wrong password", drivers.Config{Servers: []string{locked.address}, Auth: drivers.Auth{Password: "guess-it"}}, "does not take the client's"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.cfg, c.why) })
	}
	connect(t, drivers.Config{Servers: []string{locked.address}, Auth: drivers.Auth{Password: "secret"}})
	connect(t, drivers.Config{Servers: []string{locked.address}, Auth: drivers.Auth{User: "default", Password: "secret"}})
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	connect(t, drivers.Config{Servers: []string{secure}, TLS: &tls.Config{RootCAs: trust, Certificates: []tls.Certificate{pair}}})
}

// TestUnknownGreeting: a server that does not know the greeting quotes it, with the password in it; the error says what to do instead. Where
// there is HELLO alone that it does not know, administration gets by with AUTH, but messages do not.
func TestUnknownGreeting(t *testing.T) {
	for name, password := range map[string]string{"short": "the-secret", "cut off by the server": "the-secret" + strings.Repeat("x", 200)} {
		t.Run(name, func(t *testing.T) {
			k := startNode(t, "--rename-command", "HELLO", "")
			k.run("ACL", "SETUSER", "default", ">"+password)
			s := connect(t, drivers.Config{Servers: []string{k.address}, Auth: drivers.Auth{Password: password}})
			topic := drivers.Topic{Name: "t", Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1}}}
			_, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic, Window: 1}, func(drivers.Receipt) {})
			if err == nil || !strings.Contains(err.Error(), "rename-command") || strings.Contains(err.Error(), "the-secret") {
				t.Errorf("a producer: %v", err)
			}
			_, err = s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
			if err == nil || !strings.Contains(err.Error(), "rename-command") || strings.Contains(err.Error(), "the-secret") {
				t.Errorf("a consumer: %v", err)
			}
		})
	}
	k := startNode(t, "--rename-command", "HELLO", "", "--rename-command", "AUTH", "")
	refused(t, drivers.Config{Servers: []string{k.address}, Auth: drivers.Auth{Password: "the-secret"}}, "rename-command")
	odd := stranger(t, "", "-ERR syntax error near 'the-secret'\r\n")
	refused(t, drivers.Config{Servers: []string{odd}, Auth: drivers.Auth{Password: "the-secret"}}, "near '***'")
}

// TestBadDays makes a real server refuse what consumers and administration do.
func TestBadDays(t *testing.T) {
	t.Run("no memory", func(t *testing.T) { // what is there can still be read and acknowledged
		k := startNode(t)
		s := connect(t, claiming(k))
		topic := group(t, s, 5)
		k.run("CONFIG", "SET", "maxmemory", "1")
		c := consume(t, s, topic, 0)
		if err := c.Ack(t.Context(), receive(t, c, 5)); err != nil {
			t.Error(err)
		}
		owed(t, s, topic, 0)
	})
	t.Run("too many clients", func(t *testing.T) {
		k := startNode(t)
		s := connect(t, drivers.Config{Servers: []string{k.address}})
		k.run("CONFIG", "SET", "maxclients", "1")
		refused(t, drivers.Config{Servers: []string{k.address}}, "raise maxclients")
		_, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: drivers.Topic{Name: "t", Shards: 1, Replicas: 1}, Window: 1}, func(drivers.Receipt) {})
		if err == nil || !strings.Contains(err.Error(), "raise maxclients") {
			t.Errorf("a producer beyond the limit: %v", err)
		}
	})
	t.Run("loading", func(t *testing.T) {
		k := startNode(t, "--enable-debug-command", "yes")
		k.run("DEBUG", "POPULATE", "2000")
		k.run("SAVE")
		k.kill()
		k.args = append(k.args, "--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")
		k.start()
		eventually(t, func() error {
			s, err := New().Open(t.Context(), drivers.Config{Servers: []string{k.address}}, drivertest.Env("early"))
			if err == nil {
				s.Close(t.Context())
				t.Fatal("a server that loads its data was taken")
			}
			if !strings.Contains(err.Error(), "still reads its data") {
				return err
			}
			return nil
		})
	})
	t.Run("without a command", func(t *testing.T) { // as some managed servers, or old ones
		k := startNode(t, "--rename-command", "XREADGROUP", "")
		s := connect(t, drivers.Config{Servers: []string{k.address}})
		topic := group(t, s, 1)
		topic.Groups[0].Ack = drivers.AckBefore
		_, err := consume(t, s, topic, 0).Receive(t.Context(), make([]drivers.Delivery, 1))
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "unknown command 'xreadgroup'") {
			t.Errorf("receive: %v", err)
		}
	})
	t.Run("without a right", func(t *testing.T) {
		k := startNode(t)
		k.run("ACL", "SETUSER", "joe", "on", ">secret", "~other-*", "+@all", "-xreadgroup")
		cfg := drivers.Config{Servers: []string{k.address}, Auth: drivers.Auth{User: "joe", Password: "secret"}}
		topic := drivers.Topic{Name: "orders", Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1}}}
		if err := connect(t, cfg).Declare(t.Context(), topic); code(err) != "NOPERM" || !strings.Contains(err.Error(), "ACL SETUSER") {
			t.Errorf("declare where the keys are not: %v", err)
		}
		topic.Name = "other-orders"
		s := connect(t, cfg)
		if err := s.Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
		if err == nil {
			_, err = c.Receive(t.Context(), make([]drivers.Delivery, 1))
		}
		if code(err) != "NOPERM" || !strings.Contains(err.Error(), "ACL SETUSER") {
			t.Errorf("receive without the command: %v", err)
		}
	})
	t.Run("another kind of key", func(t *testing.T) {
		k := startNode(t)
		k.run("SET", "orders:0", "text")
		topic := drivers.Topic{Name: "orders", Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1}}}
		err := connect(t, drivers.Config{Servers: []string{k.address}}).Declare(t.Context(), topic)
		if code(err) != "WRONGTYPE" || !strings.Contains(err.Error(), `"orders:0"`) {
			t.Errorf("declare: %v", err)
		}
	})
	t.Run("too large", func(t *testing.T) { // the server would hang up on it, and take all that is under way with it
		k := startNode(t, "--proto-max-bulk-len", "1mb")
		s := connect(t, drivers.Config{Servers: []string{k.address}})
		p := produce(t, s, topicOf(t, s, 1), drivers.Accepted)
		batch := []drivers.Message{{Token: 1, Body: make([]byte, 1<<20+1)}, {Token: 2, Body: make([]byte, 1<<20)}}
		if err := errors.Join(p.Send(t.Context(), batch), p.Flush(t.Context())); err != nil {
			t.Fatal(err)
		}
		if r := p.receipts[1]; r.Outcome != drivers.Rejected || !errors.Is(r.Err, errTooLarge) {
			t.Errorf("too large: %s, %v", r.Outcome, r.Err)
		}
		if r := p.receipts[2]; r.Outcome != drivers.Acked {
			t.Errorf("just right: %s, %v", r.Outcome, r.Err)
		}
	})
}
