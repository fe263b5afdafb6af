package nats

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"ordeal/drivers"
)

// greeting is what a server says first: INFO and this as JSON.
type greeting struct {
	Version    string `json:"version"`
	MaxPayload int64  `json:"max_payload"`
	Headers    bool   `json:"headers"`
	JetStream  bool   `json:"jetstream"`
	Nonce      string `json:"nonce"`
	// TLSRequired and TLSAvailable tell that TLS begins now, or may.
	TLSRequired  bool `json:"tls_required"`
	TLSAvailable bool `json:"tls_available"`
}

// introduction is what a client says first: CONNECT and this as JSON.
type introduction struct {
	Verbose      bool   `json:"verbose"`
	Pedantic     bool   `json:"pedantic"`
	Name         string `json:"name"`
	Lang         string `json:"lang"`
	Version      string `json:"version"`
	Protocol     int    `json:"protocol"`
	Echo         bool   `json:"echo"`
	Headers      bool   `json:"headers"`
	NoResponders bool   `json:"no_responders"`
	User         string `json:"user,omitempty"`
	Password     string `json:"pass,omitempty"`
	Token        string `json:"auth_token,omitempty"`
	Nkey         string `json:"nkey,omitempty"`
	JWT          string `json:"jwt,omitempty"`
	Signature    string `json:"sig,omitempty"`
}

// greetLimit bounds the greeting of a server where ctx does not.
const greetLimit = 5 * time.Second

// dialWire makes a wire to the server that the session is connected to.
func (s *session) dialWire(ctx context.Context) (*wire, error) {
	server := s.line.server
	ctx, cancel := context.WithTimeout(ctx, greetLimit)
	defer cancel()
	conn, err := s.env.Dial(ctx, "tcp", server)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", server, err)
	}
	w := &wire{
		ponged: func() {}, asking: func() {}, conn: conn, line: &line{Conn: conn, server: server}, patience: s.set.publishTimeout,
	}
	release := context.AfterFunc(ctx, w.line.cut)
	defer release()
	if err := w.greet(ctx, s, server); err != nil {
		w.close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("connect to %s: %w", server, err)
	}
	return w, nil
}

// greet goes through the beginning of the protocol, until the server answers a PING.
func (w *wire) greet(ctx context.Context, s *session, server string) error {
	secured := false
	if s.set.tlsFirst {
		if err := w.secure(ctx, s.cfg.TLS, server); err != nil {
			return err
		}
		secured = true
	}
	info, err := w.greeting()
	if err != nil {
		return err
	}
	w.largest.Store(info.MaxPayload)
	w.headers = info.Headers
	// A server that asks for TLS gets it, as from the library, by which the session came here.
	if !secured && (info.TLSRequired || s.cfg.TLS != nil) {
		if err := w.secure(ctx, s.cfg.TLS, server); err != nil {
			return err
		}
	}
	if err := w.introduce(s, info); err != nil {
		return err
	}
	var f frame
	for {
		switch op, err := w.next(&f); {
		case err != nil:
			return err
		case op == opPong:
			return nil
		case op != opNone:
			continue
		}
		if err := w.fill(); err != nil {
			return err
		}
	}
}

// greeting reads INFO. Nothing follows it before the client has answered.
func (w *wire) greeting() (greeting, error) {
	var info greeting
	for {
		if text, _, whole := bytes.Cut(w.buf[w.at:w.upto], []byte("\r\n")); whole {
			about, ok := bytes.CutPrefix(text, []byte("INFO "))
			if !ok {
				return info, fmt.Errorf("%w: %.40q", errProtocol, text)
			}
			w.at += len(text) + 2
			if err := json.Unmarshal(about, &info); err != nil {
				return info, fmt.Errorf("%w: %w", errProtocol, err)
			}
			return info, nil
		}
		if err := w.fill(); err != nil {
			return info, err
		}
	}
}

func (w *wire) introduce(s *session, info greeting) error {
	who := s.who
	signature, err := who.signed(info.Nonce)
	if err != nil {
		return errors.New("the server's nonce could not be signed")
	}
	text, err := json.Marshal(introduction{
		Name: s.env.Name, Lang: "go", Version: "1", Protocol: 1, Echo: true, Headers: info.Headers, NoResponders: info.Headers,
		User: who.user, Password: who.password, Token: who.token, Nkey: who.nkey, JWT: who.jwt, Signature: signature,
	})
	if err != nil {
		return err
	}
	return w.tell("CONNECT " + string(text) + "\r\nPING")
}

// secure puts TLS on top.
func (w *wire) secure(ctx context.Context, config *tls.Config, server string) error {
	config, err := clientTLS(config, server)
	if err != nil {
		return err
	}
	t := tls.Client(w.conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	w.conn = t
	return nil
}

// clientTLS names the server where config does not.
func clientTLS(config *tls.Config, server string) (*tls.Config, error) {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName != "" || config.InsecureSkipVerify {
		return config, nil
	}
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	config.ServerName = host
	return config, nil
}

var _ drivers.Authenticator = Driver{}
