package cluster

import (
	"fmt"
	"net"
	"slices"
)

// rabbitmqPorts finds the ports of a cluster: one for the port mapper, then three a node: AMQP, management above it, Erlang distribution.
func rabbitmqPorts(nodes int) ([]int, error) {
	const pastAMQP = 22_000 // so that the management ports are in the range of freePorts, too
	ports, err := freePorts(1 + nodes)
	if err != nil {
		return nil, err
	}
	out := ports[:1:1]
	for _, dist := range ports[1:] {
		client, err := rabbitmqPair(pastAMQP)
		if err != nil {
			return nil, err
		}
		for slices.Contains(append(ports, out...), client) || slices.Contains(append(ports, out...), client+managementOffset) {
			if client, err = rabbitmqPair(pastAMQP); err != nil {
				return nil, err
			}
		}
		out = append(out, client, client+managementOffset, dist)
	}
	return out, nil
}

// rabbitmqPair finds a free port whose management port is free as well.
func rabbitmqPair(past int) (int, error) {
	for range 100 {
		some, err := freePorts(10)
		if err != nil {
			return 0, err
		}
		for _, port := range some {
			if port >= past || claimed(port+managementOffset) {
				continue
			}
			if l, err := net.Listen("tcp", loopback(port+managementOffset)); err == nil {
				return port, l.Close()
			}
		}
	}
	return 0, fmt.Errorf("find a free port below %d on 127.0.0.1 with a free one %d above it", past, managementOffset)
}
