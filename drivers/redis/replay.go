package redis

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

const (
	// replayPage is how many entries are read at once, and replayAhead how many may wait to be received.
	replayPage, replayAhead = 500, 2000
	// replayBlock is how long one read waits for new entries.
	replayBlock = 250 * time.Millisecond
	// replayPause lies between two looks at whether there is room again.
	replayPause = 5 * time.Millisecond
)

var _ drivers.Replayer = (*session)(nil)

// Replay reads a log's stream by XREAD, which knows no groups. A queue deletes what was acknowledged, and pub/sub keeps nothing.
func (s *session) Replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
	r, err := s.replay(ctx, t, shard, from)
	if err != nil {
		return nil, fmt.Errorf("replay shard %d of topic %q: %w", shard, t.Name, err)
	}
	return r, nil
}

func (s *session) replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (*replay, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := checkTopic(t); err != nil {
		return nil, err
	}
	switch {
	case t.Model != drivers.Log:
		return nil, fmt.Errorf("%w: it is a %s", drivers.ErrNoReplay, t.Model)
	case shard < 0 || shard >= t.Shards:
		return nil, errShard
	}
	key := newRoute(t).keys[shard]
	if from.Known {
		if err := s.holds(ctx, key, from); err != nil {
			return nil, err
		}
	}
	l, err := s.access.dialLine(ctx, s.control.server, consumerBuffers())
	if err != nil {
		return nil, err
	}
	r := &replay{
		session: s, topic: t, shard: int32(shard), key: key, after: before(from), line: l, inbox: newInbox(),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	if err := s.parts.Add(r); err != nil {
		l.close()
		return nil, err
	}
	go r.run()
	return r, nil
}

// holds tells whether a replay of the stream can begin at from.
func (s *session) holds(ctx context.Context, key string, from drivers.Position) error {
	reply, err := s.control.ask(ctx, "XRANGE", key, "-", "+", "COUNT", "1")
	if err != nil {
		return err
	}
	entries, err := reply.ToArray()
	if err != nil {
		return fmt.Errorf("%w: to XRANGE", errReply)
	}
	if len(entries) == 0 {
		return fmt.Errorf("the message at %s is no longer there, and the shard holds no other", from)
	}
	var oldest drivers.Delivery
	if _, err := readEntry(&entries[0], &oldest); err != nil {
		return err
	}
	if from.Before(oldest.Position) {
		return fmt.Errorf("the message at %s is no longer there: the oldest is at %s", from, oldest.Position)
	}
	last, err := s.lastID(ctx, key)
	if err != nil {
		return err
	}
	if end, ok := parsePosition(last); ok && end.Before(from) {
		return fmt.Errorf("there is no message at %s: the shard ends at %s", from, end)
	}
	return nil
}

// before is the place before p, from where XREAD begins with p; the beginning where p is unknown.
func before(p drivers.Position) drivers.Position {
	switch {
	case p.Minor > 0:
		p.Minor--
	case p.Major > 0:
		p.Major, p.Minor = p.Major-1, math.MaxUint64
	}
	return p
}

// replay reads one stream apart from all groups. A goroutine of its own reads ahead.
type replay struct {
	session *session
	topic   drivers.Topic
	shard   int32
	key     string
	// after is the last entry read.
	after drivers.Position
	line  *line
	inbox *inbox
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once
}

func (r *replay) run() {
	defer close(r.done)
	for {
		select {
		case <-r.quit:
			return
		default:
		}
		if r.inbox.length() > replayAhead {
			r.pause()
			continue
		}
		if err := r.step(); err != nil {
			r.line.cut()
			r.inbox.end(err)
			return
		}
	}
}

func (r *replay) pause() {
	t := time.NewTimer(replayPause)
	defer t.Stop()
	select {
	case <-r.quit:
	case <-t.C:
	}
}

// step reads a page, and waits for its first entry.
func (r *replay) step() error {
	reply, err := r.line.ask(context.Background(), "XREAD", "COUNT", strconv.Itoa(replayPage),
		"BLOCK", strconv.FormatInt(replayBlock.Milliseconds(), 10), "STREAMS", r.key, string(appendID(nil, r.after)))
	switch {
	case rueidis.IsRedisNil(err):
		return nil
	case err != nil:
		return err
	}
	streams, err := reply.ToMap()
	if err != nil {
		return fmt.Errorf("%w: to XREAD", errReply)
	}
	stream := streams[r.key]
	entries, err := stream.ToArray()
	if err != nil {
		return fmt.Errorf("%w: to XREAD", errReply)
	}
	ds := make([]drivers.Delivery, 0, len(entries))
	for i := range entries {
		d := drivers.Delivery{Shard: r.shard}
		there, err := readEntry(&entries[i], &d)
		if err != nil {
			return err
		}
		if there {
			ds = append(ds, d)
		}
		r.after = d.Position
	}
	r.inbox.put(ds)
	return nil
}

// Receive returns what was read.
func (r *replay) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := r.inbox.take(ctx, dst)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("replay shard %d of topic %q: %w", r.shard, r.topic.Name, err)
	}
	return n, err
}

// Ack does nothing: nobody keeps account of a replay.
func (r *replay) Ack(context.Context, []drivers.Delivery) error {
	select {
	case <-r.quit:
		return errClosed
	default:
		return nil
	}
}

// Close ends the reading.
func (r *replay) Close(context.Context) error {
	r.once.Do(func() {
		r.session.parts.Forget(r)
		close(r.quit)
		r.line.cut()
		<-r.done
		r.line.close()
		r.inbox.drop(errClosed)
	})
	return nil
}
