package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// askHTTP asks the HTTP interface of a node and decodes the answer into v, unless v is nil. Any status but 200 is an error. The user is its
// own password; "" is nobody.
func (f *fleet) askHTTP(ctx context.Context, node, url, user string, v any) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	if user != "" {
		request.SetBasicAuth(user, user)
	}
	answer, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s with %s: %s", node, url, answer.Status, body)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s answers %s: %w", node, url, err)
	}
	return nil
}

// converse talks to address on a connection of its own, whose reads and writes end with ctx.
func converse(ctx context.Context, address string, talk func(net.Conn) error) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // what was asked is answered
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	return talk(conn)
}
