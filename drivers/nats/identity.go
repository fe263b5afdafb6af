package nats

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"ordeal/drivers"
)

// Names of the mechanisms beside user and password. A client certificate needs none: it is part of the TLS configuration.
const (
	byToken       = "token"
	byNkey        = "nkey"
	byCredentials = "credentials"
)

// Mechanisms lists how a client can prove who it is, beside user and password.
func (Driver) Mechanisms() []drivers.Mechanism {
	return []drivers.Mechanism{
		{Name: byToken, Secret: true, About: "A token that the server's configuration names."},
		{Name: byNkey, Secret: true, About: "The seed of a user's nkey (SU…), with which the client signs what the server asks it to."},
		{Name: byCredentials, Secret: true, About: "The text of a credentials file (.creds): a user's JWT and the seed of its nkey."},
	}
}

// identity is what a client says of itself in CONNECT, as the protocol names it.
type identity struct {
	user, password, token string
	// nkey is the public key, jwt the user's claims.
	nkey, jwt string
	// seed signs the server's nonce; nil where nothing is signed.
	seed []byte
}

// identify reads what was configured. Its errors never show a secret.
func identify(a drivers.Auth) (identity, error) {
	if a.Mechanism != "" && a.Secret == "" {
		return identity{}, fmt.Errorf("the mechanism %s needs a secret, and there is none", a.Mechanism)
	}
	switch a.Mechanism {
	case "":
		return identity{user: a.User, password: a.Password}, nil
	case byToken:
		return identity{token: a.Secret}, nil
	case byNkey:
		seed := []byte(a.Secret)
		pair, err := nkeys.FromSeed(seed)
		if err != nil {
			return identity{}, errors.New("the secret is no seed of an nkey: give the line that begins with SU, and nothing else")
		}
		defer pair.Wipe()
		public, err := pair.PublicKey()
		if err != nil {
			return identity{}, fmt.Errorf("the seed has no public key: %w", err)
		}
		return identity{nkey: public, seed: seed}, nil
	case byCredentials:
		return fromCredentials([]byte(a.Secret))
	default:
		return identity{}, fmt.Errorf("the mechanism %q is not known: use user and password, %s, %s or %s",
			a.Mechanism, byToken, byNkey, byCredentials)
	}
}

func fromCredentials(text []byte) (identity, error) {
	const remedy = "give the text of a file as nsc writes it, with both blocks"
	jwt, err := nkeys.ParseDecoratedJWT(text)
	if err != nil || strings.Count(jwt, ".") != 2 {
		return identity{}, errors.New("the credentials hold no JWT: " + remedy)
	}
	pair, err := nkeys.ParseDecoratedNKey(text)
	if err != nil {
		return identity{}, errors.New("the credentials hold no seed: " + remedy)
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	if err != nil {
		return identity{}, fmt.Errorf("the credentials hold no seed: %w", err)
	}
	return identity{jwt: jwt, seed: append([]byte(nil), seed...)}, nil
}

// sign answers the server's nonce.
func (i identity) sign(nonce []byte) ([]byte, error) {
	pair, err := nkeys.FromSeed(i.seed)
	if err != nil {
		return nil, err
	}
	defer pair.Wipe()
	return pair.Sign(nonce)
}

// signed is the signature in the form of CONNECT, "" where nothing is signed.
func (i identity) signed(nonce string) (string, error) {
	if i.seed == nil || nonce == "" {
		return "", nil
	}
	signature, err := i.sign([]byte(nonce))
	return base64.RawURLEncoding.EncodeToString(signature), err
}

// options are the same for the library.
func (i identity) options() []natsgo.Option {
	switch {
	case i.token != "":
		return []natsgo.Option{natsgo.Token(i.token)}
	case i.nkey != "":
		return []natsgo.Option{natsgo.Nkey(i.nkey, i.sign)}
	case i.jwt != "":
		return []natsgo.Option{natsgo.UserJWT(func() (string, error) { return i.jwt, nil }, i.sign)}
	case i.user != "" || i.password != "":
		return []natsgo.Option{natsgo.UserInfo(i.user, i.password)}
	default:
		return nil
	}
}
