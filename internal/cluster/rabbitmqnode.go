package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
)

// rabbitmqNode is a broker process.
type rabbitmqNode struct {
	*Process
	cluster    *rabbitmq
	erlang     string // its name in Erlang's sense
	dist       int
	management string // URL of its HTTP API
}

// probe asks the node itself whether it serves: AMQP must answer, and the node must see every peer that runs, once the cluster is formed.
func (n *rabbitmqNode) probe(ctx context.Context) error {
	if err := n.greet(ctx); err != nil {
		return err
	}
	overview, err := n.overview(ctx)
	if err != nil {
		return err
	}
	if overview.Cluster != n.cluster.id {
		return fmt.Errorf("somebody else's broker answers on %s", n.address)
	}
	running, err := n.running(ctx)
	if err != nil {
		return err
	}
	if !running[n.erlang] {
		return fmt.Errorf("%s does not call itself running yet", n.name)
	}
	for _, peer := range n.cluster.nodes {
		if running[peer.erlang] || !n.cluster.formed.Load() {
			continue
		}
		status, err := peer.Status(ctx)
		if err == nil && status.Running && !status.Paused {
			return fmt.Errorf("%s does not see %s running yet", n.name, peer.name)
		}
	}
	return nil
}

// greet begins an AMQP connection; the broker's first frame is a method on channel 0 (AMQP 0-9-1, 2.2.4 and 2.3.5).
func (n *rabbitmqNode) greet(ctx context.Context) error {
	return converse(ctx, n.address, func(conn net.Conn) error {
		if _, err := conn.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
			return err
		}
		var head [3]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return err
		}
		if head != [3]byte{1, 0, 0} {
			return fmt.Errorf("what answers on %s does not speak AMQP 0-9-1", n.address)
		}
		return nil
	})
}

// running names the nodes that this one sees running.
func (n *rabbitmqNode) running(ctx context.Context) (map[string]bool, error) {
	var nodes []struct {
		Name    string `json:"name"`
		Running bool   `json:"running"`
	}
	if err := n.get(ctx, "/api/nodes?columns=name,running", &nodes); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, node := range nodes {
		out[node.Name] = node.Running
	}
	return out, nil
}

// rabbitmqOverview is what a broker says of itself.
type rabbitmqOverview struct {
	Version string `json:"rabbitmq_version"`
	Cluster string `json:"cluster_name"`
}

func (n *rabbitmqNode) overview(ctx context.Context) (out rabbitmqOverview, err error) {
	err = n.get(ctx, "/api/overview?disable_stats=true&columns=rabbitmq_version,cluster_name", &out)
	return out, err
}

// get asks the node's HTTP API.
func (n *rabbitmqNode) get(ctx context.Context, path string, v any) error {
	return n.cluster.askHTTP(ctx, n.name, n.management+path, "guest", v)
}

// eval has the node evaluate an Erlang expression, which must give ok, and returns when it has.
func (n *rabbitmqNode) eval(ctx context.Context, expression string) error {
	dir := n.cluster.dir
	// A name of its own: under the one that erl_call always takes, the node refuses it until it has noticed that the last one is gone.
	argv := n.cluster.place.command(dir, []string{"HOME=" + n.cluster.place.inside(dir, n.name)},
		n.cluster.place.tool("erl_call"), "-h", "ordeal"+rand.Text(), "-c", n.cluster.cookie, "-address", loopback(n.dist), "-e")
	call := exec.CommandContext(ctx, argv[0], argv[1:]...)
	call.Stdin = strings.NewReader(expression + ".\n")
	said, err := n.cluster.spawner.run(call)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return fmt.Errorf("node %s, asked at its port by its cookie (.erlang.cookie) to evaluate %s: %w: %s%s",
			n.name, expression, err, said, tail(n.log))
	}
	if string(said) != "{ok, ok}" {
		return fmt.Errorf("node %s, asked to evaluate %s: %s%s", n.name, expression, said, tail(n.log))
	}
	return nil
}
