package rabbitmq

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
)

// clientCertificate is one for name, signed by the authority whose files certificate wrote into folder.
func clientCertificate(t *testing.T, folder, name string) tls.Certificate {
	t.Helper()
	authority, err := tls.LoadX509KeyPair(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, &key.PublicKey, authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestClientCertificates uses one node that wants a certificate from everybody, and takes it for a name from whoever asks for that.
func TestClientCertificates(t *testing.T) {
	if testing.Short() {
		t.Skip("a broker with TLS takes a while")
	}
	folder, strangers := t.TempDir(), t.TempDir()
	pool := certificate(t, folder)
	certificate(t, strangers)
	port := freePort(t)
	c := startRabbitMQ(t, 1, map[string]string{
		"listeners.ssl.1": port, "ssl_options.cacertfile": folder + "/cert.pem", "ssl_options.certfile": folder + "/cert.pem",
		"ssl_options.keyfile": folder + "/key.pem", "ssl_options.verify": "verify_peer", "ssl_options.fail_if_no_peer_cert": "true",
		"auth_mechanisms.1": "PLAIN", "auth_mechanisms.2": "EXTERNAL", "ssl_cert_login_from": "common_name",
	})
	a := admin{t, c.Nodes()[0]}
	with := func(auth drivers.Auth, certificates ...tls.Certificate) drivers.Config {
		return drivers.Config{
			Servers: []string{port}, Auth: auth, Options: drivers.Options{optManagement: managementPorts(c.Servers())[0]},
			TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, Certificates: certificates},
		}
	}
	external := drivers.Auth{Mechanism: authExternal}
	robot := clientCertificate(t, folder, "robot")

	if err := openError(t, with(external, robot)); !errors.Is(err, amqp.ErrSASL) || !strings.Contains(err.Error(), "rabbitmq_auth_mechanism_ssl") {
		t.Errorf("external without the plugin: %v", err)
	}
	plugins := a.environment()["RABBITMQ_ENABLED_PLUGINS_FILE"]
	if err := os.WriteFile(plugins, []byte("[rabbitmq_management,rabbitmq_auth_mechanism_ssl].\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.node.Stop(t.Context()), a.node.Start(t.Context()), a.node.Ready(t.Context())); err != nil {
		t.Fatal(err)
	}
	a.put(map[string]string{"password_hash": "", "tags": ""}, "users", "robot")
	a.put(map[string]string{"configure": "^robots", "write": `^(robots|amq\.default)`, "read": "^robots"}, "permissions", "/", "robot")

	const wants = "give cert and key under tls in a target file"
	for what, cfg := range map[string]drivers.Config{
		"no certificate":                 with(drivers.Auth{}),
		"a certificate of somebody else": with(drivers.Auth{}, clientCertificate(t, strangers, "robot")),
	} {
		if err := openError(t, cfg); !strings.Contains(err.Error(), wants) {
			t.Errorf("%s: %v", what, err)
		}
	}
	plainPort := with(drivers.Auth{})
	plainPort.TLS = nil
	if err := openError(t, plainPort); !errors.Is(err, errForeign) || !strings.Contains(err.Error(), "amqps://") {
		t.Errorf("without TLS: %v", err)
	}
	if err := openError(t, with(external)); !strings.Contains(err.Error(), "rests on a client certificate") {
		t.Errorf("external without a certificate: %v", err)
	}
	if err := openError(t, with(drivers.Auth{Mechanism: "gssapi"}, robot)); !strings.Contains(err.Error(), "plain and external") {
		t.Errorf("another mechanism: %v", err)
	}

	// By name and password the client is guest, whatever its certificate says; by the certificate it is robot, whose rights end at its topic.
	for _, auth := range []drivers.Auth{{}, {Mechanism: authPlain, User: "guest", Password: "guest"}, external} {
		cfg := with(auth, robot)
		s := connect(t, cfg)
		if err := s.Declare(t.Context(), queueTopic("robots")); err != nil {
			t.Fatal(err)
		}
		newTry(t, cfg, queueTopic("robots")).expect(drivers.Message{Body: []byte("body")}, drivers.Acked, nil)
		var refused *amqp.Error
		err := s.Declare(t.Context(), queueTopic("people"))
		if (auth == external) != (errors.As(err, &refused) && refused.Code == amqp.AccessRefused) {
			t.Errorf("%v declares what only guest may: %v", auth, err)
		}
	}
	// Where nobody is named, the management plugin is not asked; a user and a password beside the mechanism are for it.
	facts, err := connect(t, with(external, robot)).Audit(t.Context(), queueTopic("robots"))
	if err != nil || len(facts) < 3 {
		t.Fatalf("audit: %+v, %v", facts, err)
	}
	for _, f := range facts[2:] { // but for what AMQP tells
		if f.Status != drivers.Unverified || !strings.Contains(f.Note, "beside the mechanism external") {
			t.Errorf("%+v", f)
		}
	}
}
