package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ordeal/internal/cluster"
	"ordeal/internal/engine"
	"ordeal/internal/measure"
)

// finding of the doctor.
type finding struct {
	what, state, remedy string
	// bad findings are wrong with the machine; missing ones only keep a target from working.
	bad, missing bool
}

func newDoctor(env *Env) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "doctor", Short: "what will and what will not work on this machine", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			table := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
			bad := false
			for _, f := range examine(cmd.Context(), env, out) {
				mark := "ok"
				switch {
				case f.bad:
					mark, bad = "NO", true
				case f.missing:
					mark = "--"
				}
				fmt.Fprintf(table, "%s\t%s\t%s\n", mark, f.what, f.state)
				if f.remedy != "" {
					fmt.Fprintf(table, "\t\t→ %s\n", f.remedy)
				}
			}
			if err := table.Flush(); err != nil {
				return err
			}
			if bad {
				return done(engine.ExitEnvironment)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "runs", "folder of all runs")
	return cmd
}

func examine(ctx context.Context, env *Env, out string) []finding {
	list := []finding{
		{what: "ordeal", state: env.Version + ", " + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH},
		{what: "target memory", state: "built in"},
		{what: "targets nats, nats:3", state: "built in: nats-server " + cluster.NATSVersion()},
		cores(), timer(), ports(), folder(out), processes(),
	}
	list = append(list, brokers("targets kafka, kafka:3", cluster.FindKafka()...)...)
	list = append(list, brokers("targets rabbitmq, rabbitmq:3", cluster.FindRabbitMQ()...)...)
	list = append(list, brokers("targets redis, redis:2, redis:3", cluster.FindRedis())...)
	list = append(list, brokers("targets compose:kafka, …", cluster.FindDocker(ctx)...)...)
	return append(list, finding{what: "target files, URLs", state: "brokers that run elsewhere; see docs/targets.md"})
}

// brokers tells what there is of what some targets need. What is missing keeps only those targets from working, so it is not bad.
func brokers(targets string, needed ...cluster.Installed) []finding {
	var list []finding
	for _, n := range needed {
		f := finding{what: targets, state: strings.TrimSpace(n.What + " " + n.Version + " " + n.Path)}
		if !n.Found {
			f.state, f.remedy, f.missing = n.What+" was not found", n.Remedy, true
			if n.Path != "" {
				f.state = strings.TrimSpace(n.What+" "+n.Version) + " at " + n.Path + " cannot be used"
			}
		}
		list = append(list, f)
	}
	return list
}

// cores: a broker beside its generator needs one of its own.
func cores() finding {
	f := finding{what: "processors", state: fmt.Sprint(runtime.NumCPU())}
	if runtime.NumCPU() < 2 {
		f.state += ", shared by broker and generator: latencies will say more about this machine than about a broker"
	}
	return f
}

// timer measures how late a short sleep ends, as the hiccup meter of a run does.
func timer() finding {
	worst := time.Duration(0)
	clock := measure.NewClock(time.Now())
	for range 50 {
		before := clock.Now()
		time.Sleep(time.Millisecond)
		worst = max(worst, time.Duration(clock.Now()-before)-time.Millisecond)
	}
	f := finding{what: "timers", state: fmt.Sprintf("a sleep of 1ms ended up to %s late", worst.Round(time.Microsecond))}
	if worst > 20*time.Millisecond {
		f.remedy = "the machine is busy: runs may end as generator-bound"
	}
	return f
}

func ports() finding {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return finding{what: "loopback ports", state: err.Error(), bad: true, remedy: "local clusters listen on 127.0.0.1; allow it"}
	}
	l.Close() //nolint:errcheck // nothing was sent
	return finding{what: "loopback ports", state: "free ports can be had"}
}

func folder(out string) finding {
	f := finding{what: "run folder", state: out + " can be written"}
	err := os.MkdirAll(out, 0o755)
	if err == nil {
		probe := filepath.Join(out, ".doctor")
		if err = os.WriteFile(probe, nil, 0o644); err == nil {
			err = os.Remove(probe)
		}
	}
	if err != nil {
		f.state, f.bad, f.remedy = err.Error(), true, "choose another place with --out"
	}
	return f
}

func processes() finding {
	f := finding{what: "process.* faults", state: "kill, pause and stop work on targets that ordeal starts"}
	if runtime.GOOS == "windows" {
		f.state = "pause does not exist on Windows; kill and stop work on targets that ordeal starts"
	}
	return f
}
