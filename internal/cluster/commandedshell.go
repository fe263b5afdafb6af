package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// commandLimit bounds one command of the user's. It is below the time that the guard of a fault gives a whole injection.
const commandLimit = 25 * time.Second

// shell runs commands of the user's by `sh -c`, without a terminal and without input.
type shell struct {
	// dir is where they run: relative paths in them begin there.
	dir string
	// mask takes secrets out of what they print; nil for none.
	mask func(string) string
}

// run runs command with env on top of ordeal's own environment, and returns what it printed on its standard output. An error holds its exit
// and the end of what it printed; it wraps *exec.ExitError where the command ended by itself, and the context's error or
// context.DeadlineExceeded where its time was up. What the command left running in the background goes on, unless the time was up: then all
// of it is killed.
func (s shell) run(ctx context.Context, env []string, command string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(limited, "sh", "-c", command)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), env...)
	cmd.WaitDelay = time.Second // what stays in the background may hold the output open
	group(cmd)
	var out, both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &both
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		err = fmt.Errorf("not done within %s and killed: %w", commandLimit, context.DeadlineExceeded)
	case ctx.Err() != nil && err != nil:
		err = ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("run %q: %w%s", command, err, s.said(out.String()+both.String()))
	}
	return s.masked(strings.TrimSpace(out.String())), nil
}

// said is the end of what a command printed, for an error.
func (s shell) said(text string) string {
	const most = 600
	text = s.masked(strings.TrimSpace(text)) // before it is cut: half a secret is not recognised
	if text == "" {
		return ", and it said nothing"
	}
	if len(text) > most {
		text = "…" + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	return ": " + text
}

func (s shell) masked(text string) string {
	if s.mask == nil {
		return text
	}
	return s.mask(text)
}

// exited tells whether a command ran and ended with something else than 0.
func exited(err error) bool {
	_, ok := errors.AsType[*exec.ExitError](err)
	return ok
}

// quote makes one word of text for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
