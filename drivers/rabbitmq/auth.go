package rabbitmq

import (
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
)

// Mechanisms of SASL that the driver can do (https://www.rabbitmq.com/docs/access-control#mechanisms).
const (
	authPlain    = "plain"
	authExternal = "external"
)

var _ drivers.Authenticator = Driver{}

// Mechanisms lists what Auth.Mechanism may be.
func (Driver) Mechanisms() []drivers.Mechanism {
	return []drivers.Mechanism{
		{Name: authPlain, About: "User and password, as without a mechanism; guest and guest where there are none."},
		{
			Name: authExternal, About: "The certificate under tls says who the client is (the broker's plugin rabbitmq_auth_mechanism_ssl). " +
				"User and password are for the management plugin alone.",
		},
	}
}

// checkAuth refuses what cannot work before anything is connected.
func checkAuth(cfg drivers.Config) error {
	switch cfg.Auth.Mechanism {
	case "", authPlain:
		return nil
	case authExternal:
		if cfg.TLS == nil || len(cfg.TLS.Certificates) == 0 && cfg.TLS.GetClientCertificate == nil {
			return errors.New("auth: mechanism external rests on a client certificate, and there is none: give cert and key under tls")
		}
		return nil
	default:
		return errors.New("auth: there are the mechanisms plain and external, not " + cfg.Auth.Mechanism)
	}
}

func (s *session) authentication() amqp.Authentication {
	if s.cfg.Auth.Mechanism == authExternal {
		return &amqp.ExternalAuth{}
	}
	user, password := s.credentials()
	return &amqp.PlainAuth{Username: user, Password: password}
}

// credentials are guest's where nobody is named.
func (s *session) credentials() (user, password string) {
	if s.cfg.Auth.User == "" {
		return "guest", "guest"
	}
	return s.cfg.Auth.User, s.cfg.Auth.Password
}
