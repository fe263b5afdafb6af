package engine

import (
	"testing"
	"time"

	"ordeal/faults"
	"ordeal/faults/pid"
)

// fakeNode is a node of which only the process matters here.
type fakeNode struct {
	faults.Node
	pid int
}

func (n *fakeNode) LocalProcess() pid.Process { return pid.Process{PID: n.pid} }

// remoteNode is a node of another machine.
type remoteNode struct{ faults.Node }

func TestNodesUseAcrossARestart(t *testing.T) {
	const mib = 1 << 20
	table := map[int]map[processID]processUse{
		1: {{pid: 1, started: 10}: {cpu: 5 * time.Second, rss: 40 * mib}},
		2: {{pid: 2, started: 11}: {cpu: 3 * time.Second, rss: 30 * mib}},
	}
	n1, n2 := &fakeNode{pid: 1}, &fakeNode{pid: 2}
	u := newNodesUse([]faults.Node{n1, n2}, func(n int) map[processID]processUse { return table[n] })
	if cpu, rss := u.total(); cpu != 0 || rss != 70*mib {
		t.Errorf("at the beginning: %s, %d MiB", cpu, rss/mib)
	}
	// n1 works for a second, n2 for two, then it is killed; the number 2 belongs to another process when it is started again.
	table[1][processID{pid: 1, started: 10}] = processUse{cpu: 6 * time.Second, rss: 44 * mib}
	table[2][processID{pid: 2, started: 11}] = processUse{cpu: 5 * time.Second, rss: 35 * mib}
	u.look()
	n2.pid = 0
	u.look()
	n2.pid = 2
	table[2] = map[processID]processUse{{pid: 2, started: 99}: {cpu: 4 * time.Second, rss: 33 * mib}}
	u.look()
	if cpu, rss := u.total(); cpu != 7*time.Second || rss != 79*mib {
		t.Errorf("at the end: %s, %d MiB; want 1 s + 2 s + 4 s, 44 + 35 MiB", cpu, rss/mib)
	}
}

func TestNodesElsewhereAreNotKnown(t *testing.T) {
	u := newNodesUse([]faults.Node{&fakeNode{pid: 1}, remoteNode{}}, func(int) map[processID]processUse {
		return map[processID]processUse{{pid: 1}: {cpu: time.Second, rss: 1}}
	})
	u.look()
	if cpu, rss := u.total(); cpu != 0 || rss != 0 {
		t.Errorf("a part of the nodes passes for the whole: %s, %d", cpu, rss)
	}
}
