//go:build unix

package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ordeal/faults"
	"ordeal/internal/cluster"
	"ordeal/internal/cluster/clustertest"
	"ordeal/reports"
)

// others is a cluster that somebody else runs, as far as an ordeal in another process can tell. Its nodes are killed by their pids, and
// started again by its keeper, when a file asks for it.
type others struct {
	cluster.Cluster
	t    *testing.T
	kind string
	dir  string
}

// elsewhere starts one of NATS.
func elsewhere(t *testing.T, nodes int, server map[string]string) *others {
	t.Helper()
	return elsewhereOf(t, "nats", nodes, server)
}

// elsewhereOf starts it. The keeper ends with the test.
func elsewhereOf(t *testing.T, kind string, nodes int, server map[string]string) *others {
	t.Helper()
	c := clustertest.Start(t, cluster.Spec{
		Kind: kind, Nodes: nodes, Server: server, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	o := &others{Cluster: c, t: t, kind: kind, dir: t.TempDir()}
	for _, n := range c.Nodes() {
		o.note(n)
	}
	keeping, stop := context.WithCancel(context.Background())
	kept := make(chan struct{})
	go func() { defer close(kept); o.keep(keeping) }()
	t.Cleanup(func() {
		stop()
		<-kept
	})
	return o
}

// note writes down a node's pid.
func (o *others) note(n faults.Node) {
	pid := strconv.Itoa(n.(faults.Local).LocalProcess().PID)
	if err := os.WriteFile(filepath.Join(o.dir, n.Name()+".pid"), []byte(pid), 0o644); err != nil {
		o.t.Error(err)
	}
}

// keep starts a node when a file called n1.start is there.
func (o *others) keep(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, n := range o.Nodes() {
			wish := filepath.Join(o.dir, n.Name()+".start")
			if _, err := os.Stat(wish); err != nil {
				continue
			}
			if now, err := n.Status(ctx); err == nil && !now.Running && n.Start(ctx) == nil {
				o.note(n)
			}
			os.Remove(wish)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// file writes a target file for it, in which the nodes stand in the order given, and gives its path. Variables of the commands are the name of
// the node in the cluster, not that in the file: its keeper knows no other.
func (o *others) file(extra string, order ...int) string {
	o.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\ndriver: %s\nnodes:\n", o.kind)
	for i, at := range order {
		name := o.Nodes()[at].Name()
		fmt.Fprintf(&b, "  n%d:\n    address: %q\n    commands:\n", i+1, o.Nodes()[at].Address())
		fmt.Fprintf(&b, "      kill: kill -9 $(cat %s.pid)\n      stop: kill $(cat %[1]s.pid)\n", name)
		fmt.Fprintf(&b, "      pause: kill -STOP $(cat %s.pid)\n      resume: kill -CONT $(cat %[1]s.pid)\n", name)
		fmt.Fprintf(&b, "      alive: kill -0 $(cat %s.pid) && cat %[1]s.pid\n", name)
		fmt.Fprintf(&b, "      start: 'touch %s.start; echo $ORDEAL_NODE $ORDEAL_ADDRESS >> started; while test -e %[1]s.start; do sleep 0.02; done'\n", name)
	}
	path := filepath.Join(o.dir, "prod.yaml")
	if err := os.WriteFile(path, []byte(b.String()+extra), 0o644); err != nil {
		o.t.Fatal(err)
	}
	return path
}

// shortCrash makes leader-crash a matter of seconds.
func shortCrash(more ...string) []string {
	args := []string{"--report", "none"}
	for _, set := range append([]string{
		"producers.checkout.rate=500/s", "phases.warm-up.for=500ms", "phases.steady.for=1s", "phases.fault.for=10s", "phases.recovery.for=1s",
		"phases.fault.faults=[{kind: process.kill, target: leader(orders), at: 500ms, for: 6s}]", "drain.idle=200ms", "gates=[]",
	}, more...) {
		args = append(args, "--set", set)
	}
	return args
}

// The built-in leader-crash on a cluster that ordeal did not start: the leader is found though the broker calls its nodes otherwise than
// the file does, killed and started by the user's commands, and nothing is lost.
func TestLeaderCrashByTargetFile(t *testing.T) {
	long(t)
	o := elsewhere(t, 3, nil)
	path := o.file("", 2, 0, 1) // n1 of the file is n3 of the broker
	c := start(t, append([]string{"run", "leader-crash", "--on", path}, shortCrash()...)...)
	c.ends(0)
	r := c.report()
	f := r.Faults[0]
	if f.Verdict != reports.Pass || !strings.HasPrefix(f.Resolved, "n") || f.Evidence["old pid"] == "" || f.Evidence["old pid"] == f.Evidence["new pid"] {
		t.Errorf("the fault: %+v", f)
	}
	for _, want := range []string{"its kill command ended with 0; a new client: ", "connection refused"} {
		if !strings.Contains(f.Evidence["exit"], want) {
			t.Errorf("the evidence does not say %q: %q", want, f.Evidence["exit"])
		}
	}
	if len(r.Target.Nodes) != 3 || r.Target.Nodes[0] != "n1 "+o.Nodes()[2].Address() || r.Target.GuaranteeVerdict != reports.Pass {
		t.Errorf("the target: %+v", r.Target)
	}
	if started, err := os.ReadFile(filepath.Join(o.dir, "started")); err != nil || !strings.HasPrefix(string(started), f.Resolved+" 127.0.0.1:") {
		t.Errorf("the start command was run as %q for %s: %v", started, f.Resolved, err)
	}
	for _, n := range o.Nodes() {
		if now, err := n.Status(t.Context()); err != nil || !now.Running {
			t.Errorf("%s was left down", n.Name())
		}
	}
}

// The same way a broken promise is found: a kill that only says that it was done proves nothing.
func TestKillCommandThatKillsNobody(t *testing.T) {
	long(t)
	t.Parallel() // it waits for half a minute
	o := elsewhere(t, 1, nil)
	path := o.file("", 0)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("kill: kill -9 $(cat n1.pid)"), []byte("kill: 'true'"), 1)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	c := start(t, "run", scenario(t, "  - {name: steady, for: 1s}\n  - name: fault\n    for: 2s\n    faults:\n"+
		"      - {kind: process.kill, target: n1, at: 200ms, for: 300ms}"), "--on", path, "--report", "none")
	c.ends(3)
	if f := c.report().Faults[0]; f.Verdict != reports.Inconclusive || !strings.Contains(f.Why, "n1 did not end: process") {
		t.Errorf("the fault is %s: %s", f.Verdict, f.Why)
	}
}

// A node that could not be brought back is not hurt again: the repeats of its target are left out.
func TestNoRepeatOnATargetThatIsStillDown(t *testing.T) {
	long(t)
	o := elsewhere(t, 1, nil)
	path := o.file("", 0)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^      start: .*$`).ReplaceAll(text, []byte("      start: echo cannot >&2; exit 7"))
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	c := start(t, "run", scenario(t, "  - name: fault\n    for: 1s\n    faults:\n"+
		"      - {kind: process.kill, target: n1, at: 200ms, for: 300ms}"), "--on", path, "--on", path+"?ack_wait=2s", "--report", "none",
		"--set", "drain.timeout=1s", "--repeat", "3")
	c.ends(4)
	if want := "is refused: the run before left a fault in effect"; strings.Count(c.stderr(), want) != 2 {
		t.Errorf("stderr does not say once for each %q:\n%s", want, c.stderr())
	}
	if r := c.report(); len(r.Faults) != 1 || !r.Faults[0].NotUndone {
		t.Errorf("the only run: %+v", r.Faults)
	}
}

// A pause by command bites, by what a new client meets.
func TestPauseByTargetFile(t *testing.T) {
	long(t)
	o := elsewhere(t, 1, nil)
	c := start(t, "run", scenario(t, "  - {name: steady, for: 1s}\n  - name: fault\n    for: 5s\n    faults:\n"+
		"      - {kind: process.pause, target: n1, at: 200ms, for: 300ms}"), "--on", o.file("", 0), "--report", "none")
	c.ends(0)
	if f := c.report().Faults[0]; f.Verdict != reports.Pass || f.Evidence["state"] != "its pause command ended with 0, and a new client got no byte" {
		t.Errorf("the fault: %+v", f)
	}
}

// A fault for which a command is missing is refused before anything is connected, and says which one.
func TestMissingCommandsAreToldBeforeTheRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prod.yaml")
	text := "version: 1\ndriver: nats\nnodes:\n  n1: {address: '127.0.0.1:1', commands: {kill: 'true'}}\n  n2: {address: '127.0.0.1:2'}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{}, {"--dry-run"}} {
		c := start(t, append([]string{"run", "broker-crash", "--on", path}, args...)...)
		c.ends(4)
		c.said("process.kill is not possible here", "nodes.n1.commands.start is missing in "+path, "nodes.n2.commands.kill is missing")
		if _, err := os.Stat(filepath.Join(c.dir, "runs")); err == nil {
			t.Error("something was written")
		}
	}
	c := start(t, "run", "broker-pause", "--on", "nats://127.0.0.1:1")
	c.ends(4)
	c.said("process.pause is not possible here", "or a target file that says how its nodes are acted upon")
}

// SIGKILL of ordeal in mid-fault: undo starts what was killed, from anywhere.
func TestUndoStartsWhatACommandKilled(t *testing.T) {
	long(t)
	o := elsewhere(t, 1, nil)
	c := start(t, "run", scenario(t, strings.Replace(faulty, "process.pause", "process.kill", 1)), "--on", o.file("", 0), "--progress", "plain")
	c.saw("n1: in effect")
	if now, err := o.Nodes()[0].Status(t.Context()); err != nil || now.Running {
		t.Fatalf("the node runs: %+v, %v", now, err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.ends(-1)
	undo := startIn(t, t.TempDir(), "faults", "undo", c.folder())
	undo.ends(0)
	undo.said("process.kill on any (n1): ran ")
	if now, err := o.Nodes()[0].Status(t.Context()); err != nil || !now.Running {
		t.Errorf("the node is still down: %+v, %v", now, err)
	}
}

// Ctrl-C in mid-fault: what was killed is started again.
func TestInterruptStartsWhatACommandKilled(t *testing.T) {
	long(t)
	o := elsewhere(t, 1, nil)
	c := start(t, "run", scenario(t, strings.Replace(faulty, "process.pause", "process.kill", 1)), "--on", o.file("", 0), "--progress", "plain")
	c.saw("n1: in effect")
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	c.ends(130)
	if now, err := o.Nodes()[0].Status(t.Context()); err != nil || !now.Running {
		t.Errorf("the node is still down: %+v, %v", now, err)
	}
}

// No secret is in any file of a run or in anything printed: not when all goes well, and not when it does not.
func TestSecretsAreNowhere(t *testing.T) {
	long(t)
	const secret = "Tr0ub4dor-and-3"
	t.Setenv("NATS_PASSWORD", secret)
	dir := t.TempDir()
	certificate(t, dir)
	address := natsServer(t, fmt.Sprintf("authorization { user: joe, password: %q }\ntls { cert_file: %q, key_file: %q }\n",
		secret, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")))
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("password", secret+"\n")
	write("wrong", "wrong-"+secret+"\n")
	// The commands print the secret, too: one that fails and one that does not.
	file := func(name, auth string) string {
		return write(name, fmt.Sprintf("version: 1\ndriver: nats\nnodes:\n  n1:\n    address: %q\n    commands:\n"+
			"      {kill: 'echo $NATS_PASSWORD; false', start: 'echo $NATS_PASSWORD', alive: 'echo $NATS_PASSWORD'}\n"+
			"auth: {user: joe, password: %s}\ntls: {ca: cert.pem}\n", address, auth))
	}
	good, wrong := file("good.yaml", "{env: NATS_PASSWORD}"), file("wrong.yaml", "{file: wrong}")
	calm := "  - {name: steady, for: 500ms}"
	crash := calm + "\n  - {name: fault, for: 1s, faults: [{kind: process.kill, target: n1, at: 300ms, for: 100ms}]}"
	tests := []struct {
		name string
		exit int
		args []string
	}{
		{"by variable", 0, []string{"run", scenario(t, calm), "--on", good, "-v"}},
		{"by file", 0, []string{"run", scenario(t, calm), "--on", file("file.yaml", "{file: password}"), "--progress", "json"}},
		{"by URL", 4, []string{"run", scenario(t, calm), "--on", "tls://joe:" + secret + "@" + address, "-v"}}, // the certificate is not known
		{"a command that prints it", 3, []string{"run", scenario(t, crash), "--on", good, "-v"}},
		{"wrong", 4, []string{"run", scenario(t, calm), "--on", wrong, "-v"}},
		{"dry run", 0, []string{"run", scenario(t, calm), "--on", good, "--dry-run"}},
		{"an option that is not there", 64, []string{"run", scenario(t, calm), "--on", good + "?colour=red"}},
		{"a mechanism that is not there", 64, []string{"run", scenario(t, calm), "--on", good + "?auth=kerberos"}},
		{"literal", 64, []string{"run", scenario(t, calm), "--on", file("literal.yaml", secret)}},
		{"literal beside a mistake", 64, []string{"run", scenario(t, calm), "--on", file("beside.yaml", secret+", usr: "+secret)}},
		{"no YAML", 64, []string{"run", scenario(t, calm), "--on", file("broken.yaml", "*"+secret)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, test.args...)
			c.ends(test.exit)
			commands := []*command{c}
			if _, err := os.Stat(filepath.Join(c.dir, "runs", "latest", "run.json")); err == nil {
				for _, args := range [][]string{
					{"check", c.folder()}, {"report", c.folder(), "--format", "text"}, {"report", c.folder(), "--format", "json"}, {"faults", "undo", c.folder()},
				} {
					again := startIn(t, c.dir, args...)
					<-again.closed
					again.Wait() //nolint:errcheck // only what it prints is asked here
					commands = append(commands, again)
				}
			}
			for _, ran := range commands {
				if all := ran.stderr() + ran.stdout.String(); strings.Contains(all, secret) {
					t.Errorf("%s printed the secret:\n%s", ran.Args, all)
				}
			}
			if found := filesWith(t, c.dir, secret); len(found) > 0 {
				t.Errorf("the secret is in %s", found)
			}
		})
	}
	if found := filesWith(t, dir, secret); len(found) < 2 {
		t.Errorf("the search finds nothing where there is something: %s", found)
	}
}

// natsServer is a nats-server of its own, with JetStream and these lines in its configuration.
func natsServer(t *testing.T, lines string) (address string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	address = freeAddress(t)
	config := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("server_name: other\nlisten: %q\njetstream { store_dir: %q }\n%s", address, filepath.Join(dir, "data"), lines)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, address, exec.Command(self, "node", "nats-server", "--config", config))
	return address
}

// freeAddress is a loopback address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serve runs a server until the test ends, and returns when it listens. Its standard input stays open.
func serve(t *testing.T, address string, cmd *exec.Cmd) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // killed
		stdin.Close()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, said.String())
		}
	})
	await(t, "a server on "+address, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// certificate writes cert.pem for 127.0.0.1, which signs itself, and key.pem into dir.
func certificate(t *testing.T, dir string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ordeal test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: signed}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func filesWith(t *testing.T, dir, secret string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(secret)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
