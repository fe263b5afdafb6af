package engine

import (
	"context"
	"fmt"

	"ordeal/internal/cluster"
)

// possible refuses what cannot work on this target, before anything is started.
func (x *execution) possible() error {
	if !x.Target.Local() && !cluster.CanStart(x.Driver.Name()) {
		return usage(fmt.Errorf("target %s: %s runs inside ordeal and has no servers; use %[2]s", x.Target, x.Driver.Name()))
	}
	if x.inProcess() && x.Target.Nodes > 1 {
		return usage(fmt.Errorf("target %s: ordeal cannot start nodes of %s; use %s", x.Target, x.Target.Driver, x.Target.Driver))
	}
	if x.Target.Local() && !x.Target.Compose && !x.inProcess() {
		if err := cluster.Check(x.Driver.Name(), x.Target.Nodes); err != nil {
			return usage(fmt.Errorf("target %s: %w", x.Target, err))
		}
	}
	if err := x.configurable(); err != nil {
		return err
	}
	if err := x.composable(); err != nil {
		return err
	}
	for _, t := range x.plan.topics {
		if x.Target.Local() && !x.inProcess() && t.Replicas > x.Target.Nodes {
			return environment(fmt.Errorf("topic %s wants %d replicas, and target %s has %d node(s); use --on %s:%d",
				x.plan.names[t.Name], t.Replicas, x.Target, x.Target.Nodes, x.Target.Driver, max(3, t.Replicas)))
		}
	}
	for _, ph := range x.Scenario.Phases {
		for _, f := range ph.Faults {
			needs := x.fault(f).Needs()
			if needs.Processes && !x.Target.Local() && len(x.Target.Remote) == 0 {
				return environment(fmt.Errorf("%s is not possible here: ordeal did not start the broker of target %s "+
					"and may not signal its processes; use a target that ordeal starts, such as nats, "+
					"or a target file that says how its nodes are acted upon", f.Kind, x.Target))
			}
			if needs.Processes && x.inProcess() {
				return environment(fmt.Errorf("%s is not possible here: target %s has no processes; use a target that ordeal starts, such as nats",
					f.Kind, x.Target))
			}
			if needs.Connections && x.inProcess() {
				return environment(fmt.Errorf("%s is not possible here: target %s has no connections; use a target with a network, such as nats",
					f.Kind, x.Target))
			}
		}
	}
	return x.feasible(context.Background())
}

// configurable refuses settings of brokers that cannot be, or that nobody would use.
func (x *execution) configurable() error {
	name := x.Driver.Name()
	settings := x.Scenario.DriverOptions(name).Server
	switch {
	case len(settings) == 0 || x.Target.Compose: // see composable
	case x.inProcess():
		return usage(fmt.Errorf("target %s: options.%s.server sets up brokers that ordeal starts; %[2]s has none, leave it out", x.Target, name))
	case !x.Target.Local():
		return usage(fmt.Errorf("target %s: options.%s.server sets up brokers that ordeal starts; set them up yourself and leave it out here, "+
			"or use --on %[2]s", x.Target, name))
	default:
		if err := cluster.CheckServer(name, settings); err != nil {
			return usage(err)
		}
	}
	return nil
}

// inProcess tells that the driver is its own broker.
func (x *execution) inProcess() bool { return x.Target.Local() && !cluster.CanStart(x.Driver.Name()) }
