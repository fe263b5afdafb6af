package cluster

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"ordeal/faults"
)

// A claim is of all ports or none, keeps others out, and ends.
func TestClaims(t *testing.T) {
	ports, err := freePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	one, err := claimPorts(ports[:2])
	if err != nil {
		t.Fatal(err)
	}
	_, err = claimPorts([]int{ports[2], ports[1]})
	if !errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), strconv.Itoa(ports[1])) {
		t.Errorf("a port was claimed twice: %v", err)
	}
	if claimed(ports[2]) {
		t.Error("a claim that failed has left something behind")
	}
	for range 2 {
		if err := one.release(); err != nil {
			t.Error(err)
		}
	}
	if claimed(ports[0]) || claimed(ports[1]) {
		t.Error("the ports are claimed still")
	}
}

// A cluster claims its ports from before it listens until it is closed, also while its nodes are down, and takes no other's.
func TestClusterClaimsItsPorts(t *testing.T) {
	first := start(t, Spec{})
	ports := first.(local).fleetOf().ports
	if err := first.Nodes()[0].Signal(t.Context(), faults.Kill); err != nil {
		t.Fatal(err)
	}
	for _, port := range ports {
		if !claimed(port) {
			t.Errorf("port %d of a node that is down is not claimed", port)
		}
	}
	asked := 0
	spec := Spec{Kind: "nats", Nodes: 1, Dir: t.TempDir(), Logger: testLogger(t)}
	second, err := startNATS(within(t, 30*time.Second), spec, func(n int) ([]int, error) {
		if asked++; asked == 1 {
			return ports, nil
		}
		return freePorts(n)
	})
	if err != nil || asked != 2 {
		t.Fatalf("after %d attempts: %v", asked, err)
	}
	if err := second.Close(within(t, 20*time.Second)); err != nil {
		t.Error(err)
	}
	if err := first.Nodes()[0].Start(within(t, 20*time.Second)); err != nil {
		t.Errorf("the node does not come back: %v", err)
	}
	if err := first.Close(within(t, 20*time.Second)); err != nil {
		t.Error(err)
	}
	for _, port := range append(ports, second.(local).fleetOf().ports...) {
		if claimed(port) {
			t.Errorf("port %d of a closed cluster is claimed", port)
		}
	}
}
