package cluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafkaNode is a broker process, and controller as well.
type kafkaNode struct {
	*Process
	cluster *kafka
	id      int32
	conf    string
}

// probe asks the node itself whether it serves: it must be in the list of brokers that it gives, with every peer that runs, and the
// cluster must be ours.
func (n *kafkaNode) probe(ctx context.Context) error {
	var answer kmsg.MetadataResponse
	request := kmsg.NewPtrMetadataRequest()
	request.Version = 8 // the last one before flexible headers
	request.Topics = []kmsg.MetadataRequestTopic{}
	if err := n.ask(ctx, request, &answer); err != nil {
		return err
	}
	if answer.ClusterID == nil || *answer.ClusterID != n.cluster.id {
		return fmt.Errorf("somebody else's broker answers on %s", n.address)
	}
	listed := map[int32]bool{}
	for _, b := range answer.Brokers {
		listed[b.NodeID] = true
	}
	for _, peer := range n.cluster.nodes {
		if listed[peer.id] {
			continue
		}
		status, err := peer.Status(ctx)
		if peer == n || err == nil && status.Running && !status.Paused {
			return fmt.Errorf("%s does not list %s among the brokers yet", n.name, peer.name)
		}
	}
	if !listed[answer.ControllerID] {
		return fmt.Errorf("%s knows no controller of the cluster", n.name)
	}
	return nil
}

// coordinates asks whether groups have a coordinator, which makes the broker create the topic where it keeps their offsets.
func (n *kafkaNode) coordinates(ctx context.Context) error {
	var answer kmsg.FindCoordinatorResponse
	request := kmsg.NewPtrFindCoordinatorRequest()
	request.Version = 2
	request.CoordinatorKey = "ordeal"
	if err := n.ask(ctx, request, &answer); err != nil {
		return err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return fmt.Errorf("%s knows no coordinator of groups: %w", n.name, err)
	}
	return nil
}

// ask makes one request on a connection of its own: a client library would ask whichever broker it likes. The request's version is
// one whose headers are not flexible.
func (n *kafkaNode) ask(ctx context.Context, request kmsg.Request, answer kmsg.Response) error {
	return converse(ctx, n.address, func(conn net.Conn) error {
		var formatter kmsg.RequestFormatter
		if _, err := conn.Write(formatter.AppendRequest(nil, request, 1)); err != nil {
			return err
		}
		const correlation, most = 4, 1 << 20
		var size [4]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return err
		}
		length := binary.BigEndian.Uint32(size[:])
		if length < correlation || length > most {
			return fmt.Errorf("%s answers with %d bytes: it is no Kafka broker", n.name, length)
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(conn, body); err != nil {
			return err
		}
		answer.SetVersion(request.GetVersion())
		if err := answer.ReadFrom(body[correlation:]); err != nil {
			return fmt.Errorf("%s answers: %w", n.name, err)
		}
		return nil
	})
}
