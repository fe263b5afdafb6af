package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
)

// advisedError is a broker's refusal with what a person can do about it. Its text is made when somebody reads it: a message that is refused
// may be one of very many.
type advisedError struct {
	error
	advice string
}

// Error is the refusal and the advice.
func (e advisedError) Error() string { return e.error.Error() + ": " + e.advice }

// Unwrap is the refusal.
func (e advisedError) Unwrap() error { return e.error }

// advised adds the advice to a refusal; an error that needs none, or has it, comes back as it is.
func advised(err error) error {
	var refusal *kerr.Error
	if !errors.As(err, &refusal) || errors.As(err, new(advisedError)) {
		return err
	}
	if advice := adviceOn(refusal); advice != "" {
		return advisedError{err, advice}
	}
	return err
}

func adviceOn(refusal *kerr.Error) string {
	switch refusal {
	case kerr.TopicAuthorizationFailed:
		return "give the user the rights Describe, DescribeConfigs, Create, Delete, Read and Write on the topic"
	case kerr.GroupAuthorizationFailed:
		return "give the user the rights Describe, Read and Delete on the group"
	case kerr.ClusterAuthorizationFailed:
		return "give the user the rights Create and IdempotentWrite on the cluster"
	case kerr.TransactionalIDAuthorizationFailed:
		return "give the user the rights Describe and Write on the transactional id"
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		return "send smaller messages, or raise options.kafka.max_message_bytes and the topic's max.message.bytes"
	case kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend:
		return "fewer replicas are in sync than min.insync.replicas asks for: start the brokers that are down"
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID:
		return "the topic is not there, or was made anew meanwhile: declare it first"
	case kerr.PolicyViolation:
		return "a policy of the broker's (create.topic.policy.class.name) forbids it: ask whoever runs the broker"
	case kerr.InvalidSessionTimeout:
		return "set options.kafka.session_timeout between the broker's group.min.session.timeout.ms and group.max.session.timeout.ms"
	case kerr.FencedInstanceID:
		return "another client has this member's name: end it, or set options.kafka.static_members: false"
	case kerr.UnreleasedInstanceID:
		return "the broker keeps this member's name until the session of who had it has timed out: lower the broker's " +
			"group.consumer.session.timeout.ms, or set options.kafka.static_members: false"
	case kerr.GroupMaxSizeReached:
		return "the group has as many members as the broker's group.max.size allows: use fewer consumers"
	case kerr.UnsupportedVersion, kerr.UnsupportedForMessageFormat:
		return "the broker is too old for this, or the feature is switched off: see `ordeal drivers list`"
	default:
		return ""
	}
}
