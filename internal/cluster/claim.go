package cluster

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// claims are the ports of one cluster, of which other clusters of this machine know: also while nobody listens on them, because a node has
// not come so far, or is down for a drill. A program other than ordeal knows nothing of them. A process that is killed leaves none behind.
// The zero value has none.
type claims []io.Closer

// claimPorts claims all of ports, or none: the error is errPortTaken where one is another cluster's, and names it.
func claimPorts(ports []int) (claims, error) {
	var c claims
	for _, port := range ports {
		one, err := claim(port)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			err = fmt.Errorf("port %d of 127.0.0.1 is %w: another cluster of ordeal claims it", port, errPortTaken)
		case err != nil:
			err = fmt.Errorf("claim port %d of 127.0.0.1, so that other ordeals know of it: %w", port, err)
		}
		if err != nil {
			return nil, errors.Join(err, c.release())
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

// claimed tells whether a cluster, of this process or another, has claimed the port. What else keeps it from being claimed is for who does.
func claimed(port int) bool {
	c, err := claimPorts([]int{port})
	return errors.Is(errors.Join(err, c.release()), errPortTaken)
}
