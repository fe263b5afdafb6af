package redis

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/redis/rueidis"

	"ordeal/drivers"
	"ordeal/drivers/ending"
	"ordeal/drivers/shards"
)

var (
	// errLost says that the connection is gone: everything in flight on it is unknown.
	errLost = errors.New("the connection to the server is lost")
	// errClosed says that the producer, consumer or session was closed before.
	errClosed = ending.ErrClosed
	// errNoAnswer says that no answer came within answer_timeout; the connection is given up with it.
	errNoAnswer = errors.New("no answer from the server within answer_timeout")
	// errShard says that the topic has no such shard.
	errShard = shards.ErrNone
	// errShort says that fewer nodes confirmed a message within wait_timeout than the guarantee needs.
	errShort = errors.New("too few nodes confirmed it within wait_timeout")
	// errTooLarge says that a message is larger than the server's proto-max-bulk-len, over which it would hang up.
	errTooLarge = errors.New("the message is larger than the server's proto-max-bulk-len: send smaller ones, or raise it")
	// errReplica says that a server is a replica, which takes no writes.
	errReplica = errors.New("the server is a replica")
	// errReply says that a reply was not understood.
	errReply = errors.New("a reply that was not understood")
)

// code is the first word of an error reply, by which Redis names the kind of error, in capitals; "" for what is no error reply. The library
// leaves out the code ERR, which is for all errors without a name of their own.
func code(err error) string {
	var text string
	if own, ok := errors.AsType[refusal](err); ok {
		text = own.Error()
	} else if reply, ok := errors.AsType[*rueidis.RedisError](err); ok && !reply.IsNil() {
		text = reply.Error()
	} else {
		return ""
	}
	word, _, _ := strings.Cut(text, " ")
	if word == "" || strings.ToUpper(word) != word {
		return "ERR"
	}
	return word
}

// outcome says what is known of a message whose XADD or PUBLISH ended with err, nil for a reply without an error.
//
// Rejected are the error replies that processCommand and xaddCommand of Redis 7 and 8 give before anything is written or replicated. A
// reply of another kind stays unknown, and so does everything that is no reply at all.
func outcome(err error) drivers.Outcome {
	if err == nil {
		return drivers.Acked
	}
	for _, never := range []error{errShard, errClosed, errTooLarge} {
		if errors.Is(err, never) {
			return drivers.Rejected
		}
	}
	switch code(err) {
	case "READONLY", // the server is a replica
		"NOREPLICAS",       // min-replicas-to-write is not met
		"OOM",              // maxmemory is reached
		"MISCONF",          // the last snapshot or write to the append-only file failed
		"LOADING",          // the server reads its data after a start
		"MASTERDOWN",       // a replica without its primary
		"BUSY",             // a script runs for too long
		"NOAUTH", "NOPERM", // no right to do it
		"WRONGTYPE",    // the key holds something else
		"MOVED", "ASK", // the key lives on another node of a Redis Cluster
		"CLUSTERDOWN", // a Redis Cluster without all of its slots
		"TRYAGAIN",    // keys on the move between nodes of a Redis Cluster
		"ERR",         // a wrong command, or one that this version does not know
		"EXECABORT":   // a transaction that was not run
		return drivers.Rejected
	default:
		return drivers.Unknown
	}
}

// advised adds what to do about err to where it ends something.
func advised(err error) error {
	if code(err) == "NOPERM" {
		return fmt.Errorf("%w: %s", err, rightsRemedy)
	}
	return err
}

// final tells whether err means that this connection is of no more use: the primary is elsewhere, or nobody answers.
func final(err error) bool {
	if err == nil {
		return false
	}
	switch code(err) {
	case "READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "UNBLOCKED", "MOVED", "CLUSTERDOWN":
		return true
	case "":
		return !rueidis.IsRedisNil(err)
	default:
		return false
	}
}

// lost makes the driver's own error of what ended a connection.
func lost(cause error) error {
	switch {
	case errors.Is(cause, errLost), errors.Is(cause, errNoAnswer):
		return cause
	case errors.Is(cause, os.ErrDeadlineExceeded):
		return errNoAnswer
	default:
		return fmt.Errorf("%w: %w", errLost, cause)
	}
}
