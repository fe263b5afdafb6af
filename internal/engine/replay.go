package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/message"
	"ordeal/reports"
	"ordeal/scenarios"
)

const (
	// replaySilence is how long a replay may bring nothing before the end that the broker itself has named.
	replaySilence = 5 * time.Second
	// replayBatch is how many messages are asked for at once.
	replayBatch = 512
	// maxPlaces bounds how many places of held messages a report repeats.
	maxPlaces = 100
)

// replay looks for lost messages among what the broker still holds, before anything is torn down: a message that it holds was not
// delivered, one that it does not hold is gone. It takes no longer than a drain may. What it finds never changes the verdict.
func (x *execution) replay(ctx context.Context, f *judge.Findings) {
	lost := lostByTopic(f)
	if len(lost) == 0 || !slices.ContainsFunc(x.Scenario.Checks, isNoLoss) {
		return
	}
	limited, cancel := hurried(ctx, x.Hurry)
	defer cancel()
	limited, stop := context.WithTimeout(limited, x.Scenario.Drain.Timeout)
	defer stop()
	var session drivers.Session
	var err error
	if err = limited.Err(); err == nil {
		session, err = x.Driver.Open(limited, x.plan.config, x.admin.env)
	}
	if err == nil {
		defer func() {
			ctx, cancel := context.WithTimeout(context.Background(), askLimit)
			defer cancel()
			session.Close(ctx) //nolint:errcheck // it was only asked
		}()
		if _, ok := session.(drivers.Replayer); !ok {
			return
		}
	}
	places := x.ackedPlaces(lost)
	for _, t := range x.plan.topics {
		name := x.plan.names[t.Name]
		if len(lost[name]) == 0 || t.Model != drivers.Log {
			continue
		}
		s := &search{run: x.plan.judge.Run, topic: t, wanted: lost[name], places: places, found: map[message.ID]place{}}
		began := time.Now()
		trouble := err
		if trouble == nil {
			trouble = s.all(limited, session)
		}
		if errors.Is(trouble, drivers.ErrNoReplay) {
			continue
		}
		s.why(ctx, limited, trouble, x.Scenario.Drain.Timeout)
		x.run.Replays = append(x.run.Replays, s.report(name, &x.plan.judge, time.Since(began)))
		x.events.add("replay", "topic %s: %s", name, s.summary())
	}
}

func isNoLoss(c scenarios.Check) bool { return c.Name == "no-loss" }

// lostByTopic are the lost messages that the findings name.
func lostByTopic(f *judge.Findings) map[string]map[message.ID]bool {
	out := map[string]map[message.ID]bool{}
	for i := range f.Groups {
		g := &f.Groups[i]
		for _, n := range g.Notes[judge.Lost] {
			if out[g.Group.Topic] == nil {
				out[g.Group.Topic] = map[message.ID]bool{}
			}
			out[g.Group.Topic][n.ID] = true
		}
	}
	return out
}

// place is where a message was acked or found.
type place struct {
	shard    int32
	position message.Position
}

// ackedPlaces reads from the history where the lost messages were acked. What is not known is missing: then more has to be replayed.
func (x *execution) ackedPlaces(lost map[string]map[message.ID]bool) map[message.ID]place {
	out := map[message.ID]place{}
	if x.history == nil {
		return out
	}
	reader, err := history.Open(x.folder.File("history.bin"))
	if err != nil {
		return out
	}
	defer reader.Close() //nolint:errcheck // it was only read
	var ids []message.ID
	for _, of := range lost {
		for id := range of {
			ids = append(ids, id)
		}
	}
	lives, err := reader.Lives(ids)
	if err != nil {
		return out
	}
	for id, life := range lives {
		if shard, position := acked(life); position.Known && shard >= 0 {
			out[id] = place{shard: shard, position: position}
		}
	}
	return out
}

// search looks for the lost messages of one topic.
type search struct {
	run    uint32
	topic  drivers.Topic
	wanted map[message.ID]bool
	// places are where messages were acked, as far as that is known.
	places map[message.ID]place
	found  map[message.ID]place
	// open are messages whose place is older than what the broker keeps.
	open     []message.ID
	messages int64
	complete bool
	reason   string
}

// errPassed says that a replay has brought all that the broker has of a shard.
var errPassed = errors.New("all of the shard was replayed")

// stretch is the part of a shard in which lost messages can be; unknown positions stand for its beginning and its end.
type stretch struct {
	shard    int
	from, to drivers.Position
	// endless tells that the broker does not say where the shard ends: the replay itself has to tell when everything came.
	endless bool
}

// within ends the stretch where its shard ends; false says that the broker holds nothing of it.
func (p *stretch) within(ends []drivers.Position) bool {
	if p.shard >= len(ends) || !ends[p.shard].Known {
		return false // the shard holds nothing, says the broker
	}
	end := ends[p.shard]
	if p.from.Known && end.Before(p.from) {
		return false // the log is cut before the messages
	}
	if !p.to.Known || end.Before(p.to) {
		p.to = end
	}
	return true
}

// silence is the error of a replay that brings nothing more before its end.
func (p *stretch) silence() error {
	if p.endless {
		return fmt.Errorf("nothing came for %s, and the broker has more", replaySilence)
	}
	return fmt.Errorf("nothing came for %s, before its end at %s", replaySilence, p.to)
}

// stretches are what has to be replayed: around the places of the lost messages where all are known, else all of every shard.
func (s *search) stretches() []stretch {
	var out []stretch
	for shard := range s.topic.Shards {
		out = append(out, stretch{shard: shard})
	}
	for id := range s.wanted {
		p, known := s.places[id]
		if !known || int(p.shard) >= len(out) {
			for i := range out {
				out[i].from, out[i].to = drivers.Position{}, drivers.Position{}
			}
			return out
		}
		at, part := drivers.Position(p.position), &out[p.shard]
		if !part.from.Known || at.Before(part.from) {
			part.from = at
		}
		if !part.to.Known || part.to.Before(at) {
			part.to = at
		}
	}
	return slices.DeleteFunc(out, func(p stretch) bool { return !p.from.Known })
}

// all replays what has to be. The error says why it could not be told of every message.
func (s *search) all(ctx context.Context, session drivers.Session) error {
	ender, ok := session.(drivers.Ender)
	if !ok {
		return errors.New("the driver cannot tell where a shard ends")
	}
	ends, err := ender.End(ctx, s.topic)
	endless := errors.Is(err, drivers.ErrNoEnd)
	if err != nil && !endless {
		return fmt.Errorf("the end of the topic is not known: %w", err)
	}
	for _, part := range s.stretches() {
		part.endless = endless
		if !endless && !part.within(ends) {
			continue
		}
		if err := s.shard(ctx, session.(drivers.Replayer), part); err != nil {
			return fmt.Errorf("shard %d: %w", part.shard, err)
		}
	}
	s.complete = true
	return nil
}

// shard replays a stretch. Where the broker has forgotten its beginning, it is replayed from the oldest message that there is.
func (s *search) shard(ctx context.Context, r drivers.Replayer, part stretch) error {
	c, err := r.Replay(ctx, s.topic, part.shard, part.from)
	var trimmed error
	if err != nil && part.from.Known && ctx.Err() == nil && !errors.Is(err, drivers.ErrNoReplay) {
		trimmed = err
		c, err = r.Replay(ctx, s.topic, part.shard, drivers.Position{})
	}
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), askLimit)
		defer cancel()
		c.Close(ctx) //nolint:errcheck // it was only read
	}()
	reading := ctx
	if part.endless {
		fencer, ok := c.(drivers.Fencer)
		if !ok {
			return errors.New("the driver can tell neither where it ends nor when everything came")
		}
		var release func()
		reading, release = untilPassed(ctx, fencer)
		defer release()
	}
	dst := make([]drivers.Delivery, replayBatch)
	for first := true; ; {
		patient, cancel := context.WithTimeout(reading, replaySilence)
		n, err := c.Receive(patient, dst)
		cancel()
		for i := range dst[:n] {
			d := &dst[i]
			if first && trimmed != nil {
				s.forgotten(part.shard, d.Position, trimmed)
			}
			first = false
			s.look(d, int32(part.shard))
			if part.to.Known && !d.Position.Before(part.to) {
				return nil
			}
		}
		switch cause := context.Cause(reading); {
		case errors.Is(cause, errPassed):
			return nil
		case cause != nil && ctx.Err() == nil:
			return fmt.Errorf("whether everything came is not known: %w", cause)
		case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			return part.silence()
		case err != nil:
			return err
		}
	}
}

// untilPassed is a context that ends, for the reason errPassed, once f has brought all that the broker has. It ends for another reason
// where that cannot be told.
func untilPassed(ctx context.Context, f drivers.Fencer) (reading context.Context, release func()) {
	reading, end := context.WithCancelCause(ctx)
	var fence sync.WaitGroup
	fence.Go(func() {
		err := f.Fence(reading)
		if err == nil {
			err = errPassed
		}
		end(err)
	})
	return reading, func() {
		end(nil)
		fence.Wait()
	}
}

// look notes a message that was lost and is here.
func (s *search) look(d *drivers.Delivery, shard int32) {
	s.messages++
	var stamp message.Stamp
	if message.Parse(d.Body, s.run, &stamp) != message.Whole || !s.wanted[stamp.ID] {
		return
	}
	if _, twice := s.found[stamp.ID]; !twice {
		s.found[stamp.ID] = place{shard: shard, position: message.Position(d.Position)}
	}
}

// forgotten notes the messages of shard whose place is before the oldest that the broker keeps, and why it keeps no older ones.
func (s *search) forgotten(shard int, oldest drivers.Position, why error) {
	for id := range s.wanted {
		if p := s.places[id]; int(p.shard) == shard && drivers.Position(p.position).Before(oldest) {
			s.open, s.reason = append(s.open, id), why.Error()
		}
	}
}

// why says what kept the search from being complete.
func (s *search) why(ctx, limited context.Context, err error, limit time.Duration) {
	switch {
	case err == nil:
		return
	case ctx.Err() != nil:
		s.reason = "the run was interrupted"
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		s.reason = fmt.Sprintf("the replay was not done within %s", limit)
	case limited.Err() != nil:
		s.reason = "the replay was cut short by the user"
	default:
		s.reason = "the replay failed: " + err.Error()
	}
	s.complete = false
}

func (s *search) report(topic string, plan *judge.Plan, took time.Duration) reports.Replay {
	r := reports.Replay{Topic: topic, Complete: s.complete, Why: s.reason, Seconds: took.Seconds(), Messages: s.messages}
	var held []message.ID
	for id := range s.found {
		held = append(held, id)
	}
	r.Held, r.Open = spans(held), spans(s.open)
	for _, span := range r.Held {
		for seq := span.From; seq < span.To && len(r.Places) < maxPlaces; seq++ {
			id := message.ID{Producer: span.Producer, Lane: span.Lane, Seq: seq}
			p := s.found[id]
			r.Places = append(r.Places, reports.Place{Message: plan.MessageName(id), Shard: p.shard, Position: positionText(p.position)})
		}
	}
	return r
}

func spans(ids []message.ID) []reports.Span {
	out := []reports.Span{}
	for _, s := range judge.Spans(ids) {
		out = append(out, reports.Span(s))
	}
	return out
}

// summary is what an event says of the search.
func (s *search) summary() string {
	text := fmt.Sprintf("of %s lost messages the broker still holds %s, as a replay of %s messages shows",
		reports.Count(int64(len(s.wanted))), reports.Count(int64(len(s.found))), reports.Count(s.messages))
	if s.reason != "" {
		text += "; not of all can be told: " + s.reason
	}
	return text
}

// replaysJudged gives the judge what a report says of replays.
func replaysJudged(list []reports.Replay) []judge.Replay {
	var out []judge.Replay
	for _, r := range list {
		j := judge.Replay{Topic: r.Topic, Complete: r.Complete, Why: r.Why}
		for _, s := range r.Held {
			j.Held = append(j.Held, judge.Span(s))
		}
		for _, s := range r.Open {
			j.Open = append(j.Open, judge.Span(s))
		}
		out = append(out, j)
	}
	return out
}
