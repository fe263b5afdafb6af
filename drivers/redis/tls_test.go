package redis

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// certificate writes one for 127.0.0.1 that signs itself, with its key, and returns who trusts it.
func certificate(t *testing.T, dir string) (cert, key string, trust *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ordeal test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	parsed, err := x509.ParseCertificate(signed)
	if err != nil {
		t.Fatal(err)
	}
	trust = x509.NewCertPool()
	trust.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", signed), write("key.pem", "EC PRIVATE KEY", secret), trust
}

// TestTLSAndACL goes the whole way by TLS as a user with a password and no more rights than the driver needs.
func TestTLSAndACL(t *testing.T) {
	cert, key, trust := certificate(t, t.TempDir())
	secure := freeAddress(t)
	_, port, _ := strings.Cut(secure, ":")
	k := startNode(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	k.run("ACL", "SETUSER", "tester", "on", ">secret", "~ordeal-*", "&ordeal-*", "+@stream", "+@list", "+@set", "+@hash", "+@string",
		"+@connection", "+@transaction", "+exists", "+del", "+unlink", "+info", "+wait", "+publish", "+subscribe", "+unsubscribe", "+pubsub")
	cfg := drivers.Config{Servers: []string{secure}, Auth: drivers.Auth{User: "tester", Password: "secret"}, TLS: &tls.Config{RootCAs: trust}}
	s := connect(t, cfg)
	topic := drivers.Topic{Name: "ordeal-tls", Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: 10}}}
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	r, _ := produce(t, s, topic, drivers.Accepted).one(t)
	if r.Outcome != drivers.Acked {
		t.Fatalf("%s: %v", r.Outcome, r.Err)
	}
	c := consume(t, s, topic, 0)
	ds := receive(t, c, 2)
	if err := c.Ack(t.Context(), ds); err != nil || ds[0].Position != r.Position {
		t.Errorf("received at %s, acked at %s, %v", ds[0].Position, r.Position, err)
	}
	facts, err := s.Audit(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	unverified := 0
	for _, f := range facts {
		if f.Status == drivers.Unverified && strings.Contains(f.Note, "CONFIG GET") {
			unverified++
		}
	}
	if unverified != 4 {
		t.Errorf("%d facts could not be verified without the right to CONFIG GET, want 4: %+v", unverified, facts)
	}
	if err := errors.Join(c.Close(t.Context()), s.Delete(t.Context(), topic)); err != nil {
		t.Error(err)
	}
	cfg.Options = drivers.Options{optQueue: "list"}
	s = connect(t, cfg)
	topic.Name, topic.Model = "ordeal-jobs", drivers.Queue
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	c = consume(t, s, topic, 0)
	produce(t, s, topic, drivers.Accepted).one(t)
	if err := c.Ack(t.Context(), receive(t, c, 2)); err != nil {
		t.Error(err)
	}
	if err := errors.Join(c.Close(t.Context()), s.Delete(t.Context(), topic)); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]drivers.Config{
		"certificate": {Servers: cfg.Servers, Auth: drivers.Auth{User: cfg.Auth.User, Password: cfg.Auth.Password}, TLS: &tls.Config{RootCAs: x509.NewCertPool()}},
		"WRONGPASS":   {Servers: cfg.Servers, Auth: drivers.Auth{User: cfg.Auth.User, Password: "guess"}, TLS: cfg.TLS},
	} {
		other, err := New().Open(t.Context(), wrong, drivertest.Env("wrong"))
		if err == nil {
			other.Close(context.Background()) //nolint:errcheck // the test has failed
			t.Fatalf("wrong %s: a session was opened", name)
		}
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not say %q", err, name)
		}
	}
}
