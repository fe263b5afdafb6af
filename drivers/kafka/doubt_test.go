package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// doubtful dials connections on which a broker answers to every produce request that it waited for its followers in vain, though it has the
// messages.
type doubtful struct{ answers atomic.Int64 }

func (d *doubtful) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := drivertest.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &doubtfulConn{Conn: c, doubtful: d, versions: make(map[uint32]int16)}, nil
}

type doubtfulConn struct {
	net.Conn
	*doubtful
	mu sync.Mutex
	// versions are those of the produce requests under way, by their numbers.
	versions map[uint32]int16
	rest     []byte // of an answer; the reader's
}

// Write notes produce requests: https://kafka.apache.org/protocol#protocol_messages.
func (c *doubtfulConn) Write(b []byte) (int, error) {
	if len(b) > 12 && binary.BigEndian.Uint16(b[4:]) == keyProduce {
		c.mu.Lock()
		c.versions[binary.BigEndian.Uint32(b[8:])] = int16(binary.BigEndian.Uint16(b[6:]))
		c.mu.Unlock()
	}
	return c.Conn.Write(b)
}

func (c *doubtfulConn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		var size [4]byte
		if _, err := io.ReadFull(c.Conn, size[:]); err != nil {
			return 0, err
		}
		answer := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(c.Conn, answer); err != nil {
			return 0, err
		}
		answer, err := c.doubt(answer)
		if err != nil {
			return 0, err
		}
		c.rest = append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// doubt makes the answer to a produce request a REQUEST_TIMED_OUT.
func (c *doubtfulConn) doubt(answer []byte) ([]byte, error) {
	number := binary.BigEndian.Uint32(answer)
	c.mu.Lock()
	version, produced := c.versions[number]
	delete(c.versions, number)
	c.mu.Unlock()
	if !produced {
		return answer, nil
	}
	response := kmsg.NewPtrProduceResponse()
	response.SetVersion(version)
	head := 4
	if response.IsFlexible() {
		head++ // no tags in the head
	}
	if err := response.ReadFrom(answer[head:]); err != nil {
		return nil, err
	}
	for i := range response.Topics {
		for k := range response.Topics[i].Partitions {
			response.Topics[i].Partitions[k].ErrorCode = kerr.RequestTimedOut.Code
		}
	}
	c.answers.Add(1)
	return response.AppendTo(answer[:head:head]), nil
}

// TestDoubtfulAnswer sends to a broker that never says more than that it may or may not have the message. Without retries that is the end of
// it: the message is unknown. The library sends it again all the same in a transaction, but not without end.
func TestDoubtfulAnswer(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	for _, transactions := range []string{"false", "true"} {
		t.Run("transactions "+transactions, func(t *testing.T) {
			r := bareRig(t, drivers.Config{
				Servers: server, Guarantee: drivers.Durable,
				Options: drivers.Options{optTransactions: transactions, optRequestTimeout: "1s"},
			})
			must(t, r.Declare(t.Context(), r.topic))
			d := &doubtful{}
			s, err := New().Open(t.Context(), r.cfg, drivers.Env{Dial: d.dial, Logger: quiet(), Name: "doubtful"})
			must(t, err)
			t.Cleanup(func() { s.Close(context.Background()) })
			spec := drivers.ProducerSpec{Topic: r.topic, Guarantee: drivers.Durable, Window: 4}
			r.producer, err = s.Producer(t.Context(), spec, r.settle)
			must(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			sent := r.producer.Send(ctx, []drivers.Message{{Token: 1, Body: []byte("once")}})
			must(t, r.producer.Flush(ctx))
			if receipt := r.of(1); receipt.Outcome != drivers.Unknown || receipt.Err == nil {
				t.Errorf("the message is %s: %v", receipt.Outcome, receipt.Err)
			}
			if ctx.Err() != nil || (sent != nil) != (transactions == "true") || errors.Is(sent, errLost) {
				t.Errorf("Send says %v", sent)
			}
			if n := d.answers.Load(); n == 0 || n > 1 && transactions == "false" {
				t.Errorf("%d answers to produce requests", n)
			}
		})
	}
}
