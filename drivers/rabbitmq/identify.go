package rabbitmq

import (
	"context"
	"fmt"

	"ordeal/drivers"
)

var _ drivers.Identifier = (*session)(nil)

// Identify asks the management plugin of the one server that the session was opened with which node it is.
func (s *session) Identify(ctx context.Context) (string, error) {
	var overview struct {
		Node string `json:"node"`
	}
	if err := s.usable(ctx); err != nil {
		return "", fmt.Errorf("identify node: %w", err)
	}
	if err := s.management.get(ctx, "/api/overview?disable_stats=true", &overview); err != nil {
		return "", fmt.Errorf("identify node: %w", err)
	}
	return nodeName(overview.Node), nil
}
