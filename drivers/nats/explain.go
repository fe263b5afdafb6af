package nats

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"

	natsgo "github.com/nats-io/nats.go"
)

// explain adds to the error of a connection that could not be made what follows from it. l is the connection that was tried last, nil where
// there was none.
func explain(a access, l *line, err error) error {
	if l != nil {
		if _, after, ok := bytes.Cut(l.said(), []byte("-ERR ")); ok { // the library met a broken connection before it read this
			about, _, _ := bytes.Cut(after, []byte("\r\n"))
			if told := refusal(string(bytes.Trim(about, "' "))); !strings.HasPrefix(err.Error(), "nats: ") {
				err = told
			}
		}
	}
	if text, ok := strings.CutPrefix(err.Error(), "nats: "); ok && remedyFor(a, l, err) == "" && reason(text) != nil {
		err = refusal(text) // while it connects, the library may give the server's words and no error of its own
	}
	if remedy := remedyFor(a, l, err); remedy != "" {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	return err
}

func remedyFor(a access, l *line, err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: start the server, or correct the address"
	case errors.Is(err, natsgo.ErrAuthorization), errors.Is(err, natsgo.ErrAuthExpired), errors.Is(err, natsgo.ErrAuthRevoked),
		errors.Is(err, natsgo.ErrAccountAuthExpired), errors.Is(err, natsgo.ErrNkeysNotSupported):
		if a.who.none() {
			return "the server wants to know who the client is: give a user and a password, a token, an nkey, credentials or a client certificate"
		}
		return "the server does not take the client's " + a.who.kind() + ": correct it, or what the server knows of it"
	case errors.Is(err, natsgo.ErrSecureConnWanted):
		return "the server has no TLS: use a nats:// address, or give the server a certificate"
	case errors.Is(err, natsgo.ErrMaxConnectionsExceeded), errors.Is(err, natsgo.ErrMaxAccountConnectionsExceeded):
		return "raise the limit on connections, or use fewer producers and consumers"
	}
	if a.set.tlsFirst && l != nil && bytes.HasPrefix(l.said(), []byte("INFO ")) {
		return "the server speaks before TLS begins: leave options.nats.tls_first out"
	}
	if remedy := tlsRemedy(a, err); remedy != "" {
		return remedy
	}
	return strangerRemedy(l, err)
}

// tlsRemedy is for what goes wrong with certificates.
func tlsRemedy(a access, err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &authority) && a.cfg.TLS == nil:
		return "the server wants TLS: use a tls:// address, and give the certificate of who signed the server's"
	case errors.As(err, &authority):
		return "nobody that the target trusts has signed the server's certificate: give the certificate of who did"
	case errors.As(err, &host), errors.As(err, &invalid):
		return "the server's certificate is not for this address or not for today: correct the certificate or the address"
	case errors.As(err, &record):
		return "it does not speak TLS there: use a nats:// address, or another port"
	case errors.Is(err, natsgo.ErrTLS), strings.Contains(err.Error(), "remote error: tls: "):
		return "the server does not take the client's certificate: give one that it trusts"
	default:
		return ""
	}
}

// strangerRemedy judges by what the other side said first whether it is a NATS server at all.
func strangerRemedy(l *line, err error) string {
	if l == nil {
		return ""
	}
	timeout, isNet := errors.AsType[net.Error](err)
	late := errors.Is(err, natsgo.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || isNet && timeout.Timeout()
	switch said := l.said(); {
	case len(said) == 0 && late:
		return "the other side said nothing, and a NATS server speaks first: correct the port, see whether the server hangs, " +
			"or set options.nats.tls_first where it wants TLS from the beginning"
	case len(said) == 0 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return "the other side hung up without a word, and a NATS server speaks first: correct the port, " +
			"or set options.nats.tls_first where it wants TLS from the beginning"
	case len(said) > 0 && said[0] != 0x16 && !bytes.HasPrefix(said, []byte("INFO ")):
		return fmt.Sprintf("it begins with %.30q, which is no NATS server: correct the port", said)
	default:
		return ""
	}
}

// none tells that the client says nothing of itself.
func (i identity) none() bool {
	return i.user == "" && i.password == "" && i.token == "" && i.nkey == "" && i.jwt == ""
}

// kind is what the client shows.
func (i identity) kind() string {
	switch {
	case i.token != "":
		return byToken
	case i.nkey != "":
		return byNkey
	case i.jwt != "":
		return byCredentials
	default:
		return "user and password"
	}
}

// refusal makes an error of what a server says with -ERR before it hangs up, or instead of doing something.
func refusal(about string) error {
	switch is := reason(about); {
	case is == nil:
		return fmt.Errorf("%w: %s", errHungUp, about)
	case errors.Is(is, natsgo.ErrPermissionViolation):
		return deniedError(errors.New(about))
	default:
		return fmt.Errorf("%w: %w", errHungUp, is)
	}
}

// reason is the library's error for the server's words, nil where it has none.
func reason(about string) error {
	lower := strings.ToLower(about)
	for words, is := range map[string]error{
		"permissions violation":                       natsgo.ErrPermissionViolation,
		"authorization violation":                     natsgo.ErrAuthorization,
		"user authentication expired":                 natsgo.ErrAuthExpired,
		"user authentication revoked":                 natsgo.ErrAuthRevoked,
		"account authentication expired":              natsgo.ErrAccountAuthExpired,
		"maximum connections exceeded":                natsgo.ErrMaxConnectionsExceeded,
		"maximum account active connections exceeded": natsgo.ErrMaxAccountConnectionsExceeded,
		"stale connection":                            natsgo.ErrStaleConnection,
		"maximum payload violation":                   natsgo.ErrMaxPayload,
	} {
		if strings.HasPrefix(lower, words) {
			return is
		}
	}
	return nil
}

// deniedError makes the driver's own error of a permissions violation.
func deniedError(err error) error {
	return fmt.Errorf("%w: %s: let the user publish and subscribe there", errDenied, denial(err))
}

// denial is what a permissions violation is about, such as `publish to "orders.0"`.
func denial(err error) string {
	what := regexp.MustCompile(`(?i)(publish|subscription) to "([^"]*)"`).FindStringSubmatch(err.Error())
	if what == nil {
		return err.Error()
	}
	return fmt.Sprintf("%s to %q", strings.ToLower(what[1]), what[2])
}
