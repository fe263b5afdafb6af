package nats

import (
	"errors"
	"fmt"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
	"ordeal/drivers/ending"
	"ordeal/drivers/shards"
)

var (
	// errLost says that the connection is gone: everything in flight on it is unknown.
	errLost = errors.New("the connection to the server is lost")
	// errClosed says that the producer, consumer or session was closed before.
	errClosed = ending.ErrClosed
	// errGap says that messages of a replay did not arrive.
	errGap = errors.New("messages that the server gave to the replay never arrived")
	// errNoAnswer says that no answer came within publish_timeout.
	errNoAnswer = errors.New("no answer from the server within publish_timeout")
	// errShard says that the topic has no such shard.
	errShard = shards.ErrNone
	// errWindow says that more messages were in flight than a producer can name.
	errWindow = errors.New("too many messages in flight")
	// errTooLarge says that a message is larger than the server's max_payload.
	errTooLarge = errors.New("the message is larger than the server's max_payload: send smaller ones, or raise it")
	// errNoHeaders says that the server takes no headers.
	errNoHeaders = errors.New("the server takes no headers, which came with version 2.2")
	// errNotWritten says that the connection was gone before the message was written.
	errNotWritten = errors.New("not sent, because the connection to the server is lost")
	// errHungUp says that the server closed the connection, or is about to.
	errHungUp = errors.New("the server hung up")
	// errBarred says that no request of a consumer will be served as long as its settings are what they are.
	errBarred = errors.New("the server refuses every request for messages")
	// errSilent says that nothing comes any more, not even the answer to a PING.
	errSilent = errors.New("the server does not answer, not even to a PING: its machine is gone or stopped, or the network")
	// errDenied says that the client's user has no right to publish or subscribe where it must.
	errDenied = errors.New("the server denies")
	// errProtocol says that what the server sent is not the protocol of NATS.
	errProtocol = errors.New("an operation that is not of NATS")
	// errAnswer says that an answer was not understood.
	errAnswer = errors.New("an answer that is no PubAck")
)

// lost makes the driver's own error of what ended a connection.
func lost(cause error) error {
	if cause == nil || errors.Is(cause, errLost) || errors.Is(cause, errDenied) || errors.Is(cause, errBarred) {
		return cause
	}
	return fmt.Errorf("%w: %w", errLost, cause)
}

// serverError is an error in a PubAck or in an answer of the JetStream API, by its code in the server's errors.json.
type serverError struct {
	Status      int    `json:"code"`
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *serverError) Error() string {
	return fmt.Sprintf("jetstream error %d: %s", e.Code, e.Description)
}

// publishOutcome says what is known of a message when publishing it gave err, which is not nil. Only what is refused before anything is
// written is known not to have been sent.
func publishOutcome(err error) drivers.Outcome {
	for _, never := range []error{errTooLarge, errNoHeaders, errNotWritten, errShard, errWindow, errClosed} {
		if errors.Is(err, never) {
			return drivers.Rejected
		}
	}
	return drivers.Unknown
}

// answerOutcome says what is known of a message whose answer was err, nil for a PubAck without an error.
//
// Rejected are those answers that the server gives before it stores or proposes anything (processJetStreamMsg and
// processClusteredInboundMsg of nats-server 2.15), and "no responders", after which no message was ever found (more than 30,000 with
// leaders killed and electing). All others stay Unknown. Above all 10077, a failed store, when it is not about a limit of the stream: in a
// cluster the other nodes may have stored what the leader could not.
func answerOutcome(err error) drivers.Outcome {
	if err == nil {
		return drivers.Acked
	}
	if errors.Is(err, natsgo.ErrNoResponders) {
		return drivers.Rejected
	}
	var api *serverError
	if !errors.As(err, &api) {
		return drivers.Unknown
	}
	switch api.Code {
	case 10077: // the stream could not store it
		if full(api.Description) {
			return drivers.Rejected
		}
		return drivers.Unknown
	case 10002, // resource limits exceeded for account
		10023, // insufficient resources
		10028, // insufficient memory resources available
		10047, // insufficient storage resources available
		10054, // message size exceeds maximum allowed
		10060, // expected stream does not match
		10070, // wrong last message id
		10071, // wrong last sequence
		10109, // stream is sealed
		10164, // wrong last sequence, without the number
		10167: // too many requests
		return drivers.Rejected
	default:
		return drivers.Unknown
	}
}

// full tells whether a failed store is that of a stream which discards new messages and has reached a limit (ErrMaxMsgs and so on in
// store.go of nats-server). Limits are part of the stream's state, so that every replica comes to the same result.
func full(description string) bool {
	switch description {
	case "maximum messages exceeded", "maximum bytes exceeded", "maximum messages per subject exceeded", "message too large":
		return true
	default:
		return false
	}
}

// temporary tells whether an administrative call may succeed when it is made again, as while a cluster elects.
func (s *session) temporary(err error) bool {
	if s.alone(err) {
		return false // there is no cluster where another node could answer
	}
	for _, passing := range []error{
		natsgo.ErrNoResponders, natsgo.ErrTimeout, jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case 10004, // incomplete results
		10005, // no suitable peers for placement
		10006, // JetStream cluster not assigned
		10008, // JetStream system temporarily unavailable
		10009, // JetStream cluster can not handle request
		10023: // insufficient resources
		return true
	default:
		return false
	}
}

// alone tells whether err means that the one server has no JetStream.
func (s *session) alone(err error) bool {
	unanswered := errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, natsgo.ErrNoResponders)
	return unanswered && !s.jetstream && len(s.cfg.Servers) == 1
}

// scarce tells that a server had no room. Of a replicated stream others may have: older servers answer so when the message is committed.
func scarce(err error) bool {
	var api *serverError
	return errors.As(err, &api) && api.Code == 10023
}

// absent tells whether an administrative call failed because there is no such stream or consumer.
func absent(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound)
}
