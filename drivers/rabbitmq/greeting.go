package rabbitmq

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// greetLimit is how long a server may take over its first byte. Something that waits for the end of a line, as Redis does and HTTP, never
// sends one; a broker does at once, unless it is paused. It is less than the time for an attempt to reconnect.
const greetLimit = 4 * time.Second

// Errors of a port on which something else answers than an AMQP 0-9-1 broker, as is in plain sight once.
var (
	// errForeign says that another protocol answered.
	errForeign = errors.New("what answers there is no AMQP 0-9-1 broker")
	// errMute says that nothing answered, on a connection that was accepted.
	errMute = errors.New("the connection is open, and the broker does not answer")
)

// foreign tells what begins its answer like that; nil where a broker of AMQP 0-9-1 does, by a method on channel 0 (2.2.4 and 2.3.5 of
// the specification).
func foreign(answer []byte) error {
	says := func(what string) error { return fmt.Errorf("%w: %s", errForeign, what) }
	switch {
	case len(answer) == 0 || answer[0] == frameMethod:
		return nil
	case bytes.HasPrefix(answer, []byte("AMQP")):
		var version [4]byte // the first is the protocol's number
		copy(version[:], answer[4:])
		return says(fmt.Sprintf("it asks for AMQP %d-%d-%d, and this client speaks 0-9-1, as RabbitMQ does since version 2",
			version[1], version[2], version[3]))
	case bytes.HasPrefix(answer, []byte("HTTP/")):
		return says("it speaks HTTP, as the management plugin does: AMQP has a port of its own, 5672 by default")
	case bytes.HasPrefix(answer, []byte("INFO ")):
		return says("it is a NATS server: the target begins with nats://")
	case answer[0] == '-' || answer[0] == '+':
		return says("it speaks the protocol of Redis: the target begins with redis://")
	case answer[0] == 0x15: // an alert (RFC 8446, 5.1)
		return says("it speaks TLS: the target begins with amqps://")
	default:
		return says("check the port, 5672 by default")
	}
}

// explainHandshake adds what to do to an error of a connection that did not come about, where that is known. The line's own error says
// more than the library's, which hides it. secured tells that the line goes through TLS.
func (l *line) explainHandshake(err error, secured bool) error {
	l.routes.Lock()
	defer l.routes.Unlock()
	switch {
	case errors.Is(l.failed, errForeign):
		return l.failed
	case l.mute && !l.greeted:
		return fmt.Errorf("%w within %v: check that the port is the one for AMQP, 5672 by default, and amqps:// is for TLS", errMute, greetLimit)
	case isAlert(l.failed):
		return explainTLS(l.failed)
	case !l.greeted && secured:
		return fmt.Errorf("%w: it ended the connection before a word: %w: if it wants a client certificate, %s",
			errForeign, err, certificateRemedy)
	case !l.greeted:
		return fmt.Errorf("%w: it ended the connection without a word: check the port, 5672 by default, and whether it wants TLS (amqps://)",
			errForeign)
	default:
		return err
	}
}

const certificateRemedy = "give cert and key under tls in a target file, signed by an authority in the broker's ssl_options.cacertfile"

// isAlert tells that err is what the other side of TLS objects to; the type is the standard library's own.
func isAlert(err error) bool {
	var e *net.OpError
	return errors.As(err, &e) && e.Op == "remote error"
}

// explainDial adds what to do where nobody listens.
func explainDial(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: nothing listens there: start the broker, or correct the address", err)
	}
	return err
}

// explainTLS adds what to do to an error of TLS.
func explainTLS(err error) error {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return fmt.Errorf("%w: the port does not speak TLS: use amqp:// or the port for TLS, 5671 by default", err)
	case isAlert(err):
		return fmt.Errorf("%w: the broker does not take the client's certificate, or wants one: %s", err, certificateRemedy)
	default:
		return err
	}
}
