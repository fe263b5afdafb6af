package cli

import (
	"os"
	"strings"
	"sync"
	"testing"

	"ordeal/internal/engine"
)

// hurried is a standard error that interrupts ordeal when it reads a word, and waits until that has been heeded.
type hurried struct {
	mu         sync.Mutex
	text       strings.Builder
	word       string
	interrupts chan os.Signal
	once       sync.Once
}

func (h *hurried) read(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.text.String(), text)
}

func (h *hurried) Write(b []byte) (int, error) {
	h.mu.Lock()
	h.text.Write(b)
	h.mu.Unlock()
	if h.read(h.word) {
		h.once.Do(func() {
			h.interrupts <- os.Interrupt
			h.interrupts <- os.Interrupt // by when the first has been heeded: the run is about to end, and what follows must find it interrupted
		})
	}
	return len(b), nil
}

// A list of runs that is interrupted between two of them is not a list that passed.
func TestInterruptedBetweenRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	stderr := &hurried{word: `"verdict"`, interrupts: make(chan os.Signal)}
	var stdout strings.Builder
	args := []string{
		"run", "steady", "--on", "memory", "--repeat", "3", "--quiet", "--report", "none", "--progress", "json", "--set", "phases.warm-up.for=50ms",
		"--set", "phases.steady.for=300ms", "--set", "drain.idle=50ms",
	}
	code := Main(Env{
		Args: args, Stdout: &stdout, Stderr: stderr, Getenv: func(string) string { return "" }, Width: func() int { return 80 },
		Interrupts: func() (<-chan os.Signal, func()) { return stderr.interrupts, func() {} },
	})
	if code != engine.ExitInterrupted || !strings.Contains(stderr.text.String(), " of 3 runs were not begun") {
		t.Errorf("exit %d\n%s\n%s", code, stdout.String(), stderr.text.String())
	}
	if !strings.HasPrefix(stdout.String(), "PASS ") {
		t.Errorf("the run that was done is told as %q", stdout.String())
	}
}
