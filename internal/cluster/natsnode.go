package cluster

import (
	"context"
	"fmt"
	"path/filepath"
)

// natsNode is a nats-server process, with its monitoring port to ask how it is.
type natsNode struct {
	*Process
	cluster *nats
	monitor string
}

// probe asks whether the node serves. Its /healthz alone will not do in a cluster: a node that is cut off calls itself healthy for seconds,
// so the node must also have a route to every peer that runs, and name the leader that they name.
func (n *natsNode) probe(ctx context.Context) error {
	if err := n.get(ctx, "/healthz", nil); err != nil {
		return err
	}
	if err := n.identify(ctx); err != nil {
		return err
	}
	if len(n.cluster.nodes) == 1 {
		return nil
	}
	leader, err := n.leader(ctx)
	if err != nil {
		return err
	}
	routes, err := n.routes(ctx)
	if err != nil {
		return err
	}
	for _, peer := range n.cluster.nodes {
		status, err := peer.Status(ctx)
		if peer == n || err != nil || !status.Running || status.Paused {
			continue
		}
		if !routes[peer.name] {
			return fmt.Errorf("%s has no route to %s yet", n.name, peer.name)
		}
		theirs, err := peer.leader(ctx)
		if err != nil {
			return err
		}
		if theirs != leader {
			return fmt.Errorf("%s says that %s leads, and %s says %s", n.name, leader, peer.name, theirs)
		}
	}
	return nil
}

// varz is the part of nats-server's /varz that says who answers.
type varz struct {
	Version   string `json:"version"`
	JetStream struct {
		Config *struct {
			StoreDir string `json:"store_dir"`
		} `json:"config"`
	} `json:"jetstream"`
}

// identify makes sure that the answers come from our process, and not from a stranger on a port that ours could not get: nobody else has
// our data folder.
func (n *natsNode) identify(ctx context.Context) error {
	var v varz
	if err := n.get(ctx, "/varz", &v); err != nil {
		return err
	}
	want := filepath.Join(n.store, "jetstream") // nats-server adds this folder itself
	if v.JetStream.Config == nil || v.JetStream.Config.StoreDir != want {
		return fmt.Errorf("somebody else's nats-server answers on %s", n.monitor)
	}
	return nil
}

func (n *natsNode) version(ctx context.Context) (string, error) {
	var v varz
	err := n.get(ctx, "/varz", &v)
	return v.Version, err
}

// leader is who leads the cluster's metadata, by this node's view.
func (n *natsNode) leader(ctx context.Context) (string, error) {
	var js struct {
		Meta *struct {
			Leader string `json:"leader"`
			Size   int    `json:"cluster_size"`
		} `json:"meta_cluster"`
	}
	if err := n.get(ctx, "/jsz", &js); err != nil {
		return "", err
	}
	if js.Meta == nil || js.Meta.Leader == "" {
		return "", fmt.Errorf("%s knows no leader of the cluster", n.name)
	}
	if js.Meta.Size != len(n.cluster.nodes) {
		return "", fmt.Errorf("%s knows %d nodes of %d", n.name, js.Meta.Size, len(n.cluster.nodes))
	}
	return js.Meta.Leader, nil
}

// routes names the peers that this node is connected to.
func (n *natsNode) routes(ctx context.Context) (map[string]bool, error) {
	var answer struct {
		Routes []struct {
			Name string `json:"remote_name"`
		} `json:"routes"`
	}
	if err := n.get(ctx, "/routez", &answer); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, r := range answer.Routes {
		names[r.Name] = true
	}
	return names, nil
}

// get asks the monitoring port for path.
func (n *natsNode) get(ctx context.Context, path string, v any) error {
	return n.cluster.askHTTP(ctx, n.name, n.monitor+path, "", v)
}
