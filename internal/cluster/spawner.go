package cluster

import (
	"bytes"
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

var errSpawnerClosed = errors.New("the cluster is closed")

// spawner starts every child of a cluster from one OS thread that lives until close. Linux sends a child its death signal
// (PR_SET_PDEATHSIG) when the *thread* that made it dies, and the Go runtime ends idle threads as it likes: a child made by any other
// goroutine could be killed in the middle of a run.
type spawner struct {
	requests chan spawnRequest
	quit     chan struct{}
	ended    chan struct{}
	once     sync.Once
}

type spawnRequest struct {
	cmd    *exec.Cmd
	answer chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest), quit: make(chan struct{}), ended: make(chan struct{})}
	go s.serve()
	return s
}

// serve never unlocks its thread: the runtime ends it together with the goroutine, and by then no child is left.
func (s *spawner) serve() {
	runtime.LockOSThread()
	defer close(s.ended)
	for {
		select {
		case r := <-s.requests:
			r.answer <- r.cmd.Start()
		case <-s.quit:
			return
		}
	}
}

func (s *spawner) start(cmd *exec.Cmd) error {
	tie(cmd)
	r := spawnRequest{cmd: cmd, answer: make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.answer
	case <-s.quit:
		return errSpawnerClosed
	}
}

// run runs a command that ends by itself, and with ordeal as nodes do, and returns what it said.
func (s *spawner) run(cmd *exec.Cmd) ([]byte, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second // whatever holds on to its output when it is gone
	if err := s.start(cmd); err != nil {
		return nil, err
	}
	err := cmd.Wait()
	return said.Bytes(), err
}

// close is called when every child is gone.
func (s *spawner) close() {
	s.once.Do(func() { close(s.quit) })
	<-s.ended
}
