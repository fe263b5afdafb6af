package cli

import (
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"
)

// Env is all of the outside world that the command line touches, so that tests can put another in its place.
type Env struct {
	Args           []string
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Terminal tells whether Stderr is one, and Width how wide it is; 0 where that is not known.
	Terminal bool
	Width    func() int
	// Interrupts begins to send a value for every Ctrl-C, SIGTERM or SIGHUP, until stop is called. A verb that does not call it ends by them
	// as any program does.
	Interrupts func() (signals <-chan os.Signal, stop func())
	Version    string
}

// System is the real world. version is what the linker says, or empty.
func System(version string) Env {
	// Whoever reads the output may go before the run is over, as head does: a write then fails, and must not end a run that has faults to
	// heal.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// The runtime ends a process that panics with exit code 2, which says that a gate was missed. With SIGABRT it says nothing of the kind.
	debug.SetTraceback("crash")
	if version == "" {
		version = "development"
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
			version = info.Main.Version
		}
	}
	return Env{
		Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		Terminal:   term.IsTerminal(int(os.Stderr.Fd())),
		Width:      terminalWidth,
		Interrupts: interrupts, Version: version,
	}
}

func interrupts() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 4)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(c, syscall.SIGHUP)
	}
	return c, func() { signal.Stop(c) }
}

func terminalWidth() int {
	w, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		return 0
	}
	return w
}

// colour tells whether to colour what goes to the terminal; see no-color.org.
func (e Env) colour() bool {
	return e.Terminal && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}

// ascii tells whether the terminal's encoding cannot be trusted with anything else.
func (e Env) ascii() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := e.Getenv(name); v != "" {
			return v == "C" || v == "POSIX"
		}
	}
	return false
}
