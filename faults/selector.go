package faults

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Role of a client connection.
type Role string

// The roles. Admin connections declare, audit and ask; no effect touches them, because ordeal needs them to see what it did.
const (
	Producer Role = "producer"
	Consumer Role = "consumer"
	Admin    Role = "admin"
)

// Client is who a connection was lent to.
type Client struct {
	Role Role
	// Name is unique within the run; the members of an entry of the scenario are numbered: "checkout-2".
	Name string
}

// Selector chooses client connections. The zero value chooses none.
type Selector struct {
	text  string
	nodes []string
}

// ParseSelector reads what a scenario says: all, producers, consumers, node(n1), a client's name (checkout-2), or the name of an
// entry, which chooses all its members (checkout).
func ParseSelector(s string) (Selector, error) {
	if inside, ok := strings.CutPrefix(s, "node("); ok && strings.HasSuffix(inside, ")") {
		name := strings.TrimSpace(strings.TrimSuffix(inside, ")"))
		if validName(name) {
			return OnNodes(name), nil
		}
	}
	if !validName(s) {
		return Selector{}, fmt.Errorf("%q chooses no connections; use all, producers, consumers, node(n1) or a client's name", s)
	}
	return Selector{text: s}, nil
}

// OnNodes chooses the connections to the named nodes.
func OnNodes(names ...string) Selector {
	return Selector{text: "node(" + strings.Join(names, ", ") + ")", nodes: slices.Clone(names)}
}

// Node is the one node whose connections are chosen, if it is that that chooses.
func (s Selector) Node() (name string, ok bool) {
	if len(s.nodes) != 1 {
		return "", false
	}
	return s.nodes[0], true
}

// String gives the selector as a scenario says it.
func (s Selector) String() string { return s.text }

func validName(s string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`).MatchString(s)
}

// matches tells whether the connection of c to node is chosen.
func (s Selector) matches(c Client, node string) bool {
	if c.Role == Admin || s.text == "" {
		return false
	}
	if s.nodes != nil {
		return slices.Contains(s.nodes, node)
	}
	switch s.text {
	case "all":
		return true
	case "producers":
		return c.Role == Producer
	case "consumers":
		return c.Role == Consumer
	}
	member, ok := strings.CutPrefix(c.Name, s.text+"-")
	return c.Name == s.text || ok && isNumber(member)
}

func isNumber(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
