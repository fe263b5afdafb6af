package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// redisAsk sends one command to the server at address and returns its reply as text; the parts of an array are lines. It is enough of the
// protocol for PING, INFO and SENTINEL (https://redis.io/docs/latest/develop/reference/protocol-spec), without a client library that
// would hold on to a connection.
func redisAsk(ctx context.Context, address, command string) (reply string, err error) {
	var b strings.Builder
	err = converse(ctx, address, func(conn net.Conn) error {
		if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
			return err
		}
		if err := readReply(bufio.NewReader(conn), &b, 1); err != nil {
			return fmt.Errorf("%s of %s: %w", command, address, err)
		}
		return nil
	})
	return b.String(), err
}

// longestReply bounds what is read of one part of a reply, in bytes, and parts how many there may be.
const (
	longestReply = 1 << 20
	mostParts    = 1024
)

// readReply appends one reply to b. Arrays may be nested depth deep.
func readReply(r *bufio.Reader, b *strings.Builder, depth int) error {
	line, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return errors.New("an empty reply")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		b.WriteString(rest)
		return nil
	case '-':
		return errors.New(rest)
	}
	n, err := strconv.Atoi(rest)
	switch {
	case err != nil || n > longestReply:
		return fmt.Errorf("a reply that was not understood: %.40q", line)
	case n < 0:
		return nil // nothing
	case kind == '$':
		text := make([]byte, n+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return err
		}
		b.Write(text[:n])
		return nil
	case kind == '*' && depth > 0 && n <= mostParts:
		for range n {
			if err := readReply(r, b, depth-1); err != nil {
				return err
			}
			b.WriteByte('\n')
		}
		return nil
	default:
		return fmt.Errorf("a reply that was not understood: %.40q", line)
	}
}

// redisInfo is INFO by its names.
func redisInfo(ctx context.Context, address string) (map[string]string, error) {
	text, err := redisAsk(ctx, address, "INFO")
	if err != nil {
		return nil, err
	}
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info, nil
}

// sentinelView is what a Sentinel says of the primary it watches, by name.
func sentinelView(ctx context.Context, address string) (map[string]string, error) {
	text, err := redisAsk(ctx, address, "SENTINEL MASTER "+sentinelName)
	if err != nil {
		return nil, err
	}
	view := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		view[lines[i]] = lines[i+1]
	}
	return view, nil
}
