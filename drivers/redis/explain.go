package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"

	"ordeal/drivers"
)

// Mechanisms lists nothing: a user with a password, the password of the default user alone, and a client certificate are all there is.
func (Driver) Mechanisms() []drivers.Mechanism { return nil }

var _ drivers.Authenticator = Driver{}

// heardMost is how much of what a server says first is kept, in bytes.
const heardMost = 64

// ear keeps the beginning of what the other side says, by which a stranger is known.
type ear struct {
	net.Conn

	mu    sync.Mutex
	heard []byte
}

func (e *ear) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	if n > 0 {
		e.mu.Lock()
		defer e.mu.Unlock()
		if room := heardMost - len(e.heard); room > 0 {
			e.heard = append(e.heard, b[:min(n, room)]...)
		}
	}
	return n, err
}

func (e *ear) said() []byte {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return bytes.Clone(e.heard)
}

// explain adds to the error of a connection that could not be made what follows from it. e is nil where there was none.
func (a *access) explain(e *ear, err error) error {
	err = a.discreet(err)
	if remedy := a.remedy(e, err); remedy != "" {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	return err
}

// discreet keeps the password out of the error reply to a greeting, which is a command with the password in it: a server that does not know
// a command quotes its words, the last one perhaps in part.
func (a *access) discreet(err error) error {
	if code(err) == "" {
		return err
	}
	text, _, _ := strings.Cut(err.Error(), ", with args beginning with")
	if secret := a.cfg.Auth.Password; secret != "" {
		text = strings.ReplaceAll(text, secret, "***")
	}
	if text == err.Error() {
		return err
	}
	return refusal(text)
}

func (a *access) remedy(e *ear, err error) string {
	switch code(err) {
	case "NOAUTH":
		return "the server wants to know who the client is: give a user and a password"
	case "WRONGPASS":
		return "the server does not take the client's user and password: correct them, or what the server knows of them"
	case "NOPERM":
		return rightsRemedy
	case "ERR":
		switch text := err.Error(); {
		case strings.Contains(text, "max number of clients"):
			return "raise maxclients, or use fewer producers and consumers"
		case strings.Contains(text, "unknown command"):
			return "a client begins with HELLO, or AUTH: take them out of rename-command, or update the server to Redis 7.0 or newer"
		}
		return ""
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "nothing listens there: start the server, or correct the address"
	}
	if remedy := a.tlsRemedy(err); remedy != "" {
		return remedy
	}
	return a.strangerRemedy(e, err)
}

// rightsRemedy is for a user without the right to a command or a key.
const rightsRemedy = "give the user the commands and keys that docs/drivers.md lists, by ACL SETUSER"

// tlsRemedy is for what goes wrong with certificates.
func (a *access) tlsRemedy(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case a.cfg.TLS == nil:
		return ""
	case errors.As(err, &authority):
		return "nobody that the target trusts has signed the server's certificate: give the certificate of who did"
	case errors.As(err, &host), errors.As(err, &invalid):
		return "the server's certificate is not for this address or not for today: correct the certificate or the address"
	case errors.As(err, &record):
		return "it does not speak TLS there: use a redis:// address, or another port"
	case strings.Contains(err.Error(), "remote error: tls: "):
		return "the server does not take the client's certificate: give one that it trusts"
	default:
		return ""
	}
}

// strangerRemedy judges by what the other side said first whether it is a Redis server at all.
func (a *access) strangerRemedy(e *ear, err error) string {
	said := e.said()
	timeout, isNet := errors.AsType[net.Error](err)
	late := errors.Is(err, errNoAnswer) || errors.Is(err, context.DeadlineExceeded) || isNet && timeout.Timeout()
	hungUp := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "closing")
	switch {
	case strings.HasPrefix(string(said), "-ERR max number of clients"):
		return "raise maxclients, or use fewer producers and consumers"
	case a.cfg.TLS == nil && len(said) > 0 && said[0] == 0x15: // an alert of TLS
		return "the server wants TLS: use a rediss:// address"
	case a.cfg.TLS == nil && len(said) > 0 && !strings.ContainsRune("+-:$*%_#,(!=~>|", rune(said[0])):
		return fmt.Sprintf("it begins with %.30q, which is no Redis server: correct the port", said)
	case len(said) == 0 && late && a.cfg.TLS != nil:
		return "the other side says nothing: use a redis:// address if it has no TLS, correct the port, or see whether the server hangs"
	case len(said) == 0 && late:
		return "the other side says nothing: correct the port, or see whether the server hangs"
	case len(said) == 0 && hungUp && a.cfg.TLS == nil:
		return "the other side hung up without a word: use a rediss:// address if it wants TLS, or correct the port"
	case hungUp && a.cfg.TLS != nil:
		return "the server hung up during TLS: give a client certificate if it wants one, or correct the port"
	default:
		return ""
	}
}
