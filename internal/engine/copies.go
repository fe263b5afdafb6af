package engine

import (
	"fmt"

	"ordeal/drivers"
	"ordeal/internal/cluster"
)

// shortfall is a topic that has fewer copies than its scenario says.
type shortfall struct {
	topic       string // the scenario's name
	asked, have int
}

// String says it to people.
func (s shortfall) String() string {
	return fmt.Sprintf("topic %s has %d copies instead of %d, one on each node that there is; the guarantee holds with a majority of them, %d",
		s.topic, s.have, s.asked, s.have/2+1)
}

// fact is the same for the list of what the guarantee rests on.
func (s shortfall) fact() drivers.Fact {
	return drivers.Fact{
		Setting: "copies", Want: fmt.Sprint(s.asked), Have: fmt.Sprint(s.have), Status: drivers.Confirmed,
		Note: fmt.Sprintf("the target has %d nodes; a majority of them, %d, is what the guarantee asks for", s.have, s.have/2+1),
	}
}

// fit lowers the replicas of topics to the nodes of the target, where that leaves the guarantee whole: what an ack must mean is the
// demand, and the number of copies a means to it. So the pair redis:2 may stand beside clusters of three. Where the guarantee asks for no
// majority nothing would hold the copies to their number, and a single node has no copies: both are refused by possible.
func (p *plan) fit(o *Options) {
	if !o.Target.Local() || !cluster.CanStart(o.Driver.Name()) || o.Target.Nodes < 2 {
		return
	}
	for i := range p.topics {
		t := p.topics[i]
		s := shortfall{topic: p.names[t.Name], asked: t.Replicas, have: o.Target.Nodes}
		if s.asked <= s.have {
			continue
		}
		if t.Replicas = s.have; p.reached(o, s.topic, t) {
			p.topics[i] = t
			p.shortfalls = append(p.shortfalls, s)
		}
	}
}

// reached tells whether everybody who sends to the topic asks for a majority, and gets it.
func (p *plan) reached(o *Options, name string, t drivers.Topic) bool {
	reacher, ok := o.Driver.(drivers.Guaranteer)
	sent := false
	for _, e := range p.scenario.Producers {
		if e.To != name {
			continue
		}
		cfg := p.config
		cfg.Guarantee = e.Guarantee
		if !ok || e.Guarantee < drivers.Replicated || reacher.Reach(cfg, t) != nil {
			return false
		}
		sent = true
	}
	return sent
}
