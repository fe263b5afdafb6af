package cluster

import (
	"io"
	"net"
	"strconv"
)

// claim listens on an abstract socket named after the port (unix(7)): it belongs to the same network as the port, needs no file, and goes
// with the process.
func claim(port int) (io.Closer, error) {
	return net.Listen("unix", "@ordeal-port-"+strconv.Itoa(port))
}
