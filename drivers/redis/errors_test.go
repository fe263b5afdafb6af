package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// fake is a server that greets as a real one does and answers everything else with an error.
func fake(conn net.Conn, refusal string) {
	r := bufio.NewReader(conn)
	for greeted := false; ; greeted = true {
		line, err := r.ReadString('\n') // *<parts>
		if err != nil {
			return
		}
		parts, err := strconv.Atoi(strings.TrimSpace(line[1:]))
		for range 2 * parts { // the length of each part, then the part
			if err == nil {
				_, err = r.ReadString('\n')
			}
		}
		answer := "-" + refusal + "\r\n"
		if !greeted {
			answer = "%1\r\n$5\r\nproto\r\n:3\r\n"
		}
		if err == nil {
			_, err = io.WriteString(conn, answer)
		}
		if err != nil {
			return
		}
	}
}

// replyError is what the driver gets when a server answers with text.
func replyError(t *testing.T, text string) error {
	t.Helper()
	server, client := net.Pipe()
	var serving sync.WaitGroup
	serving.Go(func() { fake(server, text) })
	env := drivertest.Env("fake")
	env.Dial = func(context.Context, string, string) (net.Conn, error) { return client, nil }
	set, err := New().settings(drivers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&access{env: env, set: set}).dialLine(t.Context(), "fake:1", controlBuffers())
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.ask(t.Context(), "XADD")
	l.close()
	serving.Wait()
	return err
}

func TestOutcome(t *testing.T) {
	for _, row := range []struct {
		name  string
		err   error
		want  drivers.Outcome
		final bool
	}{
		{"none", nil, drivers.Acked, false},
		{"a replica", replyError(t, "READONLY You can't write against a read only replica."), drivers.Rejected, true},
		{"too few replicas", replyError(t, "NOREPLICAS Not enough good replicas to write."), drivers.Rejected, false},
		{"no memory", replyError(t, "OOM command not allowed when used memory > 'maxmemory'."), drivers.Rejected, false},
		{"no disk", replyError(t, "MISCONF Redis is configured to save RDB snapshots"), drivers.Rejected, false},
		{"loading", replyError(t, "LOADING Redis is loading the dataset in memory"), drivers.Rejected, true},
		{"no primary", replyError(t, "MASTERDOWN Link with MASTER is down"), drivers.Rejected, true},
		{"a script", replyError(t, "BUSY Redis is busy running a script."), drivers.Rejected, false},
		{"no password", replyError(t, "NOAUTH Authentication required."), drivers.Rejected, true},
		{"no right", replyError(t, "NOPERM this user has no permissions"), drivers.Rejected, false},
		{"not a stream", replyError(t, "WRONGTYPE Operation against a key"), drivers.Rejected, false},
		{"another slot", replyError(t, "MOVED 866 127.0.0.1:7000"), drivers.Rejected, true},
		{"a migrating slot", replyError(t, "ASK 866 127.0.0.1:7000"), drivers.Rejected, false},
		{"a broken cluster", replyError(t, "CLUSTERDOWN The cluster is down"), drivers.Rejected, true},
		{"split keys", replyError(t, "TRYAGAIN Multiple keys request during rehashing of slot"), drivers.Rejected, false},
		{"wrong command", replyError(t, "ERR unknown command"), drivers.Rejected, false},
		{"aborted", replyError(t, "EXECABORT Transaction discarded because of previous errors."), drivers.Rejected, false},
		{"something new", replyError(t, "NEWCODE who knows"), drivers.Unknown, false},
		{"demoted", replyError(t, "UNBLOCKED force unblock from blocking operation"), drivers.Unknown, true},
		{"connection", lost(io.EOF), drivers.Unknown, true},
		{"silence", lost(os.ErrDeadlineExceeded), drivers.Unknown, true},
		{"odd reply", fmt.Errorf("%w: to XADD", errReply), drivers.Unknown, true},
		{"no shard", errShard, drivers.Rejected, true},
		{"closed", errClosed, drivers.Rejected, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			if have := outcome(row.err); have != row.want {
				t.Errorf("%v is %s, want %s", row.err, have, row.want)
			}
			if have := final(row.err); have != row.final {
				t.Errorf("%v is final: %v", row.err, have)
			}
		})
	}
	if err := lost(os.ErrDeadlineExceeded); !errors.Is(err, errNoAnswer) {
		t.Errorf("silence is %v", err)
	}
}

// settled sends with a producer of its own and returns the receipts, in order.
type settled struct {
	drivers.Producer
	mu       sync.Mutex
	receipts map[uint64]drivers.Receipt
	next     uint64
}

func produce(t *testing.T, s *session, topic drivers.Topic, guarantee drivers.Guarantee) *settled {
	t.Helper()
	p := &settled{receipts: make(map[uint64]drivers.Receipt)}
	var err error
	p.Producer, err = s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: guarantee, Window: 100}, func(r drivers.Receipt) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.receipts[r.Token] = r
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// one sends one message and returns its receipt, and what became of a Send after it.
func (p *settled) one(t *testing.T) (r drivers.Receipt, after error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p.next++
	if err := p.Send(ctx, []drivers.Message{{Token: p.next, Body: []byte("b" + strconv.FormatUint(p.next, 10))}}); err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	r = p.receipts[p.next]
	p.mu.Unlock()
	p.next++
	after = p.Send(ctx, []drivers.Message{{Token: p.next, Body: []byte("after")}})
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	return r, after
}

func topicOf(t *testing.T, s *session, replicas int) drivers.Topic {
	t.Helper()
	topic := drivers.Topic{
		Name: "t" + strconv.FormatInt(time.Now().UnixNano(), 36), Shards: 1, Replicas: replicas,
		Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: 100}},
	}
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	return topic
}

// TestOutcomesProvoked makes a real server give the errors of the table. What is rejected must not be in the stream.
func TestOutcomesProvoked(t *testing.T) {
	for _, row := range []struct {
		name, code string
		provoke    func(k *node, topic drivers.Topic)
		want       drivers.Outcome
		ends       bool // the producer is of no more use
	}{
		{"nothing wrong", "", func(*node, drivers.Topic) {}, drivers.Acked, false},
		{"no memory", "OOM", func(k *node, _ drivers.Topic) { k.run("CONFIG", "SET", "maxmemory", "1") }, drivers.Rejected, false},
		{"too few replicas", "NOREPLICAS", func(k *node, _ drivers.Topic) {
			k.run("CONFIG", "SET", "min-replicas-to-write", "1")
		}, drivers.Rejected, false},
		{"no disk", "MISCONF", func(k *node, _ drivers.Topic) { k.failSnapshots() }, drivers.Rejected, false},
		{"not a stream", "WRONGTYPE", func(k *node, topic drivers.Topic) {
			k.run("DEL", topic.Name+":0")
			k.run("SET", topic.Name+":0", "text")
		}, drivers.Rejected, false},
		{"no right", "NOPERM", func(k *node, _ drivers.Topic) { k.run("ACL", "SETUSER", "default", "-xadd") }, drivers.Rejected, false},
		{"a replica", "READONLY", func(k *node, _ drivers.Topic) {
			k.run("REPLICAOF", "127.0.0.1", "1")
		}, drivers.Rejected, true},
		{"killed", "", func(k *node, _ drivers.Topic) { // with the message on its way
			k.pause()
			time.AfterFunc(100*time.Millisecond, func() { k.process.Process.Kill() }) //nolint:errcheck // the outcome tells
		}, drivers.Unknown, true},
		{"paused", "", func(k *node, _ drivers.Topic) { k.pause() }, drivers.Unknown, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := startNode(t, "--enable-protected-configs", "yes")
			s := connect(t, drivers.Config{
				Servers: []string{k.address}, Options: drivers.Options{optAnswerTimeout: "300ms", optWaitTimeout: "10ms"},
			})
			topic := topicOf(t, s, 1)
			p := produce(t, s, topic, drivers.Accepted)
			row.provoke(k, topic)
			r, after := p.one(t)
			if r.Outcome != row.want || code(r.Err) != row.code || (r.Err == nil) != (row.want == drivers.Acked) {
				t.Errorf("outcome %s, error %v; want %s, code %q", r.Outcome, r.Err, row.want, row.code)
			}
			if (after != nil) != row.ends {
				t.Errorf("the next send: %v", after)
			}
		})
	}
}

// failSnapshots makes the server unable to save, after which it takes no writes.
func (k *node) failSnapshots() {
	k.Helper()
	if err := os.Mkdir(filepath.Join(k.dir, "blocked"), 0o700); err != nil {
		k.Fatal(err)
	}
	k.run("CONFIG", "SET", "save", "3600 1")
	k.run("CONFIG", "SET", "dbfilename", "blocked")
	k.run("BGSAVE")
	k.await(func(i info) bool { return i["rdb_last_bgsave_status"] == "err" })
}

// TestShortWait asks for a majority that is not there: nobody knows what becomes of the message, and the next one may do better.
func TestShortWait(t *testing.T) {
	primary := startNode(t)
	replica := startReplicas(t, primary, 1)[0]
	s := connect(t, drivers.Config{
		Servers: []string{primary.address, replica.address}, Guarantee: drivers.Replicated, Options: drivers.Options{optWaitTimeout: "200ms"},
	})
	topic := topicOf(t, s, 2)
	p := produce(t, s, topic, drivers.Replicated)
	if r, after := p.one(t); r.Outcome != drivers.Acked || after != nil {
		t.Fatalf("with a replica: %s, %v, then %v", r.Outcome, r.Err, after)
	}
	replica.pause()
	if r, after := p.one(t); r.Outcome != drivers.Unknown || !errors.Is(r.Err, errShort) || after != nil {
		t.Errorf("with a paused replica: %s, %v, then %v", r.Outcome, r.Err, after)
	}
	replica.resume()
	eventually(t, func() error {
		if r, _ := p.one(t); r.Outcome != drivers.Acked {
			return fmt.Errorf("%s: %w", r.Outcome, r.Err)
		}
		return nil
	})
}

// TestDurableNeedsWAITAOF: without it nobody can say that replicas have synced, so such a producer is refused and the audit says why.
func TestDurableNeedsWAITAOF(t *testing.T) {
	k := startNode(t, "--appendonly", "yes", "--appendfsync", "always")
	s := connect(t, drivers.Config{Servers: []string{k.address}, Guarantee: drivers.Durable})
	if atLeast(s.version, waitaofSince) {
		t.Skipf("the server is %s, which has WAITAOF", s.version)
	}
	topic := topicOf(t, s, 1)
	if r, _ := produce(t, s, topic, drivers.Durable).one(t); r.Outcome != drivers.Acked {
		t.Errorf("one durable copy: %s, %v", r.Outcome, r.Err)
	}
	topic.Replicas = 3
	if _, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Durable}, nil); err == nil {
		t.Error("a durable producer with replicas was made")
	}
	facts, err := s.Audit(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if f := facts[0]; f.Setting != drivers.VersionSetting || f.Status != drivers.Contradicted {
		t.Errorf("the audit says %+v", f)
	}
}
