package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ordeal/drivers"
)

// audience is one of several members of a broadcast's group. They share one copy, so they are a group of Kafka's, which begins at
// the end of the log when the first of them comes, and commits what arrives before it is handed out.
type audience struct{ *member }

var _ drivers.Fencer = audience{}

func newAudience(ctx context.Context, s *session, spec drivers.ConsumerSpec) (audience, error) {
	if err := s.persist(ctx, func(ctx context.Context) error { return s.listenFromNow(ctx, spec) }); err != nil {
		return audience{}, err
	}
	spec.Group.Ack = drivers.AckBefore
	m, err := newMember(ctx, s, spec)
	return audience{m}, err
}

// Close leaves the group. The session knows the audience, and not the member in it.
func (a audience) Close(ctx context.Context) error {
	a.session.forget(a)
	return a.member.Close(ctx)
}

// listenFromNow commits the ends of the log for a group that has no members.
func (s *session) listenFromNow(ctx context.Context, spec drivers.ConsumerSpec) error {
	id := groupID(spec.Topic, spec.Group.Name)
	groups, err := s.admin.DescribeGroups(ctx, id)
	if err != nil {
		return err
	}
	if g := groups[id]; g.Err == nil && len(g.Members) > 0 {
		return nil
	}
	ends, err := s.ends(ctx, s.client, spec.Topic)
	if err != nil {
		return err
	}
	var now kadm.Offsets
	for shard, end := range ends {
		now.Add(kadm.Offset{Topic: spec.Topic.Name, Partition: int32(shard), At: end, LeaderEpoch: -1})
	}
	err = s.admin.CommitAllOffsets(ctx, id, now)
	if errors.Is(err, kerr.UnknownMemberID) {
		return nil // somebody joined meanwhile, who did this
	}
	if err != nil {
		return fmt.Errorf("begin at the end of the log: %w", err)
	}
	return nil
}

// Fence waits until everything that is in this member's shards now was handed out.
func (a audience) Fence(ctx context.Context) error {
	return a.session.fence(ctx, a.spec.Topic, a.intake, func(ends []int64) bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.withheld == 0 && past(a.shards, ends)
	})
}
