package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// attempts is how often a cluster is started anew because somebody took one of its ports in the moment between choosing and using it.
const attempts = 5

// startLimit is how long the start of a cluster may take where Spec.Within does not say.
const startLimit = 2 * time.Minute

// local is a cluster whose nodes are processes of this machine.
type local interface {
	Cluster
	// fleetOf is its common part.
	fleetOf() *fleet
	// lay lays out folders, configurations and processes; nothing runs yet.
	lay() error
	// start starts the processes and returns once the cluster serves. What it leaves running on an error is stopped by its caller.
	start(ctx context.Context) error
}

func (f *fleet) fleetOf() *fleet { return f }

// begin lays out and starts the cluster that create makes of spec, on the ports that choose offers; a test may offer some that are in use.
func begin(ctx context.Context, spec Spec, choose func() ([]int, error), create func(fleet) local) (Cluster, error) {
	if err := vacant(spec.Dir); err != nil {
		return nil, err
	}
	if spec.Within == 0 {
		spec.Within = startLimit
	}
	ctx, cancel := context.WithTimeout(ctx, spec.Within)
	defer cancel()
	for attempt := 1; ; attempt++ {
		ports, err := choose()
		if err != nil {
			return nil, err
		}
		f, err := newFleet(spec, ports)
		if err != nil {
			return nil, err
		}
		c := create(f)
		if err = attend(ctx, c); err == nil {
			return c, nil
		}
		collision := errors.Is(err, errPortTaken) || errors.Is(err, errDied) && (taken(ports) != 0 || blamesPort(err))
		if attempt == attempts || !collision {
			return nil, err
		}
		spec.Logger.Warn("a port of the new cluster is in use: trying others", "ports", ports)
	}
}

// attend makes one attempt. After an error nothing runs, and there are no data.
func attend(ctx context.Context, c local) error {
	f := c.fleetOf()
	alive, end := context.WithCancelCause(ctx)
	defer end(nil)
	f.ended = func(p *Process, exit string) {
		if alive.Err() == nil {
			end(p.died(p.end(exit)))
		}
	}
	var err error
	if f.claims, err = claimPorts(f.ports); err == nil {
		err = free(f.ports)
	}
	if err == nil {
		err = c.lay()
	}
	if err == nil {
		err = c.start(alive)
	}
	// A process that ended ends the waiting for the others, which may wait for it, and a start that did not miss it is none.
	if cause := context.Cause(alive); errors.Is(cause, errDied) {
		err = cause
	}
	if err == nil {
		return nil
	}
	err = errors.Join(advise(err, f.spec), f.stop(context.WithoutCancel(ctx)))
	return errors.Join(err, f.clear())
}

// advise adds what a person can do about a start that failed.
func advise(err error, spec Spec) error {
	var remedy string
	switch {
	case errors.Is(err, errDied):
		remedy = fmt.Sprintf("its last words tell why; what a scenario sets for it is under options.%s.server", spec.Kind)
	case errors.Is(err, context.DeadlineExceeded):
		remedy = fmt.Sprintf("read the log of each node named; a machine that is busy with other work may need longer than %s", spec.Within)
	default:
		return err
	}
	return fmt.Errorf("%w\nremedy: %s", err, remedy)
}

// vacant refuses a folder in which there are files: those of an earlier cluster, whose data would be taken for the new one's.
func vacant(dir string) error {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return fmt.Errorf("folder %s is not empty, it has %s, perhaps of an ordeal that was killed: use another folder, or remove this one",
				dir, path)
		}
		return nil
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
