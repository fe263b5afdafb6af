package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ordeal/internal/engine"
)

// standInWord begins the command line of a plain loop's process: the word, the name of the loop, the work.
const standInWord = "plain-loop"

// standIns are the plain loops, each in a process of its own, so that both sides of a comparison begin from nothing.
func standIns() map[string]func(ctx context.Context, w *work, count *atomic.Int64) error {
	return map[string]func(ctx context.Context, w *work, count *atomic.Int64) error{
		"driver":       driverLoop,
		"redis-xadd":   redisLoop,
		"nats-publish": natsPublishLoop,
		"nats-core":    natsCoreLoop,
		"amqp":         amqpLoop,
	}
}

// serveStandIn runs a plain loop when the command line asks for one: in the test binary's own process.
func serveStandIn(args []string) (served bool, err error) {
	if len(args) != 3 || args[0] != standInWord {
		return false, nil
	}
	var w work
	if err := json.Unmarshal([]byte(args[2]), &w); err != nil {
		return true, err
	}
	defer engine.Tune()() // as a run of ordeal collects its garbage
	_, restore := engine.Govern()
	defer restore() // and as it takes processors
	var f figure
	if args[1] == readingWord {
		f, err = read(&w)
	} else {
		f, err = measured(standIns()[args[1]], &w)
	}
	if err != nil {
		return true, fmt.Errorf("%s: %w", args[1], err)
	}
	return true, json.NewEncoder(os.Stdout).Encode(f)
}

// measured lets a loop run and counts for w.Full, after w.Warm.
func measured(loop func(ctx context.Context, w *work, count *atomic.Int64) error, w *work) (figure, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var count atomic.Int64
	ended := make(chan error, 1)
	go func() { ended <- loop(ctx, w, &count) }()
	var began time.Time
	var before time.Duration
	var from int64
	for _, span := range []time.Duration{w.Warm, w.Full} {
		began, before, from = time.Now(), ownCPU(), count.Load()
		select {
		case err := <-ended:
			return figure{}, errors.Join(errors.New("it ended early"), err)
		case <-time.After(span):
		}
	}
	took, used, n := time.Since(began), ownCPU()-before, count.Load()-from
	cancel()
	if err := <-ended; err != nil {
		return figure{}, err
	}
	if n == 0 {
		return figure{}, fmt.Errorf("no message came within %s", w.Full)
	}
	return figure{Rate: float64(n) / took.Seconds(), CPU: used.Seconds() * 1e6 / float64(n)}, nil
}

// ownCPU is how much processor time this process has taken.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// standIn is a plain loop as one side of a comparison.
func standIn(name string, w *work) side {
	return func(b *testing.B) figure {
		b.Helper()
		var f figure
		answer(b, &f, os.Args[0], standInWord, name, w.argument())
		return f
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// topicOf is a name that no other loop has.
func topicOf(w *work) string { return fmt.Sprintf("plain-%s-%d", w.Driver, time.Now().UnixNano()) }
