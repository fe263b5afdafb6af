package rabbitmq

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// policy is what an administrator has the broker apply to queues by their names (https://www.rabbitmq.com/docs/policies).
type policy struct {
	Name       string         `json:"name"`
	Pattern    string         `json:"pattern"`
	ApplyTo    string         `json:"apply-to"`
	Priority   int            `json:"priority"`
	Definition map[string]any `json:"definition"`
}

// String gives the policy with what it sets.
func (p *policy) String() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Definition)) {
		out = append(out, fmt.Sprintf("%s %v", name, p.Definition[name]))
	}
	return fmt.Sprintf("%s (%s)", p.Name, strings.Join(out, ", "))
}

// appliesTo tells whether the broker holds the policy against q, of which only the one with the highest priority takes effect.
func (p *policy) appliesTo(q *queueInfo) (bool, error) {
	kinds := []string{"all", "queues"}
	switch q.Type { // since RabbitMQ 3.12
	case typeClassic, typeQuorum:
		kinds = append(kinds, q.Type+"_queues")
	case typeStream:
		kinds = append(kinds, "streams")
	}
	if !slices.Contains(kinds, p.ApplyTo) {
		return false, nil
	}
	pattern, err := regexp.Compile(p.Pattern)
	return err == nil && pattern.MatchString(q.Name), err
}

// policies of a vhost; kind is policies or operator-policies.
func (m *management) policies(ctx context.Context, kind, vhost string) (out []policy, err error) {
	err = m.get(ctx, "/api/"+kind+"/"+url.PathEscape(vhost), &out)
	return out, err
}

// police fills in which policies apply to queues, with their settings. The broker names a queue's policy and not its operator policy, so
// that this is found by its pattern, as the broker does. An error says that it could not be found.
func (m *management) police(ctx context.Context, vhost string, queues []queueInfo) error {
	own, err := m.policies(ctx, "policies", vhost)
	if err != nil {
		return err
	}
	operators, err := m.policies(ctx, "operator-policies", vhost)
	if err != nil {
		return err
	}
	for i := range queues {
		q := &queues[i]
		if j := slices.IndexFunc(own, func(p policy) bool { return p.Name == q.Policy }); j >= 0 {
			q.Policy = own[j].String()
		}
		var applies []policy
		for _, p := range operators {
			fits, err := p.appliesTo(q)
			if err != nil {
				return fmt.Errorf("operator policy %q: %w", p.Name, err)
			}
			if fits {
				applies = append(applies, p)
			}
		}
		if len(applies) > 0 {
			p := slices.MaxFunc(applies, func(a, b policy) int { return cmp.Compare(a.Priority, b.Priority) })
			q.Operator = p.String()
		}
	}
	return nil
}
