package target_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/internal/cluster"
	"ordeal/internal/target"
)

// broker is a driver with an option.
type broker struct{ drivers.Driver }

func (broker) Name() string { return "broker" }
func (broker) Options() []drivers.Option {
	return []drivers.Option{{Name: "colour", Kind: drivers.KindEnum, Values: []string{"red", "blue"}, Default: "blue"}}
}

const secret = "hunter2"

// load writes the text into a folder with the other files, and reads it.
func load(t *testing.T, text string) (f *target.File, dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	cert, key := certificate(t)
	for name, content := range map[string]string{
		"prod.yaml": text, "password": secret + "\r\n", "empty": "\n", "ca.pem": cert, "cert.pem": cert, "key.pem": key,
		"credentials": "-----BEGIN\n" + secret + "\n-----END\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"PASSWORD": secret, "NOTHING": ""}
	f, err = target.Load(filepath.Join(dir, "prod.yaml"), []drivers.Driver{broker{}}, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	return f, dir, err
}

// certificate is one that signs itself, with its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

func TestLoad(t *testing.T) {
	f, dir, err := load(t, `
version: 1
driver: broker
nodes:
  n1: {address: "a:1", called: rabbit@a, commands: {kill: kill it, stop: s, start: t, pause: p, resume: r, alive: l}}
  n2: {address: "b:2"}
options: {colour: red}
auth: {mechanism: plain, user: me, password: {env: PASSWORD}}
tls: {ca: ca.pem, cert: cert.pem, key: key.pem, server_name: broker.internal}
`)
	if err != nil {
		t.Fatal(err)
	}
	nodes := []cluster.RemoteNode{
		{Address: "a:1", Called: "rabbit@a", Commands: cluster.Commands{Kill: "kill it", Stop: "s", Start: "t", Pause: "p", Resume: "r", Alive: "l"}},
		{Address: "b:2"},
	}
	if f.Driver != "broker" || !reflect.DeepEqual(f.Servers, []string{"a:1", "b:2"}) || !reflect.DeepEqual(f.Nodes, nodes) || f.Dir != dir {
		t.Errorf("read %+v", f)
	}
	if want := (drivers.Auth{Mechanism: "plain", User: "me", Password: secret}); f.Auth != want || f.Options["colour"] != "red" {
		t.Errorf("read %s, options %v", f.Auth, f.Options)
	}
	if f.TLS == nil || f.TLS.RootCAs == nil || len(f.TLS.Certificates) != 1 || f.TLS.ServerName != "broker.internal" || f.TLS.InsecureSkipVerify {
		t.Errorf("TLS is %+v", f.TLS)
	}
}

func TestLoadTheLeast(t *testing.T) {
	f, _, err := load(t, "{version: 1, driver: broker, servers: ['a:1', '[::1]:2']}")
	if err != nil {
		t.Fatal(err)
	}
	if f.TLS != nil || f.Auth != (drivers.Auth{}) || len(f.Nodes) != 0 || len(f.Servers) != 2 || len(f.Options) != 0 {
		t.Errorf("read %+v", f)
	}
	if f, _, err := load(t, "{version: 1, driver: broker, servers: ['a:1'], tls: {}}"); err != nil || f.TLS == nil || f.TLS.RootCAs != nil {
		t.Errorf("tls: {} is not TLS by the system's authorities: %+v, %v", f, err)
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	f, _, err := load(t, "{version: 1, driver: broker, servers: ['a:1'], auth: {password: {file: password}, secret: {file: credentials}}}")
	if err != nil || f.Auth.Password != secret || f.Auth.Secret != "-----BEGIN\n"+secret+"\n-----END" {
		t.Fatalf("%#v, %v", f, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, *f) + fmt.Sprintf(verb, f); strings.Contains(text, secret) {
			t.Errorf("%s shows a secret: %s", verb, text)
		}
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	const head = "version: 1\ndriver: broker\nservers: ['a:1']\n"
	tests := []struct{ text, want string }{
		{"", "prod.yaml:1:1: empty, expected a target file"},
		{"version: 2\ndriver: broker\nservers: ['a:1']", `prod.yaml:1:10: version: "2" is not 1, the only one there is`},
		{"version: 1\nservers: ['a:1']", "driver: missing, expected the name of a driver"},
		{"version: 1\ndriver: brokr\nservers: ['a:1']", `2:9: driver: there is no driver "brokr", expected one of broker; did you mean "broker"?`},
		{"version: 1\ndriver: broker", "servers: missing, expected a list of host:port, or nodes"},
		{"version: 1\ndriver: broker\nservers: a:1", "3:10: servers: is a single value, expected a list"},
		{"version: 1\ndriver: broker\nservers: [a]", `servers[0]: "a" is not host:port`},
		{"version: 1\ndriver: broker\nservers: ['a:x']", `"a:x" is not host:port`},
		{"version: 1\ndriver: broker\nservers: ['a:1', 'a:1']", "servers[1]: a:1 stands here a second time"},
		{"version: 1\ndriver: broker\nservers: ['me:hunter2@a:1']", "user and password belong under auth"},
		{"version: 1\ndriver: broker\nservers: ['nats://a:1']", "is a URL, expected host:port alone"},
		{head + "nodes: {n1: {address: 'a:1'}}", "nodes are given too"},
		{"version: 1\ndriver: broker\nnodes: {n1: {}}", "nodes.n1.address: missing, expected host:port"},
		{"version: 1\ndriver: broker\nnodes: {a: {address: 'a:1'}}", "nodes.a: nodes are called n1, n2 and so on in their order"},
		{"version: 1\ndriver: broker\nnodes: {n1: {address: 'a:1', commands: {kil: x}}}", `nodes.n1.commands.kil: unknown key, expected one of kill`},
		{head + "options: {color: red}", `options.color: unknown key, expected one of colour; did you mean "colour"?`},
		{head + "options: {colour: green}", `options.colour: "green" is not one of red, blue`},
		{head + "auth: {password: hunter2}", "4:18: auth.password: a secret may not stand in the file, expected {env: NAME} or {file: PATH}"},
		{head + "auth: {secret: hunter2, usr: hunter2}", "auth.usr: unknown key"},
		{head + "auth: {password: {env: ABSENT}}", "auth.password: variable ABSENT of the environment is not set, or empty"},
		{head + "auth: {password: {env: NOTHING}}", "NOTHING of the environment is not set, or empty"},
		{head + "auth: {secret: {file: absent}}", "absent: no such file or directory"},
		{head + "auth: {secret: {file: empty}}", "empty is empty, expected the secret"},
		{head + "tls: {ca: absent.pem}", "absent.pem: no such file or directory"},
		{head + "tls: {ca: password}", "password holds no certificate in PEM"},
		{head + "tls: {cert: cert.pem}", "tls: a client certificate needs both, cert and key"},
		{head + "tls: {cert: cert.pem, key: password}", "tls.cert: with key"},
		{head + "tls: {insecure: true}", "tls.insecure: unknown key"},
	}
	for _, test := range tests {
		_, _, err := load(t, test.text)
		if err == nil {
			t.Errorf("%q is a target, expected an error with %q", test.text, test.want)
			continue
		}
		if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q:\n%v\nexpected %q and no secret", test.text, err, test.want)
		}
	}
}

func TestLoadTellsAllAtOnce(t *testing.T) {
	_, _, err := load(t, "version: 1\ndriver: brokr\nservers: [a]\nauth: {password: {env: ABSENT}}\ntls: {ca: absent.pem}\ncolour: red\n")
	if err == nil {
		t.Fatal("it was read")
	}
	for i, want := range []string{":2:9: driver", ":3:11: servers[0]", ":4:8: auth.password", ":5:11: tls.ca", ":6:1: colour"} {
		if lines := strings.Split(err.Error(), "\n"); len(lines) != 5 || !strings.Contains(lines[i], want) {
			t.Errorf("line %d of\n%v\nis not about %q", i+1, err, want)
		}
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	if _, err := target.Load(filepath.Join(t.TempDir(), "none.yaml"), nil, os.LookupEnv); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("%v, expected an error that names the file", err)
	}
}
