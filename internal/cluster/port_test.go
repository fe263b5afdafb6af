package cluster

import (
	"errors"
	"testing"
)

// What brokers say of a port that is taken, and of something else.
func TestBlamesPort(t *testing.T) {
	for words, want := range map[string]bool{
		"{listen_error,{acceptor,{127,0,0,1},31866},eaddrinuse}":                                  true,
		"java.net.BindException: Address already in use":                                          true,
		"Warning: Could not create server TCP listening socket: bind: Address already in use":     true,
		"[FTL] Error listening on port: 127.0.0.1:4222, listen tcp: bind: address already in use": true,
		"{error,{rabbitmq_management,{bad_return,{{_},{_}}}}}":                                    false,
		"java.lang.OutOfMemoryError: Java heap space":                                             false,
	} {
		if got := blamesPort(errors.New(words)); got != want {
			t.Errorf("%q: %v", words, got)
		}
	}
}
