//go:build unix && !linux

package pid

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// look asks ps: "T    Fri Nov 21 05:30:11 2026". POSIX systems without /proc have nothing else in common.
func look(n int) (State, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-o", "state=,lstart=", "-p", strconv.Itoa(n)).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return Gone, "", ErrGone
	}
	if err != nil {
		return Gone, "", fmt.Errorf("ask ps: %w", err)
	}
	letters, started, found := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !found {
		return Gone, "", ErrGone
	}
	state := Running
	switch letters[0] {
	case 'T':
		state = Stopped
	case 'Z':
		return Gone, "", ErrGone
	}
	return state, strings.TrimSpace(started), nil
}
