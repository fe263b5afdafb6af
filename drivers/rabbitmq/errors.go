package rabbitmq

import (
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
	"ordeal/drivers/ending"
	"ordeal/drivers/shards"
)

var (
	// errLost says that the connection is gone: everything in flight on it is unknown.
	errLost = errors.New("the connection to the broker is lost")
	// errChannel says that the broker closed the channel: everything in flight on it is unknown.
	errChannel = errors.New("the broker closed the channel")
	// errClosed says that the producer, consumer or session was closed before.
	errClosed = ending.ErrClosed
	// errSilent says that confirms did not come within confirm_timeout.
	errSilent = errors.New("no confirm from the broker within confirm_timeout")
	// errRefusing says that the broker has answered with nothing but nacks for longer than refusalPatience.
	errRefusing = errors.New("the broker refuses everything on this channel")
	// errReturned says that the broker gave a message back, and confirmed that it did.
	errReturned = errors.New("the broker returned the message as unroutable")
	// errNack says that the broker refused a message.
	errNack = errors.New("the broker answered with basic.nack")
	// errCancelled says that the broker ended a consumer, as when its queue is gone.
	errCancelled = errors.New("the broker cancelled the consumer")
	// errShard says that the topic has no such shard.
	errShard = shards.ErrNone
	// errKey says that a key or a header does not fit in its field.
	errKey = errors.New("a key or the name of a header is longer than 255 bytes")
	// errFrame says that bytes from the broker are not AMQP 0-9-1.
	errFrame = errors.New("malformed frame from the broker")
	// errOffset says that a stream's delivery does not tell where it comes from.
	errOffset = errors.New("a delivery of a stream without x-stream-offset")
	// errNoManagement says that the HTTP API of the management plugin gave no answer.
	errNoManagement = errors.New("the management plugin does not answer")
)

// unsentError is why nothing was written of a message.
type unsentError struct{ cause error }

func (e *unsentError) Error() string { return "not sent: " + e.cause.Error() }

func (e *unsentError) Unwrap() error { return e.cause }

// sendOutcome says what is known of a message that was given up with err. Only what was refused before anything was written is known not
// to be in a queue. All else is unknown, whatever the library or the broker calls it: a channel or a connection that the broker closed
// has run some of what was sent on it, and nobody knows how much. For the one message that can be told apart see flight.end.
func sendOutcome(err error) drivers.Outcome {
	var unsent *unsentError
	if errors.As(err, &unsent) {
		return drivers.Rejected
	}
	return drivers.Unknown
}

// answer is what the broker said of a message on an open channel.
type answer struct {
	ack bool
	// returned tells that basic.return came before.
	returned bool
	// doubtful tells that a nack proves nothing; see session.doubtsNacks.
	doubtful bool
}

// outcome says what is known after a broker's answer. A nack means that a queue did not take the message.
func (a answer) outcome() (drivers.Outcome, error) {
	switch {
	case a.ack && a.returned:
		return drivers.Rejected, errReturned
	case a.ack:
		return drivers.Acked, nil
	case a.doubtful:
		return drivers.Unknown, errNack
	default:
		return drivers.Rejected, errNack
	}
}

// explain adds what to do to an error of the broker, where that is known.
func explain(err error) error {
	remedy := func(what string) error { return fmt.Errorf("%w: %s", err, what) }
	if errors.Is(err, amqp.ErrSASL) {
		return remedy("the broker does not offer the mechanism: plain wants auth_mechanisms.1 = PLAIN, external auth_mechanisms.2 = EXTERNAL " +
			"and the plugin rabbitmq_auth_mechanism_ssl")
	}
	var e *amqp.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case amqp.AccessRefused:
		if strings.Contains(e.Reason, "access to ") || strings.Contains(e.Reason, "for user") {
			return remedy("the user lacks a right: grant it with rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ, where declaring " +
				"wants configure, publishing write and receiving read")
		}
		if strings.Contains(e.Reason, "exclusive") {
			return remedy("another consumer reads the queue alone")
		}
		return remedy("check user, password and permissions; guest is refused from other machines unless loopback_users = none")
	case amqp.PreconditionFailed:
		if _, _, ok := tooLarge(e); ok {
			return remedy("raise the broker's max_message_size, or send smaller messages")
		}
		if strings.Contains(e.Reason, "replica on the local node") {
			return remedy("streams are read on a node that has a copy: connect to one, or give the topic as many replicas as there are nodes")
		}
		return err
	case amqp.NotAllowed:
		return remedy("check options.rabbitmq.vhost, and the limits of user and vhost")
	case amqp.ResourceLocked:
		return remedy("another connection owns it exclusively")
	default:
		return err
	}
}

// tooLarge tells that err is the end of a channel on which a message was too large, of what size its body was, and what the limit is, in
// bytes: "message size 100001 is larger than configured max size 100000" (rabbit_channel.erl, check_msg_size). A limit that nobody
// configured is called max size.
func tooLarge(err error) (size, limit int, ok bool) {
	var e *amqp.Error
	if !errors.As(err, &e) || e.Code != amqp.PreconditionFailed {
		return 0, 0, false
	}
	_, words, _ := strings.Cut(e.Reason, "message size ")
	words = strings.Replace(words, "configured ", "", 1)
	n, _ := fmt.Sscanf(words, "%d is larger than max size %d", &size, &limit) // of other words it is less
	return size, limit, n == 2 && size > limit
}

// inequivalent tells whether a declaration failed because the thing exists with other settings.
func inequivalent(err error) bool {
	var e *amqp.Error
	return errors.As(err, &e) && e.Code == amqp.PreconditionFailed
}
