package nats

import (
	"context"
	"fmt"

	"ordeal/drivers"
)

var _ drivers.Identifier = (*session)(nil)

// Identify is the server's name (server_name in its configuration), by which the others know it.
func (s *session) Identify(ctx context.Context) (string, error) {
	if err := s.usable(ctx); err != nil {
		return "", fmt.Errorf("identify server: %w", err)
	}
	return s.nc.ConnectedServerName(), nil
}
