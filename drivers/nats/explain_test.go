package nats

import (
	"errors"
	"strings"
	"testing"

	natsgo "github.com/nats-io/nats.go"
)

// TestExplain: what the library says in words of the server's is understood like its own errors, and what nobody knows stays as it is.
func TestExplain(t *testing.T) {
	for said, want := range map[string]string{
		"nats: maximum connections exceeded":                "raise the limit on connections",
		"nats: maximum account active connections exceeded": "raise the limit on connections",
		"nats: authorization violation":                     "the server wants to know who the client is",
		"nats: timeout of another kind":                     "nats: timeout of another kind",
	} {
		if got := explain(access{}, nil, errors.New(said)).Error(); !strings.Contains(got, want) {
			t.Errorf("%q is explained as %q, want %q", said, got, want)
		}
	}
	if err := explain(access{}, nil, natsgo.ErrMaxConnectionsExceeded); !errors.Is(err, natsgo.ErrMaxConnectionsExceeded) {
		t.Errorf("the library's own error became %v", err)
	}
}
