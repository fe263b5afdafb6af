package nats

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"ordeal/drivers"
)

func TestPublishOutcome(t *testing.T) {
	for _, c := range []struct {
		err  error
		want drivers.Outcome
	}{
		{errTooLarge, drivers.Rejected},
		{errNoHeaders, drivers.Rejected},
		{errNotWritten, drivers.Rejected},
		{fmt.Errorf("shard 9: %w", errShard), drivers.Rejected},
		{errWindow, drivers.Rejected},
		{errClosed, drivers.Rejected},
		{io.ErrClosedPipe, drivers.Unknown}, // a write that failed may have been a write in part
		{errHungUp, drivers.Unknown},
		{errDenied, drivers.Unknown},
		{errLost, drivers.Unknown},
	} {
		if got := publishOutcome(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

func TestAnswerOutcome(t *testing.T) {
	for _, c := range []struct {
		name   string
		data   string
		header string
		want   drivers.Outcome
	}{
		{name: "stored", data: `{"stream":"orders", "seq":12}`, want: drivers.Acked},
		{name: "stored in a domain", data: `{"stream":"orders", "domain":"hub", "seq":12}`, want: drivers.Acked},
		{name: "duplicate", data: `{"stream":"orders","seq":12,"duplicate": true}`, want: drivers.Acked},
		{name: "no responders", header: "NATS/1.0 503\r\n\r\n", want: drivers.Rejected},
		{name: "other status", header: "NATS/1.0 408 Request Timeout\r\n\r\n", want: drivers.Unknown},
		{name: "account limit", data: failure(10002), want: drivers.Rejected},
		{name: "resources", data: failure(10023), want: drivers.Rejected},
		{name: "memory", data: failure(10028), want: drivers.Rejected},
		{name: "storage", data: failure(10047), want: drivers.Rejected},
		{name: "too large", data: failure(10054), want: drivers.Rejected},
		{name: "other stream", data: failure(10060), want: drivers.Rejected},
		{name: "last id", data: failure(10070), want: drivers.Rejected},
		{name: "last sequence", data: failure(10071), want: drivers.Rejected},
		{name: "sealed", data: failure(10109), want: drivers.Rejected},
		{name: "last sequence", data: failure(10164), want: drivers.Rejected},
		{name: "too many requests", data: failure(10167), want: drivers.Rejected},
		{name: "store failed", data: failure(10077), want: drivers.Unknown},
		{name: "full", data: failed(10077, "maximum messages exceeded"), want: drivers.Rejected},
		{name: "full of bytes", data: failed(10077, "maximum bytes exceeded"), want: drivers.Rejected},
		{name: "full subject", data: failed(10077, "maximum messages per subject exceeded"), want: drivers.Rejected},
		{name: "too large for the store", data: failed(10077, "message too large"), want: drivers.Rejected},
		{name: "not leader", data: failure(10009), want: drivers.Unknown},
		{name: "cluster not available", data: failure(10008), want: drivers.Unknown},
		{name: "a code of tomorrow", data: failure(19999), want: drivers.Unknown},
		{name: "no sequence", data: `{"stream":"orders"}`, want: drivers.Unknown},
		{name: "no stream", data: `{"seq":12}`, want: drivers.Unknown},
		{name: "no json", data: `+OK`, want: drivers.Unknown},
		{name: "nothing", want: drivers.Unknown},
	} {
		_, err := parseAnswer([]byte(c.header), []byte(c.data))
		if got := answerOutcome(err); got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.name, got, err, c.want)
		}
	}
}

func failure(code int) string { return failed(code, "why") }

func failed(code int, why string) string {
	return fmt.Sprintf(`{"error":{"code":503,"err_code":%d,"description":%q},"stream":"orders","seq":0}`, code, why)
}

// FuzzAnswer holds the quick reader against encoding/json: whatever the quick one takes, the other must read the same way.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"stream":"orders", "seq":12}`, `{"stream":"orders","seq":12}`, `{"stream":"","seq":1}`, `{"stream":"a\"","seq":1}`,
		`{"stream":"a","seq":01}`, `{"stream":"a","seq":18446744073709551616}`, `{"stream":"a","seq":1}x`, `{"stream":"a","seq":0}`,
		`{"stream":"a","seq":1,"duplicate":true}`, failure(10077), `{"stream":"a"`, `{"stream":"`, "{\"stream\":\"\x01\",\"seq\":1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		seq, ok := quickAck(data)
		ack, err := slowAck(data)
		if ok && (err != nil || ack != pubAck{seq: seq}) {
			t.Errorf("%q: quick %d, slow %+v %v", data, seq, ack, err)
		}
	})
}

func TestQuickAckTakesWhatServersWrite(t *testing.T) {
	for _, data := range []string{`{"stream":"orders", "seq":12}`, `{"stream":"orders","seq":12}`, `{"stream":"o-1_x","seq": 12}`} {
		if seq, ok := quickAck([]byte(data)); !ok || seq != 12 {
			t.Errorf("%s: %d, %v", data, seq, ok)
		}
	}
	data := []byte(`{"stream":"orders", "seq":1234567}`)
	if n := testing.AllocsPerRun(100, func() { quickAck(data) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMetadata(t *testing.T) {
	for _, c := range []struct {
		reply string
		want  metadata
		ok    bool
	}{
		{"$JS.ACK.orders.billing.1.42.7.1700000000000000000.3", metadata{1, 42}, true},
		{"$JS.ACK.hub.hash.orders.billing.2.42.7.1700000000000000000.3", metadata{2, 42}, true},
		{"$JS.ACK.hub.hash.orders.billing.2.42.7.1700000000000000000.3.random", metadata{2, 42}, true},
		{"$JS.ACK._.hash.orders.billing.2.42.7.1700000000000000000.3.random.more", metadata{2, 42}, true},
		{"$JS.ACK.orders.billing.1.42.7.1700000000000000000", metadata{}, false},
		{"$JS.ACK.hub.orders.billing.1.42.7.1700000000000000000.3", metadata{}, false},
		{"$JS.ACK.orders.billing.x.42.7.1700000000000000000.3", metadata{}, false},
		{"$JS.ACK.orders.billing.1..7.1700000000000000000.3", metadata{}, false},
		{"$JS.ACK.orders.billing.1.99999999999999999999.7.1.3", metadata{}, false},
		{"$JS.ACK.", metadata{}, false},
		{"_INBOX.1.2", metadata{}, false},
		{"", metadata{}, false},
	} {
		got, ok := parseMetadata(c.reply)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %+v, %v; want %+v, %v", c.reply, got, ok, c.want, c.ok)
		}
	}
}

// A replay that misses a message of its consumer's, whatever the stream has between, is broken; a group's consumer is not.
func TestReplayIsUnbroken(t *testing.T) {
	plain, domain := "$JS.ACK.orders.replay.1.%d.%d.1700000000000000000.3", "$JS.ACK.hub.hash.orders.replay.1.%d.%d.1700000000000000000.3.random"
	for _, form := range []string{plain, domain} {
		replay, group := &puller{replay: true}, &puller{}
		for i, seq := range []int{4, 7, 8} {
			reply := fmt.Appendf(nil, form, seq, i+1)
			if err := errors.Join(replay.unbroken(reply), group.unbroken(reply)); err != nil {
				t.Error(err)
			}
		}
		reply := fmt.Appendf(nil, form, 9, 5)
		if err := replay.unbroken(reply); !errors.Is(err, errGap) {
			t.Errorf("5 after 3: %v", err)
		}
		if err := group.unbroken(reply); err != nil {
			t.Error(err)
		}
	}
}
