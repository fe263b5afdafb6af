package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// remedied adds to the error of a first contact what a person can do about it, as far as the error tells.
func remedied(err error, cfg drivers.Config) error {
	if remedy := remedy(err, cfg); remedy != "" {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	return err
}

func remedy(err error, cfg drivers.Config) string {
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Sprintf("the broker does not take user %q with %s: check user and password, and that they are known for this mechanism",
			cfg.Auth.User, cfg.Auth)
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return "the broker does not offer this mechanism: choose another of " + strings.Join(mechanismNames(), ", ")
	case errors.Is(err, kerr.IllegalSaslState):
		return "this port takes no user and password: leave them out, or use the port of the broker's SASL listener"
	case cfg.TLS != nil:
		return tlsRemedy(err)
	default:
		return plainRemedy(err, cfg)
	}
}

// tlsRemedy is for a client that speaks TLS. The library tells of a server that hung up by what it supposes, and so does this.
func tlsRemedy(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		header  tls.RecordHeaderError
		hungUp  *kgo.ErrFirstReadEOF
	)
	switch {
	case errors.As(err, &unknown):
		return "nobody whom this client trusts has signed the broker's certificate: give the authority that signed it"
	case errors.As(err, &name):
		return "the broker's certificate is for another name: connect by the name that is in it"
	case errors.As(err, &invalid):
		return "the broker's certificate is not valid: renew it, or look at this machine's clock"
	// The alerts of RFC 8446 and RFC 5246; Go has no error values for them.
	case strings.Contains(err.Error(), "tls: certificate required"), strings.Contains(err.Error(), "tls: bad certificate"):
		return "the broker wants to see a certificate that it trusts: give a client certificate and its key"
	case errors.As(err, &header):
		return "this port does not speak TLS: connect without TLS, or use the port of the broker's TLS listener"
	case errors.As(err, &hungUp):
		return hungUpRemedy(hungUp, true)
	default:
		return networkRemedy(err)
	}
}

// plainRemedy is for a client that speaks plain text.
func plainRemedy(err error, cfg drivers.Config) string {
	var hungUp *kgo.ErrFirstReadEOF
	switch text := err.Error(); {
	case strings.Contains(text, "tls alert record"): // the library has no error value for it
		return "this port speaks TLS: use TLS, or the port of the broker's plain listener"
	case errors.As(err, &hungUp):
		return hungUpRemedy(hungUp, cfg.Auth.User != "")
	case strings.Contains(text, "invalid large response size"), strings.Contains(text, "unable to read ApiVersions response"):
		return "what is at this port does not answer as a Kafka broker: check the port"
	default:
		return networkRemedy(err)
	}
}

// hungUpRemedy is for a server that closes the connection at the first words.
func hungUpRemedy(hungUp *kgo.ErrFirstReadEOF, said bool) string {
	text := hungUp.Error()
	switch {
	case strings.Contains(text, "after a request was issued") && !said, strings.Contains(text, "SASL is required"):
		return "the broker may want to know who the client is: give a user and a password"
	case strings.Contains(text, "after a dial"):
		return "this port may not speak TLS: connect without TLS, or use the port of the broker's TLS listener"
	default:
		return "what is at this port does not answer as a Kafka broker, or wants TLS: check the port, or use TLS"
	}
}

func networkRemedy(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: is the broker running, and is it this address?"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "what is at this port does not answer as a Kafka broker: check the port, and whether the broker is paused or overloaded"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return "what is at this port hung up, so it may not be a Kafka broker, or want TLS or none: check the port"
	default:
		return ""
	}
}
