package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// Ports come from below the range from which kernels take the ports of outgoing connections (32768 and up on Linux, 49152 and up
// elsewhere): otherwise a client that dials while a node is down could sit on the node's port when it comes back.
const (
	firstPort = 20000
	pastPort  = 32000
)

// freePorts finds n different ports of the loopback interface on which nobody listens, and that no cluster claims. Somebody may, a moment
// later.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	held := make([]net.Listener, 0, n)
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range 100 * n {
		port := firstPort + rand.IntN(pastPort-firstPort)
		if claimed(port) {
			continue
		}
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		held = append(held, l)
		ports = append(ports, port)
		if len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("find %d free ports between %d and %d on 127.0.0.1: found only %d", n, firstPort, pastPort, len(ports))
}

// errPortTaken says that somebody else listens where a node is to listen, or is going to.
var errPortTaken = errors.New("taken")

// taken is the first of ports on which somebody listens; 0 when there is none.
func taken(ports []int) int {
	for _, port := range ports {
		l, err := net.Listen("tcp", loopback(port))
		if errors.Is(err, syscall.EADDRINUSE) {
			return port
		}
		if err == nil {
			_ = l.Close()
		}
	}
	return 0
}

// blamesPort tells whether the last words of a node that ended say that somebody listened where it was to: two clusters that start at once
// may take each other's ports, and both be gone when it is looked who listens there.
func blamesPort(err error) bool {
	words := strings.ToLower(err.Error())
	return strings.Contains(words, "eaddrinuse") || strings.Contains(words, "address already in use")
}

// free is an error that names the port when one of ports is taken.
func free(ports []int) error {
	if port := taken(ports); port != 0 {
		return portTaken(port)
	}
	return nil
}

func portTaken(port int) error {
	return fmt.Errorf("port %d of 127.0.0.1 is %w: another program listens there; `ss -ltnp sport = :%d` tells which",
		port, errPortTaken, port)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
