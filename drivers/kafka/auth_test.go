package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// TestMechanism is how users prove who they are, without a broker.
func TestMechanism(t *testing.T) {
	for _, c := range []struct {
		auth        drivers.Auth
		want, wrong string
	}{
		{want: ""},
		{auth: drivers.Auth{User: "u", Password: "p"}, want: "PLAIN"},
		{auth: drivers.Auth{User: "u", Password: "p", Mechanism: authPlain}, want: "PLAIN"},
		{auth: drivers.Auth{User: "u", Password: "p", Mechanism: authScram512}, want: "SCRAM-SHA-512"},
		{auth: drivers.Auth{User: "u", Mechanism: "kerberos"}, wrong: `"kerberos" is not one of plain, scram-sha-256, scram-sha-512`},
		{auth: drivers.Auth{Mechanism: authScram256}, wrong: "no user was given"},
		{auth: drivers.Auth{Password: "p"}, wrong: "a password was given and no user: name the user"},
		{auth: drivers.Auth{Password: "p", Mechanism: authPlain}, wrong: "no user was given"},
	} {
		m, err := mechanism(c.auth)
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", c.auth, err, c.wrong)
			}
		case err != nil:
			t.Errorf("%s: %v", c.auth, err)
		case (m == nil) != (c.want == "") || m != nil && m.Name() != c.want:
			t.Errorf("%s is %v, want %s", c.auth, m, c.want)
		}
	}
	for _, m := range New().Mechanisms() {
		got, err := mechanism(drivers.Auth{Mechanism: m.Name, User: "u"})
		if err != nil || !strings.EqualFold(got.Name(), m.Name) || m.Secret {
			t.Errorf("mechanism %s is listed and is %v, %v", m.Name, got, err)
		}
	}
}

// TestSecured runs the suite with SCRAM-SHA-512 over TLS, passes a message each other way, and comes in every wrong way.
func TestSecured(t *testing.T) {
	b := startSecured(t)
	for name, cfg := range map[string]drivers.Config{
		authPlain:            b.as(userTester, authPlain),
		"without a word":     b.as(userTester, ""),
		authScram256:         b.as(userTester, authScram256),
		authScram512:         b.as(userTester, authScram512),
		"client certificate": b.certified(userTester),
	} {
		t.Run(name, func(t *testing.T) { pass(t, cfg) })
	}
	t.Run("refusals", func(t *testing.T) { refusals(t, b) })
	t.Run("conformance", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the suite again")
		}
		h := harness(nil, 1)
		h.New = func(*testing.T) (drivers.Driver, drivers.Config) {
			cfg := b.as(userTester, authScram512)
			cfg.Options = drivers.Options{optSession: "1s"}
			return New(), cfg
		}
		h.Messages = 500
		drivertest.Run(t, h)
	})
}

// certified is the configuration of a user who comes with a certificate of the authority's.
func (b *secured) certified(user string) drivers.Config {
	b.Helper()
	key, cert := b.issue(user)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		b.Fatal(err)
	}
	config := b.trust()
	config.Certificates = []tls.Certificate{pair}
	return drivers.Config{Servers: []string{b.mutual}, TLS: config}
}

// pass sends a message and receives it.
func pass(t *testing.T, cfg drivers.Config) {
	s := connect(t, cfg)
	topic := drivers.Topic{
		Name: "pass-" + strings.NewReplacer("/", "-").Replace(t.Name()), Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "a", Members: 1}},
	}
	must(t, s.Declare(t.Context(), topic))
	settled := make(chan drivers.Receipt, 1)
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic, Window: 1}, func(r drivers.Receipt) { settled <- r })
	must(t, err)
	must(t, p.Send(t.Context(), []drivers.Message{{Body: []byte("by way of proof")}}))
	if r := <-settled; r.Outcome != drivers.Acked {
		t.Fatalf("%s: %v", r.Outcome, r.Err)
	}
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	must(t, err)
	got := hand(t, c, 1, 20*time.Second)
	if len(got) != 1 || string(got[0].Body) != "by way of proof" {
		t.Fatalf("received %v", got)
	}
	must(t, c.Ack(t.Context(), got))
	must(t, s.Delete(t.Context(), topic))
}

// refusals opens sessions that cannot be: each is told within seconds, by what is wrong and what to do.
func refusals(t *testing.T, b *secured) {
	with := func(cfg drivers.Config, change func(*drivers.Config)) drivers.Config {
		change(&cfg)
		return cfg
	}
	right, hasty := b.as(userTester, authScram512), drivers.Options{optRequestTimeout: "500ms"}
	for name, c := range map[string]struct {
		cfg  drivers.Config
		says []string
	}{
		"password of SCRAM": {
			with(right, func(c *drivers.Config) { c.Auth.Password = "wrong" }),
			[]string{b.sasl, "SASL_AUTHENTICATION_FAILED", "check user and password"},
		},
		"password of PLAIN": {
			with(b.as(userTester, authPlain), func(c *drivers.Config) { c.Auth.Password = "wrong" }),
			[]string{b.sasl, "SASL_AUTHENTICATION_FAILED", "check user and password"},
		},
		"user": {
			with(right, func(c *drivers.Config) { c.Auth.User = "nobody" }),
			[]string{b.sasl, "SASL_AUTHENTICATION_FAILED", "check user and password"},
		},
		"no user": {with(right, func(c *drivers.Config) { c.Auth = drivers.Auth{} }), []string{b.sasl, "give a user and a password"}},
		"a user where none is asked for": {
			with(right, func(c *drivers.Config) { c.Servers, c.TLS = []string{b.open}, nil }),
			[]string{b.open, "takes no user and password"},
		},
		"authority": {
			with(right, func(c *drivers.Config) { c.TLS = newAuthority(t).trust() }),
			[]string{b.sasl, "certificate signed by unknown authority", "give the authority that signed it"},
		},
		"name of the server": {
			with(right, func(c *drivers.Config) { c.TLS = c.TLS.Clone(); c.TLS.ServerName = "kafka.example" }),
			[]string{b.sasl, "kafka.example", "the name that is in it"},
		},
		"no client certificate": {
			with(b.certified(userTester), func(c *drivers.Config) { c.TLS.Certificates = nil }),
			[]string{b.mutual, "certificate", "give a client certificate"},
		},
		"plain text to a TLS port": {
			with(right, func(c *drivers.Config) { c.TLS = nil }), []string{b.sasl, "use TLS"},
		},
		"TLS to a plain port": {
			with(right, func(c *drivers.Config) { c.Servers, c.Auth = []string{b.open}, drivers.Auth{} }), []string{b.open, "without TLS"},
		},
		"nobody there": {
			drivers.Config{Servers: []string{freeAddress(t)}}, []string{"connection refused", "is the broker running"},
		},
		"mute":  {drivers.Config{Servers: []string{mute(t)}, Options: hasty}, []string{"does not answer as a Kafka broker"}},
		"redis": {drivers.Config{Servers: []string{redis(t)}, Options: hasty}, []string{"does not answer as a Kafka broker"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			s, err := New().Open(ctx, c.cfg, drivertest.Env("refused"))
			if err == nil {
				t.Fatal("it was opened", s.Close(t.Context()))
			}
			if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
				t.Errorf("it hangs: %v", err)
			}
			for _, word := range append(c.says, c.cfg.Servers[0]) {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("the error does not say %q: %v", word, err)
				}
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("the error gives the password away: %v", err)
			}
		})
	}
}

// mute listens and says nothing.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// redis is a real one, where it is installed; else a port that answers in its words.
func redis(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		const remedy = "redis-server is missing: apt-get install redis-server"
		if os.Getenv("CI") == "true" {
			t.Fatal(remedy)
		}
		t.Skip(remedy)
	}
	addr := freeAddress(t)
	_, port, _ := strings.Cut(addr, ":")
	node := exec.CommandContext(context.Background(), path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	tie(node)
	must(t, node.Start())
	t.Cleanup(func() {
		node.Process.Kill() //nolint:errcheck // it may be gone
		node.Wait()         //nolint:errcheck // likewise
	})
	eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		return err == nil && c.Close() == nil
	})
	return addr
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
