package nats

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
)

func status(facts []drivers.Fact, setting string) (drivers.FactStatus, string) {
	for _, f := range facts {
		if f.Setting == setting {
			return f.Status, f.Have
		}
	}
	return drivers.Unverified, "no such fact"
}

// TestAuditSeesOtherHands changes the stream behind the driver's back.
func TestAuditSeesOtherHands(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, ""))...)
	topic := orders(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	c := s.streamConfig(topic)
	c.MaxMsgs, c.MaxAge = 1000, time.Hour
	if _, err := s.js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	facts, err := s.Audit(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for setting, want := range map[string]drivers.FactStatus{
		"server version": drivers.Confirmed, "stream orders num_replicas": drivers.Confirmed, "stream orders storage": drivers.Confirmed,
		"stream orders max_msgs": drivers.Contradicted, "stream orders max_age": drivers.Contradicted,
		"consumer billing ack_policy": drivers.Confirmed, "consumer billing max_deliver": drivers.Confirmed,
	} {
		if got, have := status(facts, setting); got != want {
			t.Errorf("%s: %s, %s; want %s", setting, got, have, want)
		}
	}
}

// TestAuditOfSync reads what decides about power loss from the monitoring port.
func TestAuditOfSync(t *testing.T) {
	for _, c := range []struct {
		extra string
		want  drivers.FactStatus
	}{{"sync_interval: always", drivers.Confirmed}, {"", drivers.Contradicted}} {
		nodes := startNodes(t, 1, c.extra)
		s := connect(t, map[string]string{optMonitor: nodes[0].monitor}, addresses(nodes)...)
		s.cfg.Guarantee = drivers.Durable
		topic := orders(1)
		if err := s.Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		facts, err := s.Audit(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		if got, have := status(facts, "jetstream sync_interval at "+nodes[0].monitor); got != c.want {
			t.Errorf("%q: %s, %s; want %s", c.extra, got, have, c.want)
		}
		s.set.monitors = nil
		if facts, err = s.Audit(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		if got, _ := status(facts, "jetstream sync_interval"); got != drivers.Unverified {
			t.Errorf("without a monitoring port: %s", got)
		}
	}
}

// TestAuditOfSyncOnEveryNode: a node of the stream that was not asked is not vouched for by the others, however often they are named.
func TestAuditOfSyncOnEveryNode(t *testing.T) {
	nodes := startNodes(t, 3, "sync_interval: always")
	s := connect(t, nil, addresses(nodes)...)
	s.cfg.Guarantee = drivers.Durable
	topic := orders(3)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	one := another(1) // held by one node
	if err := s.Declare(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	holder, err := s.Locate(t.Context(), one, 0)
	if err != nil {
		t.Fatal(err)
	}
	const of, at = "jetstream sync_interval of ", "jetstream sync_interval at "
	first, second, third := nodes[0].monitor, nodes[1].monitor, nodes[2].monitor
	_, port, err := net.SplitHostPort(first)
	if err != nil {
		t.Fatal(err)
	}
	dead := freePorts(t, 1)[0]
	for i, c := range []struct {
		topic               drivers.Topic
		monitors            []string
		confirmed, unproven []string
	}{
		{topic, []string{first, second, third}, []string{at + first, at + second, at + third}, nil},
		{topic, []string{first}, []string{at + first}, []string{of + "n2", of + "n3"}},
		{topic, []string{first, first, "localhost:" + port}, []string{at + first}, []string{of + "n2", of + "n3"}},
		{topic, []string{first, second, dead}, []string{at + first, at + second}, []string{at + dead, of + "n3"}},
		{one, []string{first, second, third}, []string{at + nodes[holder.Leader[1]-'1'].monitor}, nil},
	} {
		s.set.monitors = c.monitors
		facts, err := s.Audit(t.Context(), c.topic)
		if err != nil {
			t.Fatal(err)
		}
		var confirmed, unproven []string
		for _, f := range facts {
			switch {
			case !strings.HasPrefix(f.Setting, "jetstream sync_interval"):
			case f.Status == drivers.Confirmed:
				confirmed = append(confirmed, f.Setting)
			case f.Status == drivers.Unverified && f.Note != "":
				unproven = append(unproven, f.Setting)
			default:
				t.Errorf("%d: %+v", i, f)
			}
		}
		slices.Sort(unproven)
		slices.Sort(c.unproven)
		if !slices.Equal(confirmed, c.confirmed) || !slices.Equal(unproven, c.unproven) {
			t.Errorf("%d: confirmed %v, want %v; unverified %v, want %v", i, confirmed, c.confirmed, unproven, c.unproven)
		}
	}
}
