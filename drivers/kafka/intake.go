package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// intake polls the library and hands on what comes, one poll at a time, so that whoever receives can wait for it and for a context of its
// own as well.
type intake struct {
	client *client
	// sort finds the progress of a partition's records; it is called before the library may take the partition away.
	sort func(shard int32) *progress
	// explain turns an error of the library's into one for a person, and does what follows from it. It may ask the broker.
	explain func(ctx context.Context, shard int32, err error) error

	// ready is closed when client is set: the library's callbacks may come before that.
	ready   chan struct{}
	batches chan []batch
	ctx     context.Context //nolint:containedctx // it is the intake's own life
	cancel  context.CancelFunc
	polled  chan struct{}

	mu  sync.Mutex
	err error
	// over is closed when err is set.
	over chan struct{}
}

// batch is what one poll brought of one partition.
type batch struct {
	of      *progress
	records []*kgo.Record
}

func newIntake(sort func(int32) *progress, explain func(context.Context, int32, error) error) *intake {
	in := &intake{
		sort: sort, explain: explain, ready: make(chan struct{}), batches: make(chan []batch), polled: make(chan struct{}),
		over: make(chan struct{}),
	}
	in.ctx, in.cancel = context.WithCancel(context.Background())
	return in
}

// start begins to poll c; whoever owns the intake has set everything that its own callbacks need.
func (in *intake) start(c *client) {
	in.client = c
	close(in.ready)
	go in.run()
}

// run polls until the intake ends. What came with an error is handed on before it.
func (in *intake) run() {
	defer close(in.polled)
	for {
		fetches := in.client.PollFetches(in.ctx)
		var batches []batch
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) == 0 {
				return
			}
			if of := in.sort(p.Partition); of != nil {
				batches = append(batches, batch{of: of, records: p.Records})
				of.fetched = p.Records[len(p.Records)-1].Offset + 1
			}
		})
		in.client.AllowRebalance()
		if len(batches) > 0 {
			select {
			case in.batches <- batches:
			case <-in.ctx.Done():
				return
			}
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			in.end(in.explain(in.ctx, errs[0].Partition, errs[0].Err))
			return
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

// stopped is why nothing more is to be had of the intake. What was polled before messages were found to be gone still counts.
func (in *intake) stopped(polled bool) error {
	err := in.reason()
	if polled && errors.Is(err, errGone) {
		return nil
	}
	return err
}

// wait returns what the next poll brought.
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
