package cluster

import (
	"errors"
	"fmt"
	"io"
)

// claims are the ports of one cluster, of which other clusters of this machine know: also while nobody listens on them, because a node has
// not come so far, or is down for a drill. A program other than ordeal knows nothing of them. A process that is killed leaves none behind.
// The zero value has none.
type claims []io.Closer

// claimPorts claims all of ports, or none: errPortTaken then names the one that is another cluster's.
func claimPorts(ports []int) (claims, error) {
	var c claims
	for _, port := range ports {
		one, err := claim(port)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("port %d of 127.0.0.1 is %w: another cluster of ordeal claims it", port, errPortTaken), c.release())
		}
		c = append(c, one)
	}
	return c, nil
}

// release gives them up. It is idempotent.
func (c *claims) release() error {
	var errs []error
	for _, one := range *c {
		errs = append(errs, one.Close())
	}
	*c = nil
	return errors.Join(errs...)
}

// claimed tells whether another cluster, of this process or another, has claimed the port.
func claimed(port int) bool {
	c, err := claimPorts([]int{port})
	return err != nil || c.release() != nil
}
