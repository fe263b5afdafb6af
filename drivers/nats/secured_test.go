package nats

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// papers are a certificate for 127.0.0.1, which signs itself, and its key.
type papers struct {
	cert, key string // files
	pair      tls.Certificate
	trust     *x509.CertPool
}

func makePapers(t *testing.T, name string) papers {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	p := papers{trust: x509.NewCertPool()}
	dir := t.TempDir()
	write := func(file, kind string, content []byte) string {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p.cert, p.key = write("cert.pem", "CERTIFICATE", signed), write("key.pem", "EC PRIVATE KEY", secret)
	if p.pair, err = tls.LoadX509KeyPair(p.cert, p.key); err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(signed)
	if err != nil {
		t.Fatal(err)
	}
	p.trust.AddCert(parsed)
	return p
}

func (p papers) server(more string) string {
	return fmt.Sprintf("tls { cert_file: %q, key_file: %q, %s }", p.cert, p.key, more)
}

func (p papers) client() *tls.Config { return &tls.Config{RootCAs: p.trust} }

// user makes an nkey.
func user(t *testing.T) (public, seed string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	return publicKey(t, pair), string(secret(t, pair))
}

func publicKey(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func secret(t *testing.T, pair nkeys.KeyPair) []byte {
	t.Helper()
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// decentral makes an operator with one account that may use JetStream, and returns the server's configuration and the text of a credentials
// file for a user of the account.
func decentral(t *testing.T, limit func(*jwt.OperatorLimits)) (config, credentials string) {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	if err != nil {
		t.Fatal(err)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	member, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	encode := func(text string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	oc := jwt.NewOperatorClaims(publicKey(t, operator))
	ac := jwt.NewAccountClaims(publicKey(t, account))
	ac.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	if limit != nil {
		limit(&ac.Limits)
	}
	system, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	sc := jwt.NewAccountClaims(publicKey(t, system))
	oc.SystemAccount = publicKey(t, system)
	uc := jwt.NewUserClaims(publicKey(t, member))
	uc.IssuerAccount = publicKey(t, account)
	file, err := jwt.FormatUserConfig(encode(uc.Encode(account)), secret(t, member))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload { %s: %s, %s: %s }", encode(oc.Encode(operator)),
		publicKey(t, account), encode(ac.Encode(operator)), publicKey(t, system), encode(sc.Encode(operator))), string(file)
}

// passage sends one message to each kind of topic and gets it back, so that both connections of a client have been let in.
func passage(t *testing.T, cfg drivers.Config) {
	t.Helper()
	for _, model := range []drivers.Model{drivers.Log, drivers.Broadcast} {
		s := connectAs(t, cfg)
		topic := orders(1)
		topic.Name, topic.Model = "orders-"+model.String(), model
		if err := s.Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
		if err != nil {
			t.Fatal(err)
		}
		guarantee := drivers.Accepted
		if model == drivers.Broadcast {
			guarantee = drivers.Sent
		}
		if r := newSenderFor(t, s, topic, guarantee).put(drivers.Message{Body: []byte("x")}); r.Outcome != drivers.Acked {
			t.Errorf("%s: %s, %v", model, r.Outcome, r.Err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		dst := make([]drivers.Delivery, 1)
		if n, err := c.Receive(ctx, dst); n != 1 || string(dst[0].Body) != "x" {
			t.Errorf("%s: %d deliveries, %v", model, n, err)
		}
		cancel()
	}
}

// TestMechanisms lets a client in by each, and not with another secret of the same kind.
func TestMechanisms(t *testing.T) {
	mine, client := makePapers(t, "server"), makePapers(t, "client")
	public, seed := user(t)
	_, stranger := user(t)
	config, credentials := decentral(t, nil)
	_, foreign := decentral(t, nil)
	mutual := mine.client()
	mutual.Certificates = []tls.Certificate{client.pair}
	for _, c := range []struct {
		name, server string
		right, wrong drivers.Config
		why          string
	}{
		{
			"password", `authorization { user: joe, password: secret }`,
			drivers.Config{Auth: drivers.Auth{User: "joe", Password: "secret"}},
			drivers.Config{Auth: drivers.Auth{User: "joe", Password: "guess"}},
			"does not take the client's user and password",
		},
		{
			"nobody", `authorization { user: joe, password: secret }`,
			drivers.Config{Auth: drivers.Auth{User: "joe", Password: "secret"}},
			drivers.Config{},
			"wants to know who the client is",
		},
		{
			"token", `authorization { token: secret }`,
			drivers.Config{Auth: drivers.Auth{Mechanism: byToken, Secret: "secret"}},
			drivers.Config{Auth: drivers.Auth{Mechanism: byToken, Secret: "guess"}},
			"does not take the client's token",
		},
		{
			"nkey", fmt.Sprintf(`authorization { users: [ { nkey: %s } ] }`, public),
			drivers.Config{Auth: drivers.Auth{Mechanism: byNkey, Secret: seed}},
			drivers.Config{Auth: drivers.Auth{Mechanism: byNkey, Secret: stranger}},
			"does not take the client's nkey",
		},
		{
			"credentials", config,
			drivers.Config{Auth: drivers.Auth{Mechanism: byCredentials, Secret: credentials}},
			drivers.Config{Auth: drivers.Auth{Mechanism: byCredentials, Secret: foreign}},
			"does not take the client's credentials",
		},
		{
			"client certificate", mine.server(fmt.Sprintf("ca_file: %q, verify: true", client.cert)),
			drivers.Config{TLS: mutual},
			drivers.Config{TLS: mine.client()},
			"certificate",
		},
		{
			"TLS first", mine.server("handshake_first: true"),
			drivers.Config{TLS: mine.client(), Options: drivers.Options{optTLSFirst: "true"}},
			drivers.Config{TLS: mine.client()},
			"set options.nats.tls_first",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			nodes := startNodes(t, 1, ";"+c.server)
			c.right.Servers, c.wrong.Servers = addresses(nodes), addresses(nodes)
			passage(t, c.right)
			refused(t, c.wrong, c.why)
		})
	}
}

// refused opens a session that must fail, soon and with a reason that says what to do, but none of the secrets.
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
	for _, hidden := range []string{cfg.Auth.Password, cfg.Auth.Secret} {
		if hidden != "" && strings.Contains(err.Error(), hidden) {
			t.Errorf("the error shows a secret: %q", err)
		}
	}
}

// TestUselessSecrets are found out before any connection.
func TestUselessSecrets(t *testing.T) {
	_, seed := user(t)
	for name, auth := range map[string]drivers.Auth{
		"nothing":            {Mechanism: byToken},
		"no seed":            {Mechanism: byNkey, Secret: "SUNOTASEED"},
		"a seed alone":       {Mechanism: byCredentials, Secret: seed},
		"an unknown way":     {Mechanism: "kerberos", Secret: "x"},
		"a file of nonsense": {Mechanism: byCredentials, Secret: "nonsense"},
	} {
		_, err := New().Open(t.Context(), drivers.Config{Servers: []string{"127.0.0.1:1"}, Auth: auth}, drivers.Env{Dial: nil, Logger: quiet()})
		if err == nil || auth.Secret != "" && len(auth.Secret) > 1 && strings.Contains(err.Error(), auth.Secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStrangers connects to what is no NATS server, or not the kind that the target says.
func TestStrangers(t *testing.T) {
	mine, other := makePapers(t, "server"), makePapers(t, "other")
	plain, secure := startNodes(t, 1, "")[0].client, startNodes(t, 1, ";"+mine.server(""))[0].client
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	closed := freePorts(t, 1)[0]
	for _, c := range []struct {
		name string
		cfg  drivers.Config
		why  string
	}{
		{"wrong certificate", drivers.Config{Servers: []string{secure}, TLS: other.client()}, "nobody that the target trusts"},
		{"TLS to a plain server", drivers.Config{Servers: []string{plain}, TLS: mine.client()}, "use a nats:// address"},
		{"plain to a TLS server", drivers.Config{Servers: []string{secure}}, "use a tls:// address"},
		{"TLS first to a server that speaks first", drivers.Config{
			Servers: []string{plain}, TLS: mine.client(), Options: drivers.Options{optTLSFirst: "true"},
		}, "leave options.nats.tls_first out"},
		{"TLS first without TLS", drivers.Config{Servers: []string{plain}, Options: drivers.Options{optTLSFirst: "true"}}, "has no TLS"},
		{"HTTP", drivers.Config{Servers: []string{web.Listener.Addr().String()}}, "correct the port"},
		{"a server that hangs up", drivers.Config{Servers: []string{greeter(t, "")}}, "correct the port"},
		{"mail", drivers.Config{Servers: []string{greeter(t, "220 mail.example.org ESMTP\r\n")}}, `begins with "220 mail`},
		{"nobody", drivers.Config{Servers: []string{closed}}, "nothing listens there"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.cfg, c.why) })
	}
}

// greeter says something to everybody and hangs up.
func greeter(t *testing.T, words string) string {
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
			io.WriteString(conn, words)
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestConformanceSecured is the suite by TLS with a signature.
func TestConformanceSecured(t *testing.T) {
	mine := makePapers(t, "server")
	public, seed := user(t)
	nodes := startNodes(t, 1, ";"+mine.server("")+fmt.Sprintf("\nauthorization { users: [ { nkey: %s } ] }", public))
	h := harness(addresses(nodes), 1)
	h.Messages, h.Trim = 2_000, nil // trim connects as nobody
	h.New = func(*testing.T) (drivers.Driver, drivers.Config) {
		return New(), drivers.Config{
			Servers: addresses(nodes), Options: drivers.Options{optAckWait: "1s", optStorage: "memory"}, TLS: mine.client(),
			Auth: drivers.Auth{Mechanism: byNkey, Secret: seed},
		}
	}
	drivertest.Run(t, h)
}
