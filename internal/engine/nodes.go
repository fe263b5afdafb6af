package engine

import (
	"sync"
	"time"

	"ordeal/faults"
)

// processUse is what one process has used since it was started.
type processUse struct {
	cpu time.Duration // user and system, of all threads
	rss int64         // the largest memory it ever had, in bytes
}

// processID is a number and the moment of the start, so that a number that is used again is another process.
type processID struct{ pid, started int64 }

// nodesUse adds up what the processes of the nodes use while the load runs, across kills and restarts: a process that is there at the
// beginning counts from then on, one that comes later counts from its start. What a process used between the last look and its end is
// missed, which is why one looks every second and before every fault. It may be used from any goroutine.
type nodesUse struct {
	nodes []faults.Local
	// tree gives a process with its children, by number; on systems that do not tell, nothing.
	tree func(pid int) map[processID]processUse

	mu    sync.Mutex
	begun map[processID]time.Duration // CPU time at the beginning of the load
	seen  []map[processID]processUse  // per node, the last look
}

// newNodesUse looks for the first time. Where one of the nodes is no process of this machine nothing is measured: a part would pass for
// the whole.
func newNodesUse(nodes []faults.Node, tree func(int) map[processID]processUse) *nodesUse {
	u := &nodesUse{tree: tree, begun: map[processID]time.Duration{}}
	for _, n := range nodes {
		local, ok := n.(faults.Local)
		if !ok {
			return &nodesUse{tree: tree}
		}
		u.nodes = append(u.nodes, local)
		u.seen = append(u.seen, map[processID]processUse{})
	}
	u.look()
	for _, processes := range u.seen {
		for id, use := range processes {
			u.begun[id] = use.cpu
		}
	}
	return u
}

// look reads what has been used so far.
func (u *nodesUse) look() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, n := range u.nodes {
		pid := n.LocalProcess().PID
		if pid <= 0 {
			continue // killed, and not started again
		}
		for id, use := range u.tree(pid) {
			u.seen[i][id] = use
		}
	}
}

// total is the CPU time since the beginning and the largest memory, of all nodes; 0 where it is not known. A node that was started again
// counts with the largest of its processes.
func (u *nodesUse) total() (cpu time.Duration, rss int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, processes := range u.seen {
		var most int64
		for id, use := range processes {
			cpu += use.cpu - u.begun[id]
			most = max(most, use.rss)
		}
		rss += most
	}
	return cpu, rss
}
