package cluster

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// redisNode is a redis-server process.
type redisNode struct {
	*Process
	cluster *redis

	mu sync.Mutex
	// asked is when the nodes were last asked, and verdict what came of it.
	asked   time.Time
	verdict error
}

// askPause lies between two rounds of questions. Sentinels take ten seconds to make a replica of an old primary, in the middle of a run,
// whose processor time the questions must not take.
const askPause = 50 * time.Millisecond

// probe asks around, or repeats the answer of a moment ago.
func (n *redisNode) probe(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.verdict != nil && time.Since(n.asked) < askPause {
		return n.verdict
	}
	n.verdict = n.agreed(ctx)
	n.asked = time.Now()
	return n.verdict
}

// agreed asks whether the node serves: its data are read, and all nodes that run agree who the primary is, and follow it. So a primary that
// comes back after another was promoted is not ready before the Sentinels have made it a replica.
func (n *redisNode) agreed(ctx context.Context) error {
	own, err := n.info(ctx)
	if err != nil {
		return err
	}
	for _, peer := range n.cluster.nodes {
		status, err := peer.Status(ctx)
		if peer == n || err != nil || !status.Running || status.Paused {
			continue
		}
		theirs, err := peer.info(ctx)
		if err != nil {
			return err
		}
		mine, primary := own["role"] == "master", theirs["role"] == "master"
		switch {
		case mine && primary:
			return fmt.Errorf("%s and %s both call themselves the primary", n.name, peer.name)
		case mine:
			err = peer.follows(theirs, n)
		case primary:
			err = n.follows(own, peer)
		}
		if err != nil {
			return err
		}
	}
	if own["role"] != "master" && own["master_link_status"] != "up" {
		return fmt.Errorf("%s has no link to its primary yet", n.name)
	}
	return nil
}

// follows tells why the node, which says info, is no replica of primary in sync.
func (n *redisNode) follows(info map[string]string, primary *redisNode) error {
	_, port, err := net.SplitHostPort(primary.address)
	switch {
	case err != nil:
		return err
	case info["master_port"] != port:
		return fmt.Errorf("%s does not follow %s yet", n.name, primary.name)
	case info["master_link_status"] != "up" || info["master_sync_in_progress"] != "0":
		return fmt.Errorf("%s is not in sync with %s yet", n.name, primary.name)
	default:
		return nil
	}
}

// info is the node's own word on itself. Somebody else's server on its port is an error.
func (n *redisNode) info(ctx context.Context) (map[string]string, error) {
	info, err := redisInfo(ctx, n.address)
	if err != nil {
		return nil, err
	}
	if status, err := n.Status(ctx); err != nil || info["process_id"] != strconv.Itoa(status.PID) {
		return nil, fmt.Errorf("somebody else's server answers on %s", n.address)
	}
	if info["loading"] != "0" {
		return nil, fmt.Errorf("%s still reads its data", n.name)
	}
	return info, nil
}
