package ending

import (
	"context"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// manyContexts are contexts, each with what ends it; all end with the test.
func manyContexts(t *testing.T, n int) (ctxs []context.Context, cancels []context.CancelFunc) {
	for range n {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		ctxs, cancels = append(ctxs, ctx), append(cancels, cancel)
	}
	return ctxs, cancels
}
