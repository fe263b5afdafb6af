package engine

import (
	"context"
	"fmt"
	"time"

	"ordeal/faults"
	"ordeal/internal/cluster"
)

// composeLimit bounds the start of a cluster by docker compose, which pulls images the first time.
const composeLimit = 10 * time.Minute

// composable refuses targets that docker-compose.yml cannot give.
func (x *execution) composable() error {
	if !x.Target.Compose {
		return nil
	}
	name := x.Driver.Name()
	if x.inProcess() {
		return usage(fmt.Errorf("target %s: %s runs inside ordeal; use --on %[2]s", x.Target, name))
	}
	if err := cluster.CheckCompose(name, x.Target.Nodes); err != nil {
		return usage(err)
	}
	if len(x.Scenario.DriverOptions(name).Server) > 0 {
		return usage(fmt.Errorf("target %s: options.%s.server sets up brokers that ordeal configures itself; "+
			"put the settings into docker-compose.yml and leave them out here, or use --on %[2]s", x.Target, name))
	}
	return nil
}

// compose starts the cluster by docker compose. What removes it stands in the undo ledger before anything is started.
func (x *execution) compose(ctx context.Context) error {
	x.events.add("provision", "starting %s by docker compose; the first time it pulls the images", x.Target)
	ctx, cancel := context.WithTimeout(ctx, composeLimit)
	defer cancel()
	c, err := cluster.StartCompose(ctx, cluster.ComposeSpec{
		Kind: x.Driver.Name(), Nodes: x.Target.Nodes, Dir: x.folder.File("cluster"), Keep: x.Keep, Ask: x.knock, Logger: x.Logger,
		Undo: func(line string) (func() error, error) {
			id, err := x.ledger.Open(faults.Entry{Kind: faults.Containers, Target: x.Target.String(), Steps: []faults.Step{{Command: line}}})
			return func() error { return x.ledger.Heal(id) }, err
		},
	})
	if err != nil {
		return err
	}
	x.cluster = c
	return nil
}
