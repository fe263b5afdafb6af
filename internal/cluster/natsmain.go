package cluster

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsCommand is how this binary runs itself as a NATS node; NATSMain gets what follows.
func natsCommand(self, config string) []string {
	return []string{self, "node", "nats-server", "--config", config}
}

// Serve runs the node that args, the program's arguments without its name, ask for, and tells whether they asked for one. The TestMain of a
// package whose tests start clusters calls it before anything else, and ends when it was served.
func Serve(args []string) (served bool, err error) {
	if len(args) < 2 || args[0] != "node" || args[1] != "nats-server" {
		return false, nil
	}
	return true, NATSMain(args[2:])
}

// NATSMain is the hidden command `ordeal node nats-server --config FILE`: a nats-server that runs until SIGTERM, or until its standard
// input ends, which happens when the ordeal that started it is gone. It returns nil after a polite end.
func NATSMain(args []string) error {
	flags := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	config := flags.String("config", "", "configuration file of the node")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *config == "" || flags.NArg() > 0 {
		return fmt.Errorf("nats-server: usage: node nats-server --config FILE")
	}
	opts, err := server.ProcessConfigFile(*config)
	if err != nil {
		return fmt.Errorf("nats-server: read configuration: %w", err)
	}
	opts.NoSigs = true // the library would end the process from a goroutine of its own
	opts.Logtime, opts.LogtimeUTC = true, true
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()

	node, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("nats-server: %w", err)
	}
	node.ConfigureLogger()
	if err := server.Run(node); err != nil {
		return fmt.Errorf("nats-server: %w", err)
	}
	<-ctx.Done()
	node.Shutdown()
	ended := make(chan struct{})
	go func() { node.WaitForShutdown(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("nats-server: still shutting down after 30s")
	}
}
