package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ordeal/faults"
)

// fleet is what local clusters of all kinds have in common: processes with ports, folders and logs of their own, which are started
// together and ended together. A kind embeds it and adds configuration, how to form a cluster, and how to ask whether a node serves.
type fleet struct {
	spec    Spec
	dir     string // absolute
	version string
	ports   []int // of all processes
	claims  claims
	// members are the nodes, n1 first. Aides hold no messages: Redis's Sentinels, Erlang's port mapper.
	members, aides []*Process
	// aidesLast is set where members must not outlive their aides.
	aidesLast bool
	spawner   *spawner
	client    *http.Client
	// ended is told of every end of a process; nil until the start.
	ended func(p *Process, exit string)
}

func newFleet(spec Spec, ports []int) (fleet, error) {
	dir, err := filepath.Abs(spec.Dir)
	if err != nil {
		return fleet{}, err
	}
	return fleet{
		spec: spec, dir: dir, ports: ports, spawner: newSpawner(),
		client: &http.Client{Transport: &http.Transport{Proxy: nil}}, // never by way of the user's HTTP proxy
	}, nil
}

// process makes the folders of a process below the cluster's own. Clients find it on the first of its ports.
func (f *fleet) process(name string, ports ...int) (*Process, error) {
	home := filepath.Join(f.dir, name)
	p := &Process{
		name: name, address: loopback(ports[0]), ports: ports, home: home, store: filepath.Join(home, "data"),
		log: filepath.Join(home, f.spec.Kind+".log"), spawner: f.spawner, logger: f.spec.Logger, ended: f.ended,
	}
	return p, os.MkdirAll(p.store, 0o755)
}

// member makes the process of node i, counted from 0.
func (f *fleet) member(i int, ports ...int) (*Process, error) {
	p, err := f.process(nodeName(i), ports...)
	f.members = append(f.members, p)
	return p, err
}

func nodeName(i int) string { return fmt.Sprintf("n%d", i+1) }

// names are those of processes, for people.
func names(processes []*Process) string {
	var out []string
	for _, p := range processes {
		out = append(out, p.name)
	}
	return strings.Join(out, ", ")
}

// launch starts processes one after the other.
func launch(ctx context.Context, processes []*Process) error {
	for _, p := range processes {
		if err := p.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ready returns once all processes serve. An error names all that do not.
func ready(ctx context.Context, processes []*Process) error {
	return errors.Join(atOnce(processes, func(p *Process) error { return p.Ready(ctx) })...)
}

// atOnce does the same to all at once, and returns what came of it at each.
func atOnce[T any](all []T, do func(T) error) []error {
	errs := make([]error, len(all))
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() { errs[i] = do(one) })
	}
	group.Wait()
	return errs
}

// step tells the log which part of the start begins.
func (f *fleet) step(what string) {
	f.spec.Logger.Debug("cluster: "+what, "cluster", f.Name())
}

// Name is the kind, and the number of nodes where there are several: "nats", "nats:3".
func (f *fleet) Name() string {
	if f.spec.Nodes == 1 {
		return f.spec.Kind
	}
	return fmt.Sprintf("%s:%d", f.spec.Kind, f.spec.Nodes)
}

// Nodes are the processes that hold messages.
func (f *fleet) Nodes() []faults.Node {
	nodes := make([]faults.Node, len(f.members))
	for i, p := range f.members {
		nodes[i] = p
	}
	return nodes
}

// Servers are the addresses for clients.
func (f *fleet) Servers() []string {
	servers := make([]string, len(f.members))
	for i, p := range f.members {
		servers[i] = p.Address()
	}
	return servers
}

// Version is what the broker says of itself or, for Kafka, the version of its jars.
func (f *fleet) Version() string { return f.version }

// Logs are what the nodes wrote, then their aides.
func (f *fleet) Logs() []string {
	var logs []string
	for _, p := range slices.Concat(f.members, f.aides) {
		logs = append(logs, p.log)
	}
	return logs
}

// facts are the ones that every kind has.
func (f *fleet) facts() map[string]string {
	return map[string]string{"started by": "ordeal", "folder": f.spec.Dir}
}

// listed writes settings for a fact, in the order of their names.
func listed(settings map[string]string) string {
	if len(settings) == 0 {
		return "defaults"
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := settings[name]
		if value == "" {
			value = `""`
		}
		out = append(out, name+": "+value)
	}
	return strings.Join(out, ", ")
}

// Close ends all processes and removes their data, unless they are to be kept.
func (f *fleet) Close(ctx context.Context) error {
	if err := f.stop(ctx); err != nil {
		return fmt.Errorf("close %s cluster: %w", f.spec.Kind, err)
	}
	if f.spec.Keep {
		return nil
	}
	return f.clear()
}

// stop ends the members at once, and the aides before or after them.
func (f *fleet) stop(ctx context.Context) error {
	first, then := f.aides, f.members
	if f.aidesLast {
		first, then = then, first
	}
	err := errors.Join(closeAll(ctx, first), closeAll(ctx, then))
	f.client.CloseIdleConnections()
	f.spawner.close()
	return errors.Join(err, f.claims.release())
}

func closeAll(ctx context.Context, processes []*Process) error {
	return errors.Join(atOnce(processes, func(p *Process) error { return p.close(ctx) })...)
}

// clear removes the data of stopped processes.
func (f *fleet) clear() error {
	var errs []error
	for _, p := range slices.Concat(f.members, f.aides) {
		errs = append(errs, os.RemoveAll(p.store))
	}
	return errors.Join(errs...)
}
