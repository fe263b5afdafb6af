package kafka

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// attempt is how many request timeouts a transaction's messages may take: two in which they wait for a leader, and one for its answer.
const attempt = 3

// transact sends the seated batch as one transaction and settles it by its end: acked once the broker has confirmed the commit, rejected
// once it has confirmed that nothing of it will ever be read, unknown where it did not say. The producer's next incarnation has the same
// transactional id, so that the broker ends what this one leaves open; where ctx has ended there may be no next one, and Close does it.
func (p *producer) transact(ctx context.Context, batch []drivers.Message) error {
	// What comes of the library's promises is kept until the transaction ends; they come one after the other.
	release := p.client.cutAfter(ctx)
	defer release()
	receipts := make([]drivers.Receipt, len(batch))
	number := make(map[*seat]int, len(batch))
	for i, s := range p.seats {
		number[s] = i
	}
	var failed error
	var first sync.Mutex
	err := p.begin(ctx)
	if err == nil {
		p.record(batch, time.Now())
		p.hand(p.seats, func(r *kgo.Record, err error) {
			first.Lock()
			defer first.Unlock()
			p.receipt(&receipts[number[r.Context.(*seat)]], r, err)
			if failed == nil {
				failed = err
			}
		})
		err = p.answered(ctx)
	}
	if err == nil {
		err = p.conclude(ctx, receipts, failed)
	}
	if err != nil {
		p.left.Store(ctx.Err() != nil)
		p.fail(err)
		return err
	}
	for i, s := range p.seats {
		p.flight.land(s, &receipts[i])
	}
	return p.flight.state()
}

// answered waits until every message of the transaction has its answer. Where the broker says that it may or may not have a batch, the
// library sends a transaction's again and again, whatever it was told of retries: numbered, so that the broker takes it once. For a
// producer that is not to send again this ends when an answer to the first attempt must have come.
func (p *producer) answered(ctx context.Context) error {
	if p.spec.ClientRetry {
		return p.client.Flush(ctx)
	}
	limit := attempt * p.session.set.requestTimeout
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := p.client.Flush(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return fmt.Errorf("the broker did not say within %s whether it has the messages: %w", limit, err)
	}
	return err
}

// begin begins a transaction once the one before is over at the shards as well. The coordinator confirms an end when it has written it
// down, and tells the shards afterwards (KIP-98, 5.2); until then they answer what comes next by CONCURRENT_TRANSACTIONS. A library that
// may send again waits in that way; for one that may not, it would be the end of the message.
func (p *producer) begin(ctx context.Context) error {
	if p.ended && !p.spec.ClientRetry {
		if err := p.complete(ctx); err != nil {
			return err
		}
	}
	return p.client.BeginTransaction()
}

// complete waits until the coordinator has told the shards of the last end.
func (p *producer) complete(ctx context.Context) error {
	const pause = time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, 2*p.session.set.requestTimeout) // as long as a message waits for a leader
	defer cancel()
	id := p.session.transactionalID(p.spec.Topic)
	for {
		all, err := p.client.admin.DescribeTransactions(ctx, id)
		if err == nil {
			err = all[id].Err
		}
		switch {
		case err != nil && !passing(err):
			return err
		case err == nil && !strings.HasPrefix(all[id].State, "Prepare"):
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// conclude commits, or aborts where a message failed, and turns the receipts into those of the whole transaction.
func (p *producer) conclude(ctx context.Context, receipts []drivers.Receipt, failed error) error {
	p.ended = true
	if failed == nil {
		return p.client.EndTransaction(ctx, kgo.TryCommit)
	}
	if err := p.client.EndTransaction(ctx, kgo.TryAbort); err != nil {
		return err
	}
	for i := range receipts {
		if receipts[i].Err == nil {
			receipts[i].Err = errAborted
		}
		receipts[i].Outcome, receipts[i].Position = drivers.Rejected, drivers.Position{}
	}
	return nil
}

// transactionTimeout is after how long the broker aborts a transaction that nobody ends, when it next looks for such, which is every ten
// seconds (transaction.abort.timed.out.transaction.cleanup.interval.ms). Until then nothing behind it can be read, so it is shorter than
// the library's own 40 s.
func (set *settings) transactionTimeout() time.Duration {
	const most = 40 * time.Second
	return min(attempt*set.requestTimeout, most)
}

// abort has the broker end the transaction that is left open: nobody who reads what was committed gets past it before. It is done by a
// client with the same transactional id, which the broker takes for the next incarnation. What is committed already stays so.
func (p *producer) abort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	s := p.session
	c, err := newClient(s.cfg, s.env, s.set, func(error) {}, nil, kgo.TransactionalID(s.transactionalID(p.spec.Topic)))
	if err == nil {
		defer c.end()
		release := c.cutAfter(ctx)
		defer release()
		_, _, err = c.ProducerID(ctx)
	}
	if err != nil {
		return fmt.Errorf("abort the transaction that is left open, else the broker does so when it times out: %w", whole(ctx, err))
	}
	return nil
}
