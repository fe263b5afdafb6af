package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitPause lies at least between two requests of a committer. At a moderate rate every few messages would cost a request otherwise.
// Kafka's own client commits every 5 s.
const commitPause = 100 * time.Millisecond

// committer tells the broker how far a member has come: one request at a time, each with all that was done since the last one. A crash
// forgets what was not told yet, which is then delivered again.
type committer struct {
	member *member
	wake   chan struct{}
	quit   chan struct{}
	done   chan struct{}
	ctx    context.Context //nolint:containedctx // it is the committer's own life
	cancel context.CancelFunc
	once   sync.Once

	one sync.Mutex // one commit at a time

	mu  sync.Mutex
	err error
}

func newCommitter(m *member) *committer {
	c := &committer{member: m, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	go c.run()
	return c
}

func (c *committer) run() {
	defer close(c.done)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-c.quit:
			return
		case <-pause.C:
		}
		select {
		case <-c.quit:
			return
		case <-c.wake:
		}
		pause.Reset(commitPause)
		err := c.all(c.ctx)
		if errors.Is(err, kerr.RebalanceInProgress) {
			continue // the next ack tells it, or the callback that takes the shard away
		}
		if err != nil && c.ctx.Err() == nil {
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
		}
	}
}

// poke says that there is something to commit.
func (c *committer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// failure is the error of the last commit in the background, once.
func (c *committer) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.err
	c.err = nil
	return err
}

// stop ends the committer and what it is waiting for.
func (c *committer) stop() {
	c.once.Do(func() {
		c.cancel()
		close(c.quit)
	})
	<-c.done
}

// all commits every shard of the member.
func (c *committer) all(ctx context.Context) error {
	c.member.mu.Lock()
	shards := make([]*progress, 0, len(c.member.shards))
	for _, p := range c.member.shards {
		shards = append(shards, p)
	}
	c.member.mu.Unlock()
	return c.commit(ctx, shards)
}

// commit commits those of shards that have come on. During a rebalance the group takes no commits: what it refuses is committed later, or
// delivered again to whoever gets the shard.
func (c *committer) commit(ctx context.Context, shards []*progress) error {
	c.one.Lock()
	defer c.one.Unlock()
	offsets := map[int32]kgo.EpochOffset{}
	due := map[int32]*progress{}
	c.member.mu.Lock()
	for _, p := range shards {
		if p.due() {
			offsets[p.shard], due[p.shard] = kgo.EpochOffset{Epoch: p.epoch, Offset: p.done}, p
		}
	}
	c.member.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	return c.tell(ctx, due, offsets)
}

// move commits an offset past what was read, because the log does not have what lies before it any more. The member commits nothing of
// the shard after that.
func (c *committer) move(ctx context.Context, p *progress, to int64) error {
	c.one.Lock()
	defer c.one.Unlock()
	err := c.tell(ctx, map[int32]*progress{p.shard: p}, map[int32]kgo.EpochOffset{p.shard: {Epoch: -1, Offset: to}})
	if err == nil {
		c.member.mu.Lock()
		p.moved = true
		c.member.mu.Unlock()
	}
	return err
}

// tell makes the request; one at a time.
func (c *committer) tell(ctx context.Context, due map[int32]*progress, offsets map[int32]kgo.EpochOffset) error {
	var failed error
	c.member.client.CommitOffsetsSync(c.noted(ctx), map[string]map[int32]kgo.EpochOffset{c.member.spec.Topic.Name: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
			if failed = err; err == nil {
				failed = c.settle(answer, due, offsets)
			}
		})
	return failed
}

// noted makes a commit carry the note that Declare left beside the offsets.
func (c *committer) noted(ctx context.Context) context.Context {
	text := note(c.member.spec.Topic, c.member.spec.Group)
	return kgo.PreCommitFnContext(ctx, func(request *kmsg.OffsetCommitRequest) error {
		for i := range request.Topics {
			for k := range request.Topics[i].Partitions {
				request.Topics[i].Partitions[k].Metadata = &text
			}
		}
		return nil
	})
}

func (c *committer) settle(answer *kmsg.OffsetCommitResponse, due map[int32]*progress, offsets map[int32]kgo.EpochOffset) error {
	c.member.mu.Lock()
	defer c.member.mu.Unlock()
	var errs []error
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			switch {
			case err == nil && due[p.Partition] != nil:
				due[p.Partition].committed = offsets[p.Partition].Offset
			case err != nil:
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
