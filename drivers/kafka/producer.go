package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// inFlight is how many produce requests without numbers may be unanswered by one broker. When a broker refuses a batch, the library fails
// all that it holds for the partition with the same error, sent or not. With more than one request under way, some of it may be
// appended all the same, by a broker that leads the partition again, and would have been called rejected. Numbered batches behind one
// that is missing are refused by the broker itself, so of them the library may send more.
const inFlight = 1

// producer sends by a client of its own.
type producer struct {
	session *session
	spec    drivers.ProducerSpec
	client  *client
	flight  *flight
	seats   []*seat
	// promise is the method value that every record is given.
	promise func(*kgo.Record, error)
	// shards of the topic when the producer was made.
	shards int32
	once   sync.Once
	linger *linger
	// ended tells that a transaction was.
	ended bool
	// left tells that one was left open when its Send had to end.
	left atomic.Bool
}

func newProducer(ctx context.Context, s *session, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (*producer, error) {
	p := &producer{session: s, spec: spec, flight: newFlight(max(1, spec.Window), settle)}
	p.promise = p.land
	p.linger = newLinger(s.set.linger, func(seats []*seat) { p.hand(seats, p.promise) })
	vital := []int16{keyProduce}
	if spec.ClientRetry {
		vital = nil // the library is to reconnect and to send again in its own way
	}
	c, err := newClient(s.cfg, s.env, s.set, p.lose, vital, append(s.produceOptions(spec), kgo.WithHooks(takenHook{p.flight}))...)
	if err != nil {
		return nil, err
	}
	p.client = c
	if err := p.prepare(ctx); err != nil {
		c.end()
		return nil, whole(ctx, err)
	}
	return p, nil
}

// prepare connects, looks for the topic, and lets the broker name the producer, so that the first message has to wait for none of it.
func (p *producer) prepare(ctx context.Context) error {
	release := p.client.cutAfter(ctx)
	defer release()
	topic, err := p.session.topic(ctx, p.client, p.spec.Topic)
	if err != nil {
		return err
	}
	p.shards = int32(len(topic.Partitions))
	if p.session.numbered(p.spec.Guarantee) {
		_, _, err = p.client.ProducerID(ctx)
	}
	return err
}

// numbered tells whether the messages of a producer are numbered, which takes acks from all replicas.
func (s *session) numbered(g drivers.Guarantee) bool {
	return s.set.idempotent && g >= drivers.Replicated
}

func (s *session) produceOptions(spec drivers.ProducerSpec) []kgo.Opt {
	options := []kgo.Opt{
		kgo.RecordPartitioner(newRoute()), kgo.ProducerLinger(0), kgo.MaxBufferedRecords(max(1, spec.Window) + 1),
		kgo.ProducerBatchMaxBytes(int32(s.set.maxMessage)),
		kgo.ProducerBatchCompression(codec(s.set.compression)),
		kgo.ProduceRequestTimeout(s.set.requestTimeout - s.set.requestTimeout/2),
	}
	switch {
	case spec.Guarantee == drivers.Sent:
		options = append(options, kgo.RequiredAcks(kgo.NoAck()))
	case spec.Guarantee < drivers.Replicated:
		options = append(options, kgo.RequiredAcks(kgo.LeaderAck()))
	default:
		options = append(options, kgo.RequiredAcks(kgo.AllISRAcks()))
	}
	numbered := s.numbered(spec.Guarantee)
	if !numbered {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(inFlight))
	}
	if s.set.transactions {
		options = append(options, kgo.TransactionalID(s.transactionalID(spec.Topic)))
	}
	switch {
	case spec.ClientRetry:
		return options
	case s.set.transactions:
		options = append(options, kgo.TransactionTimeout(s.set.transactionTimeout()))
	case numbered:
		options = append(options, kgo.AllowIdempotentProduceCancellation())
	}
	// The connection's patience ends first. This is for what waits in the client for a leader.
	return append(options, kgo.RecordRetries(0), kgo.RecordDeliveryTimeout(2*s.set.requestTimeout))
}

// transactionalID is the same for every incarnation of a producer.
func (s *session) transactionalID(t drivers.Topic) string { return t.Name + "." + s.env.Name }

func codec(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	default:
		return kgo.NoCompression()
	}
}

// Send hands the batch to the library; its promises settle it.
func (p *producer) Send(ctx context.Context, batch []drivers.Message) error {
	if err := p.send(ctx, batch); err != nil {
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

func (p *producer) send(ctx context.Context, batch []drivers.Message) error {
	if err := ctx.Err(); err != nil {
		p.flight.refuse(batch, err)
		return err
	}
	var err error
	if p.seats, err = p.flight.board(p.seats[:0], batch); err != nil {
		return err
	}
	if p.session.set.transactions {
		return p.transact(ctx, batch)
	}
	now := time.Now()
	p.record(batch, now)
	p.linger.add(p.seats, now, p.flight.full())
	return p.flight.state()
}

// record makes records of the messages, each at the seat of its number.
func (p *producer) record(batch []drivers.Message, now time.Time) {
	for i := range batch {
		m, s := &batch[i], p.seats[i]
		r := &s.record
		*r = kgo.Record{} // field by field, for a copy of what was just put together makes the processor wait
		r.Topic, r.Partition, r.Timestamp, r.Context = p.spec.Topic.Name, m.Shard, now, s
		r.Key, r.Value, r.Headers = m.Key, m.Body, headers(m.Headers)
	}
}

// hand gives messages to the library.
func (p *producer) hand(seats []*seat, promise func(*kgo.Record, error)) {
	for _, s := range seats {
		if shard := s.record.Partition; shard < drivers.AnyShard || shard >= p.shards {
			promise(&s.record, errShard)
			continue
		}
		p.client.TryProduce(s, &s.record, promise)
	}
}

func headers(in []drivers.Header) []kgo.RecordHeader {
	if len(in) == 0 {
		return nil
	}
	out := make([]kgo.RecordHeader, len(in))
	for i, h := range in {
		out[i] = kgo.RecordHeader{Key: h.Name, Value: h.Value}
	}
	return out
}

// land is every record's promise. The library keeps it from being called by two goroutines; those of Send come in between.
func (p *producer) land(r *kgo.Record, err error) {
	var receipt drivers.Receipt
	p.receipt(&receipt, r, err)
	p.flight.answer(r.Context.(*seat), &receipt)
}

// receipt says what became of r, in an empty receipt; its token is left open.
func (p *producer) receipt(receipt *drivers.Receipt, r *kgo.Record, err error) {
	switch {
	case err != nil:
		*receipt = p.refusal(err)
	case p.spec.Guarantee != drivers.Sent:
		receipt.Outcome, receipt.Position.Minor, receipt.Position.Known = drivers.Acked, uint64(r.Offset), true
	default:
		receipt.Outcome = drivers.Acked
	}
}

// refusal says what became of a message whose promise is err.
func (p *producer) refusal(err error) drivers.Receipt {
	if !errors.Is(err, errShard) {
		// The library looks for the new leader of a partition only when it means to send a record again.
		p.client.ForceMetadataRefresh()
	}
	outcome := produceOutcome(err, p.client.line.produced.Load(), p.spec.Guarantee >= drivers.Replicated)
	return drivers.Receipt{Outcome: outcome, Err: advised(err)}
}

// Flush waits for the promises.
func (p *producer) Flush(ctx context.Context) error {
	p.linger.release()
	if err := p.flight.Wait(ctx); err != nil {
		return fmt.Errorf("flush topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

// lose is the line's word that a connection is gone: from now on nothing starts any more.
func (p *producer) lose(err error) {
	p.flight.stop(err)
	go p.fail(err)
}

// fail ends the producer; the library fails its records once its client is closed.
func (p *producer) fail(err error) {
	p.flight.stop(err)
	p.linger.drop() // what it held is settled with the rest
	p.client.end()
	p.flight.end()
}

// Close gives up on what is in flight, and has a transaction aborted that a Send left open.
func (p *producer) Close(ctx context.Context) error {
	var err error
	p.once.Do(func() {
		p.session.forget(p)
		p.fail(errClosed)
		if p.left.Load() {
			err = p.abort(ctx)
		}
		if n := p.client.line.lossCount(); n > 0 {
			p.session.env.Logger.Debug("kafka producer lost connections", "topic", p.spec.Topic.Name, "connections", n)
		}
	})
	if err != nil {
		return fmt.Errorf("close producer of topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}
