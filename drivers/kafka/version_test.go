package kafka

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// oldBroker answers as a broker of an old version would, as far as a client comes with it: it tells what it knows, and that it is alone. No
// such broker runs on a Java of today.
type oldBroker struct {
	*testing.T
	net.Listener
	knows *kversion.Versions
	all   sync.WaitGroup
}

func startOld(t *testing.T, knows *kversion.Versions) *oldBroker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	b := &oldBroker{T: t, Listener: l, knows: knows}
	b.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.all.Go(func() {
				defer conn.Close()
				b.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		b.all.Wait()
	})
	return b
}

// serve answers requests until the client goes: https://kafka.apache.org/protocol#protocol_common.
func (b *oldBroker) serve(conn net.Conn) {
	for {
		var head [12]byte // size, key, version, correlation id
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		rest := int64(binary.BigEndian.Uint32(head[:4])) - int64(len(head)-4)
		if _, err := io.CopyN(io.Discard, conn, rest); err != nil {
			return
		}
		key, version := int16(binary.BigEndian.Uint16(head[4:])), int16(binary.BigEndian.Uint16(head[6:]))
		most, known := b.knows.LookupMaxKeyVersion(key)
		var answer []byte
		switch kmsg.Key(key) {
		case kmsg.ApiVersions:
			told := kmsg.NewPtrApiVersionsResponse()
			if version > most {
				version, told.ErrorCode = 0, 35 // UNSUPPORTED_VERSION
			}
			b.knows.EachMaxKeyVersion(func(k, v int16) {
				told.ApiKeys = append(told.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: k, MaxVersion: v})
			})
			told.SetVersion(version)
			answer = told.AppendTo(nil)
		case kmsg.Metadata:
			at := b.Addr().(*net.TCPAddr)
			told := kmsg.NewPtrMetadataResponse()
			broker := kmsg.NewMetadataResponseBroker()
			broker.NodeID, broker.Host, broker.Port = 1, at.IP.String(), int32(at.Port)
			told.Brokers = append(told.Brokers, broker)
			told.SetVersion(version)
			if told.IsFlexible() {
				answer = append(answer, 0) // no tags in the head
			}
			answer = told.AppendTo(answer)
		default:
			b.Errorf("it was asked for %s", kmsg.Key(key).Name())
			return
		}
		if !known {
			b.Errorf("it does not know %s", kmsg.Key(key).Name())
		}
		out := binary.BigEndian.AppendUint32(nil, uint32(len(answer)+4))
		if _, err := conn.Write(append(append(out, head[8:]...), answer...)); err != nil {
			return
		}
	}
}

// TestOldBroker opens sessions with brokers of old versions: the error says which request is missing and since when there is one.
func TestOldBroker(t *testing.T) {
	for _, c := range []struct {
		name    string
		version *kversion.Versions
		options drivers.Options
		says    string // nothing where it is new enough
	}{
		{"0.10", kversion.V0_10_2(), nil, "the broker is too old, by its requests v0.10.2: it does not know Produce version 3 (since Kafka 0.11"},
		{"1.0", kversion.V1_0_0(), nil, "does not know DeleteGroups version 0 (since Kafka 1.1"},
		{"2.2", kversion.V2_2_0(), nil, "else options.kafka.static_members: false"},
		{"2.2 without names", kversion.V2_2_0(), drivers.Options{optStatic: "false"}, ""},
		{"2.3", kversion.V2_3_0(), nil, ""},
		{"2.8 with transactions", kversion.V2_8_0(), drivers.Options{optTransactions: "true"}, "else options.kafka.transactions: false"},
		{"3.0 with transactions", kversion.V3_0_0(), drivers.Options{optTransactions: "true"}, ""},
		{"3.6 with its own sharing", kversion.V3_6_0(), drivers.Options{optBalancer: "broker"}, "options.kafka.balancer: broker"},
		{"4.0", kversion.V4_0_0(), drivers.Options{optBalancer: "broker"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := startOld(t, c.version)
			cfg := drivers.Config{Servers: []string{b.Addr().String()}, Options: c.options}
			s, err := New().Open(t.Context(), cfg, drivertest.Env("modern"))
			if err == nil {
				err = errors.Join(err, s.Close(t.Context()))
			}
			switch {
			case c.says == "" && err != nil:
				t.Error(err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), cfg.Servers[0])):
				t.Errorf("the error does not say %q: %v", c.says, err)
			}
		})
	}
}
