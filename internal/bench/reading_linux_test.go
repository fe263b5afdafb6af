package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/measure"
	"ordeal/internal/message"
	"ordeal/internal/worker"
)

// A run of ordeal receives only what it sends meanwhile. To hold its receiving side alone against a tool that only receives, a topic is filled
// beforehand, and both sides read it from its beginning. Ordeal's side is then a process with what a run has for its consumers, and without
// producers: worker, driver, checksums, histograms, history.bin and the judge's book, whose checks have to pass.

// readingWord is the name, beside those of the plain loops, of the process that does so.
const readingWord = "reading"

// readingRun is stamped into every message of a topic that is to be read.
const readingRun = 0x0EAD

// unmeasured is how much of the topic is read before anything is measured: a JVM takes as long to come to its speed.
func unmeasured(w *work) int64 { return int64(w.Messages) * 3 / 4 }

// fill sends w.Messages stamped messages to w.Topic, which must be there, as fast as the window allows.
func fill(ctx context.Context, w *work) error {
	d, cfg, err := w.config()
	if err != nil {
		return err
	}
	s, err := new(network).session(ctx, d, cfg)
	if err != nil {
		return err
	}
	room, failed := make(chan struct{}, w.Window), make(chan drivers.Receipt, 1)
	p, err := s.Producer(ctx, drivers.ProducerSpec{Topic: w.topic(w.Topic), Guarantee: cfg.Guarantee, Window: w.Window}, func(r drivers.Receipt) {
		if r.Outcome != drivers.Acked {
			select {
			case failed <- r:
			default:
			}
		}
		<-room
	})
	if err != nil {
		return errors.Join(err, s.Close(ctx))
	}
	const most = 250
	for from := 0; from < w.Messages && err == nil; from += most {
		n := min(most, w.Messages-from)
		batch, bodies := make([]drivers.Message, n), make([]byte, n*w.Size)
		for i := range batch {
			body := bodies[i*w.Size : (i+1)*w.Size]
			message.Put(body, &message.Stamp{ID: readingID(from + i), Run: readingRun, Index: uint64(from + i)})
			batch[i] = drivers.Message{Token: uint64(from + i), Body: body}
			room <- struct{}{}
		}
		err = p.Send(ctx, batch)
	}
	err = errors.Join(err, p.Flush(ctx))
	select {
	case r := <-failed:
		err = errors.Join(err, fmt.Errorf("a send is %s: %w", r.Outcome, r.Err))
	default:
	}
	return errors.Join(err, p.Close(ctx), s.Close(ctx))
}

// readingID is the identity of message i of the topic.
func readingID(i int) message.ID { return message.ID{Producer: 1, Seq: uint64(i)} }

// read reads w.Topic to its end in a group of its own, verifies all of it, and gives the figure of what comes after the unmeasured part.
func read(w *work) (f figure, err error) {
	d, cfg, err := w.config()
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	topic := w.topic(w.Topic)
	group := drivers.Group{Name: fmt.Sprintf("reading-%d", time.Now().UnixNano()), Members: 1, Prefetch: w.Prefetch}
	topic.Groups = []drivers.Group{group}
	admin, err := new(network).session(ctx, d, cfg)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, admin.Close(ctx)) }()
	if err := admin.Declare(ctx, topic); err != nil {
		return f, err
	}
	dir, err := os.MkdirTemp("", "ordeal-reading-")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(dir)
	log, err := history.Create(filepath.Join(dir, "history.bin"), history.Header{})
	if err != nil {
		return f, err
	}
	book := readingBook(w, topic)
	plan := worker.Plan{
		Run: readingRun, Groups: []worker.Group{{Name: group.Name, Topic: topic, Spec: group}}, Consumers: []worker.Consumer{{Name: "reader"}},
	}
	reader, err := worker.NewLocal(plan, worker.Deps{
		Driver: d, Config: cfg, Book: book, History: log, Logger: quiet(), Notify: func(string) {},
		Dial: func(worker.Role, string) worker.Dial { return new(network).dial },
	})
	if err != nil {
		_, closed := log.Close(nil)
		return f, errors.Join(err, closed)
	}
	f, err = readAll(ctx, w, reader)
	errs := reader.Stop().Errors
	_, closed := log.Close(nil)
	if err = errors.Join(err, closed); err != nil {
		return f, fmt.Errorf("%w; the reader's errors: %v", err, errs)
	}
	return f, passes(book.Findings(judge.Evidence{Drains: []judge.Drain{{Complete: true}}}))
}

// readingBook is the judge's book with everything that the topic was filled with.
func readingBook(w *work, topic drivers.Topic) *judge.Book {
	book := judge.NewBook(judge.Plan{
		Run:       readingRun,
		Producers: []judge.Producer{{ID: 1, Name: "filler", Topic: topic.Name, Lanes: 1, Counted: true}},
		Groups: []judge.Group{{
			Name: topic.Groups[0].Name, Topic: topic.Name, Members: 1, Shards: 1, Delivery: judge.AtLeastOnce, Order: judge.PerShard,
		}},
	})
	for i := range w.Messages {
		book.Attempt(&history.Attempt{ID: readingID(i), Index: uint64(i)})
		book.Receipt(&history.Receipt{ID: readingID(i), Outcome: message.Acked})
	}
	return book
}

// readAll lets the reader read everything.
func readAll(ctx context.Context, w *work, reader *worker.Local) (figure, error) {
	if err := reader.Connect(ctx); err != nil {
		return figure{}, err
	}
	spans := []measure.Span{{Name: "reading", End: int64(time.Minute), Recorded: true}}
	clock := measure.NewClock(time.Now())
	collector := measure.NewCollector(clock, spans)
	reader.Start(clock, collector, spans)
	defer collector.Finish()
	var from, to moment
	for _, part := range []struct {
		until int64
		m     *moment
	}{{unmeasured(w), &from}, {int64(w.Messages), &to}} {
		for part.m.messages < part.until {
			select {
			case <-ctx.Done():
				return figure{}, fmt.Errorf("%d of %d messages came: %w", part.m.messages, w.Messages, ctx.Err())
			case <-time.After(time.Millisecond):
			}
			*part.m = moment{at: time.Now(), messages: reader.Reached(0).Deliveries, cpu: ownCPU()}
		}
	}
	return to.since(from), nil
}

// passes tells which check does not.
func passes(f *judge.Findings) error {
	var errs []error
	for _, c := range judge.Checks() {
		if v := judge.Judge(c, f, judge.Params{Scope: judge.PerShard}); v.Status != judge.Pass {
			errs = append(errs, fmt.Errorf("%s: %s", c.Name(), v.Why))
		}
	}
	return errors.Join(errs...)
}

// What was filled is read and verified; a message too few is found out.
func TestReading(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a broker, which takes seconds; make unit runs it")
	}
	w := &work{Driver: "redis", Server: server(t, "redis"), Topic: "filled", Size: 100, Messages: 20_000, Window: 500, Prefetch: 500}
	d, cfg, err := w.config()
	if err != nil {
		t.Fatal(err)
	}
	s, err := new(network).session(t.Context(), d, cfg)
	if err == nil {
		err = s.Declare(t.Context(), w.topic(w.Topic))
	}
	if err == nil {
		err = fill(t.Context(), w)
	}
	if err != nil {
		t.Fatal(err)
	}
	if f, err := read(w); err != nil || f.Rate < 10 || f.CPU <= 0 {
		t.Errorf("%+v, %v", f, err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
