package cluster

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

func TestStartOne(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	begin := time.Now()
	c, err := Start(ctx, Spec{Kind: "nats", Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(begin), c.Version())
	if err := c.Close(ctx); err != nil {
		t.Fatal(err)
	}
}
