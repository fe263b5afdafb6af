package cli

import (
	"github.com/spf13/cobra"

	"ordeal/internal/cluster"
)

// newNode is the hidden command by which ordeal runs a broker's node in a process of its own.
func newNode(_ *Env) *cobra.Command {
	return &cobra.Command{
		Use: "node", Hidden: true, DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			served, err := cluster.Serve(append([]string{"node"}, args...))
			if !served {
				return cmd.Help()
			}
			return err
		},
	}
}
