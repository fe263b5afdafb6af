package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"ordeal/drivers"
)

// fill sends n messages to the only shard, numbered from first.
func (r *rig) fill(first, n int) {
	r.Helper()
	for i := range n {
		if err := r.send(uint64(first+i), fmt.Sprint(first+i)); err != nil {
			r.Fatal(err)
		}
		r.want(uint64(first+i), drivers.Acked, nil)
	}
}

// replayed are the bodies that a replay gives, in order.
func (r *rig) replayed(from drivers.Position, n int) []string {
	r.Helper()
	c, err := r.Replay(r.Context(), r.topic, 0, from)
	if err != nil {
		r.Fatal(err)
	}
	defer func() {
		if err := errors.Join(c.Close(r.Context()), c.Close(r.Context())); err != nil {
			r.Error(err)
		}
	}()
	got := hand(r.T, c, n, 20*time.Second)
	var bodies []string
	for i, d := range got {
		bodies = append(bodies, string(d.Body))
		if i > 0 && !got[i-1].Position.Before(d.Position) || d.Redelivered || d.Shard != 0 {
			r.Errorf("delivery %d is %+v", i, d)
		}
	}
	if err := c.Ack(r.Context(), got); err != nil {
		r.Error(err)
	}
	return bodies
}

// TestReplay reads a shard again from every kind of position, also while its group has read it all, and moves no group by that.
func TestReplay(t *testing.T) {
	r := newRig(t, startKafka(t, 1, nil).Servers(), drivers.Accepted, nil)
	r.fill(0, 10)
	member, err := r.Consumer(t.Context(), drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]})
	must(t, err)
	if got := hand(t, member, 10, 20*time.Second); len(got) != 10 {
		t.Fatalf("%d of 10", len(got))
	}
	all := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	for _, from := range []drivers.Position{{}, drivers.At(0)} {
		if got := r.replayed(from, 10); !slices.Equal(got, all) {
			t.Errorf("from %s came %v", from, got)
		}
	}
	if got := r.replayed(drivers.At(4), 6); !slices.Equal(got, all[4:]) {
		t.Errorf("from 4 came %v", got)
	}
	depth(t, r.session, r.topic, 10) // nothing was acknowledged by the group

	t.Run("what comes later", func(t *testing.T) {
		c, err := r.Replay(t.Context(), r.topic, 0, drivers.At(10))
		must(t, err)
		r.fill(10, 1)
		if got := hand(t, c, 1, 20*time.Second); len(got) != 1 || got[0].Position != drivers.At(10) {
			t.Errorf("received %v", got)
		}
		must(t, c.Close(t.Context()))
		if _, err := c.Receive(t.Context(), make([]drivers.Delivery, 1)); !errors.Is(err, errClosed) {
			t.Errorf("a closed replay receives: %v", err)
		}
	})

	refused := func(from drivers.Position, shard int, says string) {
		t.Helper()
		c, err := r.Replay(t.Context(), r.topic, shard, from)
		if err == nil {
			t.Errorf("replays shard %d from %s, %v", shard, from, c.Close(t.Context()))
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("the error does not say %q: %v", says, err)
		}
	}
	must(t, deleteUntil(t.Context(), r, 3))
	refused(drivers.At(2), 0, "the oldest is at 3")
	refused(drivers.At(99), 0, "the shard ends before 11")
	refused(drivers.Position{Major: 1, Minor: 4, Known: true}, 0, "1-4 is not a position of Kafka's")
	refused(drivers.Position{}, 1, errShard.Error())
	if got := r.replayed(drivers.Position{}, 8); !slices.Equal(got, append(all[3:len(all):len(all)], "10")) {
		t.Errorf("after the deletion of three came %v", got)
	}
	must(t, r.Delete(t.Context(), r.topic))
	refused(drivers.Position{}, 0, "UNKNOWN_TOPIC_OR_PARTITION")
	must(t, r.Close(t.Context()))
	refused(drivers.Position{}, 0, errClosed.Error())
}

// TestGap lets the broker delete what a group has not read. The member says how many messages are gone and by which settings; the next one
// goes on with the oldest that is left, and nothing more is owed.
func TestGap(t *testing.T) {
	c := startKafka(t, 1, map[string]string{
		"log.retention.check.interval.ms": "200", "log.initial.task.delay.ms": "200", "log.segment.delete.delay.ms": "100",
	})
	r := newRig(t, c.Servers(), drivers.Accepted, nil)
	spec := drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]}
	r.fill(0, 10)
	r.alter("retention.ms", "1")
	eventually(t, func() bool {
		spans, err := r.spans(t.Context(), r.topic)
		return err == nil && spans[0].start == 10
	})
	if facts, err := r.Audit(t.Context(), r.topic); err != nil || !contradicts(facts, "retention.ms") {
		t.Errorf("the audit does not say that messages are deleted: %v, %v", facts, err)
	}
	depth(t, r.session, r.topic, 0)
	if ends, err := r.End(t.Context(), r.topic); err != nil || ends[0].Known {
		t.Errorf("an empty log ends at %v, %v", ends, err)
	}
	late, err := r.Consumer(t.Context(), spec)
	must(t, err)
	_, err = late.Receive(t.Context(), make([]drivers.Delivery, 10))
	for _, word := range []string{"10 messages of shard 0, from 0 to 9, were deleted before they were read", "retention.ms is 1,"} {
		if err == nil || !errors.Is(err, errGone) || !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	must(t, late.Close(t.Context()))

	r.alter("retention.ms", "-1")
	r.fill(10, 2)
	depth(t, r.session, r.topic, 2)
	next, err := r.Consumer(t.Context(), spec)
	must(t, err)
	got := hand(t, next, 2, 20*time.Second)
	if len(got) != 2 || got[0].Position != drivers.At(10) {
		t.Fatalf("the next member received %v", got)
	}
	must(t, next.Ack(t.Context(), got))
	depth(t, r.session, r.topic, 0)

	// A log that is shorter than what was read of it: the broker has lost messages.
	if resume, ok, err := r.missed(t.Context(), r.topic, 0, 20); !ok || resume != 12 || !errors.Is(err, errGone) ||
		!strings.Contains(err.Error(), "was read up to 19 and now ends before 12") {
		t.Errorf("%d, %v, %v", resume, ok, err)
	}
	if _, ok, err := r.missed(t.Context(), r.topic, 0, 11); ok || err == nil || errors.Is(err, errGone) {
		t.Errorf("what is there is gone: %v, %v", ok, err)
	}
}

// TestGapOfListener deletes messages under the eyes of one who listens without a group.
func TestGapOfListener(t *testing.T) {
	r := newRig(t, startKafka(t, 1, nil).Servers(), drivers.Accepted, nil)
	r.fill(0, 5)
	l := &listener{session: r.session, what: "listen", topic: r.topic}
	must(t, deleteUntil(t.Context(), r, 3))
	must(t, l.start(map[int32]int64{0: 1})) // as one who was that far before the deletion
	defer l.Close(t.Context())              //nolint:errcheck // it is over
	_, err := l.Receive(t.Context(), make([]drivers.Delivery, 10))
	if !errors.Is(err, errGone) || !strings.Contains(err.Error(), "2 messages of shard 0, from 1 to 2, were deleted") {
		t.Error(err)
	}
}

func deleteUntil(ctx context.Context, r *rig, offset int64) error {
	var until kadm.Offsets
	until.Add(kadm.Offset{Topic: r.topic.Name, Partition: 0, At: offset})
	_, err := r.admin.DeleteRecords(ctx, until)
	return err
}
