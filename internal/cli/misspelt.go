package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ordeal/scenarios/hint"
)

// noneSuch is the Args of a command that has others below it: what is left over names none of them.
func noneSuch(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	question := hint.DidYouMean(args[0], names)
	if question == "" {
		question = fmt.Sprintf("there are %s; see `%s --help`", strings.Join(names, ", "), cmd.CommandPath())
	}
	return fmt.Errorf("unknown command %q for %q; %s", args[0], cmd.CommandPath(), question)
}

// flagError is the root's FlagErrorFunc.
func flagError(cmd *cobra.Command, err error) error {
	question := ""
	var absent *pflag.NotExistError
	if errors.As(err, &absent) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		if question = hint.DidYouMean("--"+absent.GetSpecifiedName(), names); question != "" {
			question = "; " + question
		}
	}
	return fmt.Errorf("%w%s; see `%s --help`", err, question, cmd.CommandPath())
}
