package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"ordeal/internal/cluster"
)

// newNode is the hidden command by which ordeal runs a broker's node in a process of its own.
func newNode(_ *Env) *cobra.Command {
	return &cobra.Command{
		Use: "node", Hidden: true, DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			served, err := cluster.Serve(append([]string{"node"}, args...))
			if !served {
				return errors.New("ordeal runs its own nodes by this command; it takes nats-server --config FILE")
			}
			return err
		},
	}
}
