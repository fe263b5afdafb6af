package kafka

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// older makes a real broker look like one of an earlier version: it knows as many versions of each request as that one did. What a client then
// asks, the broker answers as it would have then.
type older struct {
	knows *kversion.Versions

	mu sync.Mutex
	// asked is the highest version that was asked for, by the kind of request.
	asked map[int16]int16
}

func (o *older) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := drivertest.Dial(ctx, network, addr)
	return &olderConn{Conn: conn, older: o, began: make(chan struct{})}, err
}

// olderConn changes the answer to the ApiVersions with which the library begins its first connection to a broker.
type olderConn struct {
	net.Conn
	older *older
	// began is closed once it is known how the connection begins: the driver reads before it writes.
	began chan struct{}
	once  sync.Once
	// asking tells that it began so and there was no answer yet; rest is what is left of one.
	asking bool
	rest   []byte
	// version is of the last request; the lock of older guards it.
	version int16
}

func (c *olderConn) Write(b []byte) (int, error) {
	const head = 8 // size, key, version: https://kafka.apache.org/protocol#protocol_common
	if len(b) >= head {
		key, version := int16(binary.BigEndian.Uint16(b[4:])), int16(binary.BigEndian.Uint16(b[6:]))
		c.older.mu.Lock()
		c.older.asked[key] = max(c.older.asked[key], version)
		c.version = version
		c.older.mu.Unlock()
		c.once.Do(func() {
			c.asking = kmsg.Key(key) == kmsg.ApiVersions
			close(c.began)
		})
	}
	return c.Conn.Write(b)
}

func (c *olderConn) Close() error {
	c.once.Do(func() { close(c.began) })
	return c.Conn.Close()
}

func (c *olderConn) Read(b []byte) (int, error) {
	<-c.began
	switch {
	case c.asking && len(c.rest) == 0:
		if err := c.tell(); err != nil {
			return 0, err
		}
	case len(c.rest) == 0:
		return c.Conn.Read(b)
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *olderConn) tell() error {
	var head [8]byte // size, correlation id
	if _, err := io.ReadFull(c.Conn, head[:]); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(c.Conn, body); err != nil {
		return err
	}
	const unsupported = 35 // the version of the request; the library asks again with another (KIP-511)
	if len(body) > 1 && body[1] == unsupported {
		c.rest = append(head[:], body...)
		return nil
	}
	answer := kmsg.NewPtrApiVersionsResponse()
	c.older.mu.Lock()
	answer.SetVersion(c.version)
	c.older.mu.Unlock()
	if err := answer.ReadFrom(body); err != nil {
		return err
	}
	var known []kmsg.ApiVersionsResponseApiKey
	for _, k := range answer.ApiKeys {
		if most, ok := c.older.knows.LookupMaxKeyVersion(k.ApiKey); ok && most >= k.MinVersion {
			k.MaxVersion = min(k.MaxVersion, most)
			known = append(known, k)
		}
	}
	answer.ApiKeys, c.asking = known, false
	c.rest = append(head[:], answer.AppendTo(nil)...)
	binary.BigEndian.PutUint32(c.rest, uint32(len(c.rest)-4))
	return nil
}

// TestOlderVersions sends, receives, replays and commits by the requests of earlier brokers: before Kafka 2.8 a topic has no ID, and up to 3.0
// messages are asked for by its name.
func TestOlderVersions(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	without := kversion.V3_1_0() // as with an inter.broker.protocol.version of before 2.8
	without.SetMaxKeyVersion(int16(kmsg.Metadata), 9)
	for _, c := range []struct {
		name  string
		knows *kversion.Versions
		fetch int16
	}{
		{"2.3", kversion.V2_3_0(), 11},
		{"2.7", kversion.V2_7_0(), 12},
		{"3.0", kversion.V3_0_0(), 12},
		{"3.1", kversion.V3_1_0(), 13},
		{"3.1-without-IDs", without, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &older{knows: c.knows, asked: map[int16]int16{}}
			cfg := drivers.Config{Servers: server}
			env := drivertest.Env("older")
			env.Dial = o.dial
			opened, err := New().Open(t.Context(), cfg, env)
			must(t, err)
			s := opened.(*session)
			defer s.Close(context.Background()) //nolint:errcheck // the test is over
			topic := drivers.Topic{
				Name: "since-" + c.name, Shards: 2, Replicas: 1, Groups: []drivers.Group{{Name: "a", Members: 1, Prefetch: 1000}},
			}
			must(t, s.Declare(t.Context(), topic))
			fill(t, s, topic, 0, 1000, 100)
			inOrder(t, join(t, cfg, topic, 0, o.dial), 1000, map[int32]int{})
			replay, err := s.Replay(t.Context(), topic, 1, drivers.Position{})
			must(t, err)
			inOrder(t, replay, 500, map[int32]int{})
			eventually(t, func() bool {
				left, err := s.Depth(t.Context(), topic, topic.Groups[0].Name)
				return err == nil && left == 0
			})
			o.mu.Lock()
			defer o.mu.Unlock()
			if got := o.asked[keyFetch]; got != c.fetch {
				t.Errorf("messages were asked for by version %d, want %d", got, c.fetch)
			}
		})
	}
}
