package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// probeLimit bounds how long one of several servers is asked who it is: a paused one never answers.
	probeLimit = time.Second
	// oldest is the first version that counts what a group has still to read (the lag of XINFO GROUPS).
	oldest = "7.0"
)

// info is what INFO says, by its own names.
type info map[string]string

func parseInfo(text string) info {
	out := make(info)
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r"), ":"); ok && !strings.HasPrefix(name, "#") {
			out[name] = value
		}
	}
	return out
}

func (i info) number(name string) int {
	n, err := strconv.Atoi(i[name])
	if err != nil {
		return 0 // it was not said
	}
	return n
}

// replica is a replica as its primary sees it: slave0:ip=127.0.0.1,port=6380,state=online,offset=42,lag=0.
type replica struct {
	address, state string
	lag            int // seconds since it was last heard of
}

func (i info) replicas() []replica {
	var out []replica
	for n := range i.number("connected_slaves") {
		var host, port string
		var r replica
		for pair := range strings.SplitSeq(i["slave"+strconv.Itoa(n)], ",") {
			name, value, _ := strings.Cut(pair, "=")
			switch name {
			case "ip":
				host = value
			case "port":
				port = value
			case "state":
				r.state = value
			case "lag":
				r.lag, _ = strconv.Atoi(value) // absent while it is not online
			}
		}
		r.address = host + ":" + port
		out = append(out, r)
	}
	return out
}

// online counts the replicas that follow.
func (i info) online() (n int) {
	for _, r := range i.replicas() {
		if r.state == "online" {
			n++
		}
	}
	return n
}

// following counts the replicas of which the primary has heard lately: one that is cut off from them calls them online for repl-timeout.
func (i info) following() (n int) {
	for _, r := range i.replicas() {
		if r.state == "online" && r.lag <= silentAfter {
			n++
		}
	}
	return n
}

// silentAfter is the lag in seconds of a replica that is not followed by any more; they report every second.
const silentAfter = 3

// atLeast compares versions such as 7.0.15 with 7.2, number by number.
func atLeast(version, least string) bool {
	have, want := strings.Split(version, "."), strings.Split(least, ".")
	for i, w := range want {
		if i >= len(have) {
			return false
		}
		a, errA := strconv.Atoi(have[i])
		b, errB := strconv.Atoi(w)
		if errA != nil || errB != nil {
			return false
		}
		if a != b {
			return a > b
		}
	}
	return true
}

// server is one that was asked who it is.
type server struct {
	line *line
	info info
}

// ask greets address and reads its INFO.
func (a *access) ask(ctx context.Context, address string) (*server, error) {
	l, err := a.dialLine(ctx, address, controlBuffers())
	if err != nil {
		return nil, err
	}
	s := &server{line: l}
	if s.info, err = readInfo(ctx, l); err == nil {
		err = s.usable()
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return s, nil
}

func readInfo(ctx context.Context, l *line) (info, error) {
	reply, err := l.ask(ctx, "INFO")
	if err != nil {
		return nil, err
	}
	text, err := reply.ToString()
	if err != nil {
		return nil, fmt.Errorf("%w: INFO is no text", errReply)
	}
	return parseInfo(text), nil
}

func (s *server) usable() error {
	switch {
	case s.info["redis_mode"] == "cluster":
		return errors.New("it runs as a Redis Cluster, which this driver does not speak: use a primary with replicas")
	case s.info["redis_mode"] == "sentinel":
		return errors.New("it is a Sentinel, which keeps no messages: give the addresses of the servers that it watches")
	case !atLeast(s.info["redis_version"], oldest):
		return fmt.Errorf("it runs version %s: this driver needs %s or newer, where XINFO GROUPS tells the lag of a group and XGROUP CREATE "+
			"takes ENTRIESREAD", s.info["redis_version"], oldest)
	case s.info["loading"] == "1":
		return fmt.Errorf("it still reads its data, for about %s s more: wait until it is done", s.info["loading_eta_seconds"])
	default:
		return nil
	}
}

// primary finds the server that takes writes. Of several that say so, as after a failover that one of them slept through, it takes the one
// with the most replicas; one that is followed by so many that no other can have a majority is taken without waiting for the rest.
func (a *access) primary(ctx context.Context) (*server, error) {
	if len(a.cfg.Servers) == 1 {
		s, err := a.ask(ctx, a.cfg.Servers[0])
		if err == nil && s.info["role"] != "master" {
			s.line.close()
			err = fmt.Errorf("%w: give the address of its primary %s:%s", errReplica, s.info["master_host"], s.info["master_port"])
		}
		return s, err
	}
	return a.elect(ctx)
}

// answer is what came of asking one server.
type answer struct {
	order  int // its place among the servers given
	server *server
	err    error
}

func (a *access) elect(ctx context.Context) (*server, error) {
	ctx, cancel := context.WithTimeout(ctx, a.set.answerTimeout)
	defer cancel()
	asking, stop := context.WithTimeout(ctx, probeLimit)
	defer stop()
	answers := make(chan answer, len(a.cfg.Servers))
	for i, address := range a.cfg.Servers {
		go func() {
			s, err := a.ask(asking, address)
			answers <- answer{order: i, server: s, err: err}
		}()
	}
	var best *answer
	var errs []error
	for range a.cfg.Servers {
		got := <-answers
		switch {
		case got.err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", a.cfg.Servers[got.order], got.err))
		case got.server.info["role"] != "master":
			errs = append(errs, fmt.Errorf("%s: %w", a.cfg.Servers[got.order], errReplica))
			got.server.line.close()
		case best == nil || got.better(*best):
			if best != nil {
				best.server.line.close()
			}
			best = &got
			if 2*(1+got.server.info.following()) > len(a.cfg.Servers) {
				stop() // ends the questions that are still open
			}
		default:
			got.server.line.close()
		}
	}
	switch {
	case ctx.Err() != nil:
		if best != nil {
			best.server.line.close()
		}
		return nil, ctx.Err()
	case best == nil:
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, fmt.Errorf("no primary: %w", errors.Join(errs...))
	case best.server.line.lost():
		return nil, fmt.Errorf("%s: %w", best.server.line.server, errLost)
	default:
		return best.server, nil
	}
}

func (a answer) better(b answer) bool {
	mine, theirs := a.server.info.following(), b.server.info.following()
	return mine > theirs || mine == theirs && a.order < b.order
}
