package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// intake unpacks what a fetcher brings and hands it on, one answer at a time, so that whoever receives can wait for it and for a context of
// its own as well.
type intake struct {
	fetcher
	// holder finds the progress of a shard, nil where it belongs to nobody here: what is still under way of it is dropped.
	holder func(shard int32) *progress
	// explain turns an error into one for a person, and does what follows from it. It may ask the broker.
	explain func(ctx context.Context, shard int32, err error) error
	unpacker

	// ready is closed when client is set: the library's callbacks may come before that.
	ready   chan struct{}
	batches chan []batch
	cancel  context.CancelFunc
	all     sync.WaitGroup
	// ended is closed when nothing is asked for or handed on any more.
	ended chan struct{}

	mu  sync.Mutex
	err error
	// over is closed when err is set.
	over chan struct{}
}

func newIntake(
	s *session, topic string, holder func(int32) *progress, explain func(context.Context, int32, error) error,
) *intake {
	in := &intake{
		fetcher:  fetcher{logger: s.env.Logger, topic: topic, limits: s.limits(), positions: newPositions(), answers: make(chan []piece, 1)},
		unpacker: unpacker{decompressor: kgo.DefaultDecompressor(), committed: s.set.transactions},
		holder:   holder, explain: explain, batches: make(chan []batch),
		ready: make(chan struct{}), ended: make(chan struct{}), over: make(chan struct{}),
	}
	in.ctx, in.cancel = context.WithCancel(context.Background())
	return in
}

// start begins to read with c; whoever owns the intake has set everything that its own callbacks need. The others run along with it.
func (in *intake) start(c *client, others ...func()) {
	in.client = c
	close(in.ready)
	for _, run := range append(others, in.run, in.seek) {
		in.all.Go(run)
	}
	go func() {
		in.all.Wait()
		in.loops.Wait()
		close(in.ended)
	}()
}

// run unpacks until the intake ends. What came with an error is handed on before it.
func (in *intake) run() {
	for {
		select {
		case pieces := <-in.answers:
			if !in.pass(pieces) {
				return
			}
		case <-in.ctx.Done():
			return
		}
	}
}

// pass hands on what an answer brought; false says that the intake has ended.
func (in *intake) pass(pieces []piece) bool {
	var batches []batch
	var failed *piece
	for i := range pieces {
		p := &pieces[i]
		if in.holder(p.of.shard) != p.of {
			continue // it was taken away meanwhile
		}
		got, err := in.unpack(p)
		batches = append(batches, got...)
		if err != nil {
			p.err, failed = err, p
			continue
		}
		p.of.fetched = p.next
	}
	if len(batches) > 0 {
		select {
		case in.batches <- batches:
		case <-in.ctx.Done():
			return false
		}
	}
	if failed != nil {
		in.end(in.explain(in.ctx, failed.of.shard, failed.err))
	}
	return failed == nil
}

// heed waits for what the library has to say of the group, such as that the session is lost. It tells it to who polls for messages, though
// there are none: it is told of no offset, so it fetches nothing.
func (in *intake) heed() {
	for in.ctx.Err() == nil {
		if errs := in.client.PollFetches(in.ctx).Errors(); len(errs) > 0 && in.ctx.Err() == nil {
			in.end(in.explain(in.ctx, errs[0].Partition, errs[0].Err))
		}
	}
}

// end ends the intake; only the first reason counts.
func (in *intake) end(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
		close(in.over)
	}
	in.cancel()
}

// reason is why the intake ended, nil while it has not.
func (in *intake) reason() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}

// stopped is why nothing more is to be had of the intake. What was unpacked before messages were found to be gone still counts.
func (in *intake) stopped(unpacked bool) error {
	err := in.reason()
	if unpacked && errors.Is(err, errGone) {
		return nil
	}
	return err
}

// wait returns what the next answer brought.
func (in *intake) wait(ctx context.Context) ([]batch, error) {
	select { // what is there comes before the end
	case b := <-in.batches:
		return b, nil
	default:
	}
	select {
	case b := <-in.batches:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-in.over:
		return nil, in.reason()
	}
}
