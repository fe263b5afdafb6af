package rabbitmq

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
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

// TestSecured uses one node that speaks TLS, too: a session over it with a user, the depth and the audit without the management plugin, and
// a topic whose producers want no acks.
func TestSecured(t *testing.T) {
	folder := t.TempDir()
	pool := certificate(t, folder)
	port := freePort(t)
	c := startRabbitMQ(t, 1, map[string]string{
		"listeners.ssl.1": port, "ssl_options.certfile": folder + "/cert.pem", "ssl_options.keyfile": folder + "/key.pem",
		"ssl_options.verify": "verify_none", "default_user": "guest",
	})
	cfg := drivers.Config{
		Servers: []string{port}, Auth: drivers.Auth{User: "guest", Password: "guest"}, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		Options: drivers.Options{optManagement: "none"},
	}
	group := drivers.Group{Name: "g", Members: 1, Prefetch: 10}
	topic := drivers.Topic{Name: "secured", Model: drivers.Queue, Shards: 2, Replicas: 1, Groups: []drivers.Group{group}}

	t.Run("unknown authority", func(t *testing.T) {
		strange := cfg
		strange.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		_, err := New().Open(t.Context(), strange, drivertest.Env(t.Name()))
		if err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("opened with: %v", err)
		}
	})
	t.Run("depth without management", func(t *testing.T) { depthWithout(t, cfg, topic) })
	t.Run("audit", func(t *testing.T) {
		without, err := connect(t, cfg).Audit(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		with, err := connect(t, drivers.Config{Servers: c.Servers()}).Audit(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		count := func(facts []drivers.Fact, status drivers.FactStatus) (n int) {
			for _, f := range facts {
				if f.Status == status {
					n++
				}
			}
			return n
		}
		if len(with) != len(without) || count(with, drivers.Confirmed) != len(with) {
			t.Errorf("with the plugin: %+v", with)
		}
		if count(without, drivers.Confirmed) != 2 || count(without, drivers.Unverified) != len(without)-2 {
			t.Errorf("without the plugin: %+v", without)
		}
	})
	t.Run("sent", func(t *testing.T) { sentOnly(t, cfg, topic) })
}

// depthWithout counts what waits, and refuses to count where a consumer that is lost may hold something.
func depthWithout(t *testing.T, cfg drivers.Config, topic drivers.Topic) {
	s := connect(t, cfg)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	depth := func(want int64, refusal string) {
		t.Helper()
		n, err := s.Depth(t.Context(), topic, "g")
		if n != want || (err == nil) != (refusal == "") || err != nil && !strings.Contains(err.Error(), refusal) {
			t.Errorf("depth %d, %v; want %d, %q", n, err, want, refusal)
		}
	}
	depth(0, "no consumer")
	x := newTry(t, cfg, topic)
	x.expect(drivers.Message{Body: []byte("waits")}, drivers.Acked, nil)
	depth(1, "")
	spec := drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]}
	consumer, err := connect(t, cfg).Consumer(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := consumer.Receive(t.Context(), make([]drivers.Delivery, 1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	depth(0, "")
	if _, err := connect(t, cfg).Consumer(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	depth(0, "the lost ones may hold messages")
}

// sentOnly publishes without confirms: every message is acked when it was written, and a flush waits until the broker has read it. What is
// published elsewhere after the flush is behind all of it then. (The queue's own count would not do: it answers that before what waits for it.)
func sentOnly(t *testing.T, cfg drivers.Config, topic drivers.Topic) {
	topic.Name, topic.Shards = "sent", 1
	s := connect(t, cfg)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	acked := 0
	spec := drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Sent, Window: 100}
	p, err := s.Producer(t.Context(), spec, func(r drivers.Receipt) {
		if r.Outcome == drivers.Acked {
			acked++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := newTry(t, cfg, topic)
	const n = 1000
	for i := range n {
		if err := p.Send(t.Context(), []drivers.Message{{Token: uint64(i + 1), Body: []byte("body")}}); err != nil {
			t.Fatal(err)
		}
	}
	if acked != n {
		t.Errorf("%d of %d are acked", acked, n)
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	elsewhere.expect(drivers.Message{Body: []byte("marker")}, drivers.Acked, nil)
	consumer, err := connect(t, cfg).Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	for got := 0; got <= n; {
		ds := make([]drivers.Delivery, 100)
		k, err := consumer.Receive(t.Context(), ds)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds[:k] {
			if marker := string(d.Body) == "marker"; marker != (got == n) {
				t.Fatalf("delivery %d of %d is %q", got, n, d.Body)
			}
			got++
		}
		if err := consumer.Ack(t.Context(), ds[:k]); err != nil {
			t.Fatal(err)
		}
	}
}

// certificate writes a certificate for 127.0.0.1 and its key into folder.
func certificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}

// freePort is an address on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its number is wanted
	return fmt.Sprint(l.Addr())
}
