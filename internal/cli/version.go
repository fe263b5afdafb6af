package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(env *Env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "the version of ordeal and of Go", Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			fmt.Fprintf(env.Stdout, "ordeal %s %s %s/%s\n", env.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

func newCompletion(env *Env) *cobra.Command {
	shells := map[string]func(*cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(env.Stdout, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(env.Stdout) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(env.Stdout, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(env.Stdout) },
	}
	return &cobra.Command{
		Use: "completion SHELL", Short: "a completion script for bash, zsh, fish or powershell",
		Long: "Prints a completion script, for example:\n\n  source <(ordeal completion bash)",
		Args: cobra.ExactArgs(1), ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			generate, ok := shells[args[0]]
			if !ok {
				return fmt.Errorf("there is no completion for %q; there is bash, zsh, fish, powershell", args[0])
			}
			return generate(cmd.Root())
		},
	}
}
