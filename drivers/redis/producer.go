package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

const (
	// maxPipeline bounds how many messages go out before their replies are read: more would make the first wait for the last.
	maxPipeline = 256
	// maxPipelineBytes bounds their bodies.
	maxPipelineBytes = 1 << 20
)

// producer sends to streams, or to the channels of a broadcast. Send only puts messages into the outbox; one goroutine ships what is
// there in pipelines, one after another, so that the order of a producer is the order on its connection.
type producer struct {
	session *session
	spec    drivers.ProducerSpec
	line    *line
	route   route
	out     *outbox
	// largest is how long a body may be, in bytes.
	largest int
	// routed is Send's scratch, commands the shipping goroutine's.
	routed   []drivers.Message
	commands []rueidis.Completed
	// confirm is the command that waits for other nodes, nil for none.
	confirm []string
	done    chan struct{}
	once    sync.Once
}

func newProducer(ctx context.Context, s *session, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (*producer, error) {
	if spec.ClientRetry {
		return nil, errors.New("this driver sends nothing twice by itself, so there are no client retries: use retry: {attempts: n}")
	}
	confirm, err := confirmation(s, spec)
	if err != nil {
		return nil, err
	}
	largest, err := s.largest(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.access.dialLine(ctx, s.control.server, producerBuffers())
	if err != nil {
		return nil, err
	}
	p := &producer{
		largest: largest,
		session: s, spec: spec, line: l, route: newRoute(spec.Topic), out: newOutbox(settle), confirm: confirm, done: make(chan struct{}),
	}
	if err := s.add(p); err != nil {
		l.close()
		return nil, err
	}
	go p.run()
	return p, nil
}

// defaultLargest is proto-max-bulk-len where it cannot be asked: the default of all versions.
const defaultLargest = 512 << 20

// largest asks for proto-max-bulk-len.
func (s *session) largest(ctx context.Context) (int, error) {
	f, err := s.configFact(ctx, s.control, "proto-max-bulk-len", "", "")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(f.Have)
	if err != nil || n < 1 {
		return defaultLargest, nil //nolint:nilerr // it may not be asked
	}
	return n, nil
}

// confirmation is what each pipeline ends with, by the guarantee: WAIT and WAITAOF answer for all writes of their connection.
func confirmation(s *session, spec drivers.ProducerSpec) ([]string, error) {
	need, patience := quorum(spec.Topic), strconv.FormatInt(s.access.set.waitTimeout.Milliseconds(), 10)
	switch {
	case spec.Topic.Model == drivers.Broadcast || need == 0:
		return nil, nil
	case spec.Guarantee == drivers.Replicated:
		return []string{"WAIT", strconv.Itoa(need), patience}, nil
	case spec.Guarantee == drivers.Durable:
		if !atLeast(s.version, waitaofSince) {
			return nil, fmt.Errorf("durable with replicas needs WAITAOF of Redis %s, and the server is %s: set replicas to 1, or update it",
				waitaofSince, s.version)
		}
		return []string{"WAITAOF", "1", strconv.Itoa(need), patience}, nil
	default:
		return nil, nil
	}
}

// waitaofSince is the first version with WAITAOF.
const waitaofSince = "7.2"

// Send hands the batch to the shipping goroutine and never blocks: the engine's window bounds what waits.
func (p *producer) Send(ctx context.Context, batch []drivers.Message) error {
	if err := p.send(ctx, batch); err != nil {
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

func (p *producer) send(ctx context.Context, batch []drivers.Message) error {
	if err := ctx.Err(); err != nil {
		p.out.refuse(batch, err)
		return err
	}
	p.routed = p.routed[:0]
	for i := range batch {
		shard, err := p.route.shard(&batch[i])
		if len(batch[i].Body) > p.largest {
			err = errTooLarge
		}
		if err != nil {
			p.out.refuse(batch[i:i+1], err)
			continue
		}
		p.routed = append(p.routed, batch[i])
		p.routed[len(p.routed)-1].Shard = shard
	}
	err := p.out.put(p.routed)
	if err != nil {
		p.out.refuse(p.routed, err)
	}
	clear(p.routed)
	return err
}

// run ships until the outbox ends, and settles what is left then as Unknown.
func (p *producer) run() {
	defer close(p.done)
	for {
		ms, err := p.out.take()
		for err == nil && len(ms) > 0 {
			n := pipelineOf(ms)
			err = p.ship(ms[:n])
			ms = ms[n:]
		}
		if err == nil {
			continue
		}
		p.out.end(err)
		p.line.cut()
		unknown := func(int) drivers.Receipt { return drivers.Receipt{Err: err} }
		p.out.give(ms, unknown)
		for ms, _ = p.out.take(); len(ms) > 0; ms, _ = p.out.take() {
			p.out.give(ms, unknown)
		}
		return
	}
}

// pipelineOf is how many of ms make the next pipeline, at least one.
func pipelineOf(ms []drivers.Message) (n int) {
	for size := 0; n < len(ms) && n < maxPipeline && size < maxPipelineBytes; n++ {
		size += len(ms[n].Body)
	}
	return n
}

// ship sends ms in one pipeline and settles them by the replies. An error says that the connection is of no more use.
func (p *producer) ship(ms []drivers.Message) error {
	p.commands = p.commands[:0]
	for i := range ms {
		key := p.route.keys[ms[i].Shard]
		switch {
		case p.spec.Topic.Model == drivers.Broadcast:
			p.commands = append(p.commands, p.line.command("PUBLISH", key, rueidis.BinaryString(ms[i].Body)))
		case p.session.access.set.ofList(p.spec.Topic):
			p.commands = append(p.commands, p.line.command("RPUSH", key, rueidis.BinaryString(ms[i].Body)))
		default:
			p.commands = append(p.commands, addCommand(p.line, key, p.session.access.set.maxLen, &ms[i]))
		}
	}
	if p.confirm != nil {
		p.commands = append(p.commands, p.line.command(p.confirm...))
	}
	replies, err := p.line.do(context.Background(), p.commands...)
	if err != nil {
		p.out.give(ms, func(int) drivers.Receipt { return drivers.Receipt{Err: err} })
		return err
	}
	var unconfirmed, end error
	if p.confirm != nil {
		unconfirmed = p.confirmed(&replies[len(ms)])
		if final(unconfirmed) && !errors.Is(unconfirmed, errShort) {
			end = unconfirmed
		}
	}
	p.out.give(ms, func(i int) drivers.Receipt {
		r := receipt(&replies[i])
		switch {
		case final(r.Err):
			end = r.Err
		case r.Outcome == drivers.Acked && unconfirmed != nil:
			r = drivers.Receipt{Err: unconfirmed}
		}
		return r
	})
	return end
}

// receipt reads the reply to an XADD, which is the id of the new entry, to an RPUSH, which is the length of the list, or to a PUBLISH,
// which is the number of listeners.
func receipt(reply *rueidis.RedisResult) drivers.Receipt {
	m, err := reply.ToMessage()
	if err != nil {
		return drivers.Receipt{Outcome: outcome(err), Err: err}
	}
	if m.IsInt64() {
		return drivers.Receipt{Outcome: drivers.Acked}
	}
	id, err := m.ToString()
	if err != nil {
		return drivers.Receipt{Err: fmt.Errorf("%w: %w", errReply, err)}
	}
	position, ok := parsePosition(id)
	if !ok {
		return drivers.Receipt{Err: fmt.Errorf("%w: entry id %q", errReply, id)}
	}
	return drivers.Receipt{Outcome: drivers.Acked, Position: position}
}

// confirmed reads the reply to WAIT, the number of replicas, or to WAITAOF, the number of local files and of replicas.
func (p *producer) confirmed(reply *rueidis.RedisResult) error {
	need := int64(quorum(p.spec.Topic))
	m, err := reply.ToMessage()
	if err != nil {
		return err
	}
	if m.IsInt64() {
		have, err := m.ToInt64()
		if err != nil || have < need {
			return fmt.Errorf("%w: %d of %d replicas", errShort, have, need)
		}
		return nil
	}
	have, err := reply.AsIntSlice()
	switch {
	case err != nil || len(have) != 2:
		return fmt.Errorf("%w: to %s", errReply, p.confirm[0])
	case have[0] < 1 || have[1] < need:
		return fmt.Errorf("%w: %d of 1 local append-only file, %d of %d replicas", errShort, have[0], have[1], need)
	default:
		return nil
	}
}

// Flush waits for the replies.
func (p *producer) Flush(ctx context.Context) error {
	if err := p.out.wait(ctx); err != nil {
		return fmt.Errorf("flush topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

// Close cuts the connection; what had no reply yet is unknown.
func (p *producer) Close(context.Context) error {
	p.once.Do(func() {
		p.session.forget(p)
		p.out.end(errClosed)
		p.line.cut()
		<-p.done
		p.line.close()
	})
	return nil
}
