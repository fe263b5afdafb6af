package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a member says to the broker instead of its epoch when it goes (KIP-848).
const (
	epochGone = -1
	epochBack = -2 // it comes back under its name
)

// release tells the broker that this member is over without having left, where the broker shares out the shards. Such a broker keeps a
// name for whoever came with it until that one's session has timed out, and refuses everybody else; once it is told that the member comes
// back, the next with the name takes the shards over at once. One without a name goes. The member's own connections may be gone, so the
// broker is told over the session's.
func (m *member) release(ctx context.Context) {
	set := m.session.set
	id, _ := m.client.GroupMetadata()
	if set.balancer != balancerBroker || id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	request := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	request.Group, request.MemberID, request.MemberEpoch = groupID(m.spec.Topic, m.spec.Group.Name), id, epochGone
	if set.static {
		name := m.instance()
		request.InstanceID, request.MemberEpoch = &name, epochBack
	}
	answer, err := request.RequestWith(ctx, m.session.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil && !errors.Is(err, kerr.UnknownMemberID) && !errors.Is(err, kerr.GroupIDNotFound) {
		m.session.env.Logger.Debug("kafka member could not tell the broker that it is over", "error", err.Error())
	}
}
