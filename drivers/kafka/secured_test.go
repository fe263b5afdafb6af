package kafka

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
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/internal/cluster"
	"ordeal/internal/cluster/clustertest"
)

// The users of the secured broker, with one password. tester may do everything, limited nothing that no rule allows.
const (
	userTester  = "tester"
	userLimited = "limited"
	password    = "it is a secret"
)

// authority signs certificates for 127.0.0.1 and for users.
type authority struct {
	*testing.T
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	serial int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t, serial: 1}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	about := a.about("ordeal test authority")
	about.IsCA, about.BasicConstraintsValid, about.KeyUsage = true, true, x509.KeyUsageCertSign
	raw, err := x509.CreateCertificate(rand.Reader, about, about, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) about(name string) *x509.Certificate {
	a.serial++
	return &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// issue returns a key and its certificate, both as PEM.
func (a *authority) issue(name string) (key, cert []byte) {
	a.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	raw, err := x509.CreateCertificate(rand.Reader, a.about(name), a.cert, &private.PublicKey, a.key)
	if err != nil {
		a.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// trust is what a client of a server of this authority needs.
func (a *authority) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// secured is one real broker with a listener of each kind and rules for who may do what.
type secured struct {
	*authority
	open, sasl, mutual string // addresses: plain text and all rights; SASL over TLS; TLS with a client certificate
}

func startSecured(t *testing.T) *secured {
	t.Helper()
	clustertest.Need(t, "kafka")
	dir := t.TempDir()
	b := &secured{authority: newAuthority(t), open: freeAddress(t), sasl: freeAddress(t), mutual: freeAddress(t)}
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, cert := b.issue("broker")
	identity := write("identity.pem", append(key, cert...))
	conf := write("server.properties", []byte(b.properties(filepath.Join(dir, "data"), identity, write("ca.pem", b.pem()), freeAddress(t))))
	java := b.java(dir)
	if said, err := exec.CommandContext(t.Context(), java[0],
		append(java[1:], "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", conf)...).CombinedOutput(); err != nil {
		t.Fatalf("format: %v\n%s", err, said)
	}
	log, err := os.Create(filepath.Join(dir, "kafka.log"))
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(context.Background(), java[0], append(java[1:], "kafka.Kafka", conf)...)
	node.Stdout, node.Stderr = log, log
	tie(node)
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		node.Process.Kill() //nolint:errcheck // it may be gone
		node.Wait()         //nolint:errcheck // likewise
		if said, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("the broker says at its end:\n%s", said[max(0, len(said)-3000):])
		}
		log.Close() //nolint:errcheck // nothing is read from it any more
	})
	b.users()
	return b
}

func (b *secured) java(dir string) []string {
	var found []string
	for _, part := range cluster.FindKafka() {
		found = append(found, part.Path)
	}
	return []string{
		found[0], "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.io.tmpdir=" + dir,
		"-Dkafka.logs.dir=" + dir, "-cp", filepath.Join(found[1], "*"),
	}
}

func (b *secured) properties(store, identity, trust, controller string) string {
	brokers := fmt.Sprintf("OPEN://%s,SASL://%s,MUTUAL://%s", b.open, b.sasl, b.mutual)
	return strings.Join([]string{
		"process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@" + controller, "controller.listener.names=CONTROLLER",
		"listeners=" + brokers + ",CONTROLLER://" + controller, "advertised.listeners=" + brokers, "inter.broker.listener.name=OPEN",
		"listener.security.protocol.map=OPEN:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT", "log.dirs=" + store,
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + identity, "ssl.truststore.type=PEM", "ssl.truststore.location=" + trust,
		"listener.name.mutual.ssl.client.auth=required", `ssl.principal.mapping.rules=RULE:^CN=(.*)$/$1/`,
		"listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		`listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_` + userTester +
			`="` + password + `";`,
		"listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users=User:ANONYMOUS;User:" + userTester,
		"offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1", "transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1", "transaction.state.log.num.partitions=1", "group.initial.rebalance.delay.ms=0",
		"group.min.session.timeout.ms=500", "auto.create.topics.enable=false", "log.cleaner.dedupe.buffer.size=2097152",
		"log.retention.check.interval.ms=300", "log.initial.task.delay.ms=300", "num.network.threads=2", "num.io.threads=2",
	}, "\n") + "\n"
}

// users waits for the broker and makes those of SCRAM.
func (b *secured) users() {
	b.Helper()
	eventually(b.T, func() bool {
		s, err := New().Open(b.Context(), drivers.Config{Servers: []string{b.open}}, drivertest.Env("users"))
		if err != nil {
			return false
		}
		defer s.Close(b.Context())                                                      //nolint:errcheck // nothing is asked of it any more
		for _, how := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} { // the broker takes one of a user at a time
			var upserts []kadm.UpsertSCRAM
			for _, user := range []string{userTester, userLimited} {
				upserts = append(upserts, kadm.UpsertSCRAM{User: user, Mechanism: how, Iterations: 4096, Password: password})
			}
			altered, err := s.(*session).admin.AlterUserSCRAMs(b.Context(), nil, upserts)
			if err != nil || altered.Error() != nil {
				return false
			}
		}
		return true
	})
}

// as is the configuration of a user who comes by TLS with a password.
func (b *secured) as(user, how string) drivers.Config {
	return drivers.Config{
		Servers: []string{b.sasl}, TLS: b.trust(), Auth: drivers.Auth{Mechanism: how, User: user, Password: password},
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing was written
	return l.Addr().String()
}
