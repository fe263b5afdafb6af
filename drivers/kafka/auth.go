package kafka

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"ordeal/drivers"
)

// Names of the mechanisms, as drivers.Auth has them.
const (
	authPlain    = "plain"
	authScram256 = "scram-sha-256"
	authScram512 = "scram-sha-512"
)

var _ drivers.Authenticator = Driver{}

// Mechanisms are those of SASL that take a user and a password. A client certificate is TLS's own and needs none of them.
func (Driver) Mechanisms() []drivers.Mechanism {
	return []drivers.Mechanism{
		{Name: authPlain, About: "The password itself is sent (SASL/PLAIN): use it with TLS only."},
		{Name: authScram256, About: "The password is proven and not sent (SASL/SCRAM-SHA-256)."},
		{Name: authScram512, About: "The password is proven and not sent (SASL/SCRAM-SHA-512)."},
	}
}

// mechanism is how the client proves who it is; nil for a client that is nobody. A user without a word on the mechanism uses plain.
func mechanism(auth drivers.Auth) (sasl.Mechanism, error) {
	if auth.User == "" {
		switch {
		case auth.Mechanism == "" && auth.Password == "":
			return nil, nil
		case auth.Mechanism == "":
			return nil, errors.New("a password was given and no user: name the user, as in kafka://user:password@host, or leave both out")
		}
		return nil, fmt.Errorf("mechanism %s: it takes a user and a password, and no user was given", auth.Mechanism)
	}
	switch auth.Mechanism {
	case "", authPlain:
		return plain.Auth{User: auth.User, Pass: auth.Password}.AsMechanism(), nil
	case authScram256:
		return scram.Auth{User: auth.User, Pass: auth.Password}.AsSha256Mechanism(), nil
	case authScram512:
		return scram.Auth{User: auth.User, Pass: auth.Password}.AsSha512Mechanism(), nil
	default:
		return nil, fmt.Errorf("mechanism %q is not one of %s", auth.Mechanism, strings.Join(mechanismNames(), ", "))
	}
}

func mechanismNames() []string {
	var names []string
	for _, m := range (Driver{}).Mechanisms() {
		names = append(names, m.Name)
	}
	return names
}
