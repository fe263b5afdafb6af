package rabbitmq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ordeal/drivers"
)

const (
	// managementOffset is how far the port of the management plugin lies above the one for AMQP, as 15672 above 5672.
	managementOffset = 10_000
	// managementLimit bounds one question to one node: a paused one accepts and never answers.
	managementLimit = time.Second
	// managementAnswer bounds what is read of an answer, in bytes.
	managementAnswer = 16 << 20
	// queuesAsked is how many queues one answer tells of.
	queuesAsked = 500
)

// management asks the HTTP API of the management plugin (https://www.rabbitmq.com/docs/http-api-reference), on whichever node answers.
type management struct {
	nodes          []string // URLs; none where it is not to be asked
	client         *http.Client
	user, password string
	// mute is why there are no nodes.
	mute string
}

func newManagement(s *session) *management {
	m := &management{mute: "options.rabbitmq.management says not to ask it"}
	m.user, m.password = s.credentials()
	scheme := "http://"
	if s.cfg.TLS != nil {
		scheme = "https://"
	}
	addresses := s.set.management
	if addresses == nil {
		addresses = managementPorts(s.cfg.Servers)
	}
	if s.cfg.Auth.Mechanism == authExternal && s.cfg.Auth.User == "" {
		addresses, m.mute = nil, "it takes no certificates: give a user and a password for it beside the mechanism external"
	}
	for _, address := range addresses {
		m.nodes = append(m.nodes, scheme+address)
	}
	m.client = &http.Client{Transport: &http.Transport{
		Proxy: nil, DialContext: s.env.Dial, TLSClientConfig: s.cfg.TLS, MaxIdleConnsPerHost: 1, DisableCompression: true,
	}}
	return m
}

func managementPorts(servers []string) (out []string) {
	for _, server := range servers {
		host, text, err := net.SplitHostPort(server)
		if err != nil {
			continue
		}
		if port, err := strconv.Atoi(text); err == nil && port+managementOffset < 1<<16 {
			out = append(out, net.JoinHostPort(host, strconv.Itoa(port+managementOffset)))
		}
	}
	return out
}

func (m *management) close() { m.client.CloseIdleConnections() }

// queueInfo is what the API tells of a queue. Counts are as old as the broker's statistics: collect_statistics_interval.
type queueInfo struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Durable bool   `json:"durable"`
	State   string `json:"state"`
	// Node of a classic queue; Leader and Members of a replicated one.
	Node      string         `json:"node"`
	Leader    string         `json:"leader"`
	Members   []string       `json:"members"`
	Online    []string       `json:"online"`
	Policy    string         `json:"policy"`
	Arguments map[string]any `json:"arguments"`
	// Operator is the operator policy; see police.
	Operator string `json:"-"`
	// Ready are waiting to be delivered; 0 where there are no statistics yet.
	Ready int64 `json:"messages_ready"`
	// Unacked are delivered and not acknowledged; nil where there are no statistics yet.
	Unacked *int64 `json:"messages_unacknowledged"`
}

// queues tells of all queues whose names begin with prefix, by name.
func (m *management) queues(ctx context.Context, vhost, prefix string) (map[string]queueInfo, error) {
	return m.list(ctx, vhost, prefix, url.Values{"disable_stats": {"true"}, "enable_queue_totals": {"true"}})
}

// streams is queues for streams, whose leaders are in the statistics only. Their members are not told when the plugin's metrics collector
// is off (management_agent.disable_metrics_collector).
func (m *management) streams(ctx context.Context, vhost, prefix string) (map[string]queueInfo, error) {
	const columns = "name,type,durable,state,node,leader,members,online,policy,arguments"
	return m.list(ctx, vhost, prefix, url.Values{"columns": {columns}})
}

// list asks for all pages, with what is beyond them in query.
func (m *management) list(ctx context.Context, vhost, prefix string, query url.Values) (map[string]queueInfo, error) {
	out := map[string]queueInfo{}
	for page := 1; ; page++ {
		var answer struct {
			Items []queueInfo `json:"items"`
			Pages int         `json:"page_count"`
		}
		query.Set("page", strconv.Itoa(page))
		query.Set("page_size", strconv.Itoa(queuesAsked))
		query.Set("name", prefix)
		query.Set("use_regex", "false")
		if err := m.get(ctx, "/api/queues/"+url.PathEscape(vhost)+"?"+query.Encode(), &answer); err != nil {
			return nil, err
		}
		for _, q := range answer.Items {
			if strings.HasPrefix(q.Name, prefix) {
				out[q.Name] = q
			}
		}
		if page >= answer.Pages {
			return out, nil
		}
	}
}

// get asks one node after the other.
func (m *management) get(ctx context.Context, path string, v any) error {
	if len(m.nodes) == 0 {
		return fmt.Errorf("%w: %s", errNoManagement, m.mute)
	}
	errs := []error{errNoManagement}
	for _, node := range m.nodes {
		err := m.ask(ctx, node+path, v)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (m *management) ask(ctx context.Context, address string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, managementLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	request.SetBasicAuth(m.user, m.password)
	answer, err := m.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(answer.Body, managementAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, answer.Status)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

// nodeName is how a node is called that has this name in Erlang: n1 for n1@127.0.0.1, as clusters of ordeal's are named, and the name as it
// is for others, whose nodes may all be called rabbit, or anything else, at different hosts.
func nodeName(erlang string) string {
	name, _, _ := strings.Cut(erlang, "@")
	if number, ok := strings.CutPrefix(name, "n"); ok && parseNumber([]byte(number)) > 0 {
		return name
	}
	return erlang
}

// Locate names the node of a shard's queue; of a replicated one leader and followers. For a log it is the first group's. The answer is that
// of whichever node answers; one that is cut off goes on naming itself.
func (s *session) Locate(ctx context.Context, t drivers.Topic, shard int) (drivers.Placement, error) {
	p, err := s.locate(ctx, t, shard)
	if err != nil {
		return p, fmt.Errorf("locate shard %d of topic %q: %w", shard, t.Name, err)
	}
	return p, nil
}

func (s *session) locate(ctx context.Context, t drivers.Topic, shard int) (p drivers.Placement, err error) {
	if err := s.usable(ctx); err != nil {
		return p, err
	}
	queues := s.allQueues(t)
	switch {
	case t.Model == drivers.Broadcast:
		return p, errors.New("a broadcast has no leader: name a node, or use any or all")
	case shard < 0 || shard >= len(queues):
		return p, errShard
	}
	ask := s.management.queues
	if streams(s.cfg, t) {
		ask = s.management.streams
	}
	known, err := ask(ctx, s.set.vhost, queues[shard])
	if err != nil {
		return p, err
	}
	q := known[queues[shard]]
	leader := q.Leader
	if leader == "" {
		leader = q.Node
	}
	if leader == "" {
		return p, fmt.Errorf("no node leads queue %q now", queues[shard])
	}
	p.Leader = nodeName(leader)
	for _, member := range q.Members {
		if member != leader {
			p.Followers = append(p.Followers, nodeName(member))
		}
	}
	return p, nil
}
