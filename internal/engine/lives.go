package engine

import (
	"fmt"

	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/message"
	"ordeal/reports"
)

// biography tells the lives of the messages that checks have something to say about, from the history.
type biography struct {
	reader *history.Reader
	plan   judge.Plan
	faults []reports.Fault
	// replays tell where lost messages were found.
	replays []reports.Replay
	// finished is when the drain ended, ns since the beginning.
	finished int64
}

// fill adds the life of every example. ids holds the examples' ids in the order of checks and examples.
func (b *biography) fill(checks []reports.Check, ids [][]message.ID) error {
	var all []message.ID
	for _, list := range ids {
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil
	}
	lives, err := b.reader.Lives(all)
	if err != nil {
		return err
	}
	holders, err := b.reader.Holders(b.places(lives))
	if err != nil {
		return err
	}
	for i := range checks {
		for j := range checks[i].Examples {
			e := &checks[i].Examples[j]
			e.Life = b.life(lives[ids[i][j]], e.Kind)
			if e.Broker != "" {
				e.Life = append(e.Life, b.held(e.Message, e.Broker))
			}
			if e.Kind == judge.Lost.String() || e.Kind == judge.Unseen.String() {
				e.Detail = b.whereabouts(e.Detail, ids[i][j], lives[ids[i][j]], holders)
			}
		}
	}
	return nil
}

// places are the positions at which the messages were acked, in each group that reads their topic.
func (b *biography) places(lives map[message.ID][]history.Event) []history.Place {
	var out []history.Place
	for id, life := range lives {
		shard, position := acked(life)
		if !position.Known {
			continue
		}
		for _, g := range b.plan.Groups {
			if g.Topic == b.topic(id) {
				out = append(out, history.Place{Group: g.ID, Shard: shard, Position: position})
			}
		}
	}
	return out
}

func (b *biography) topic(id message.ID) string {
	if i := int(id.Producer) - 1; i >= 0 && i < len(b.plan.Producers) {
		return b.plan.Producers[i].Topic
	}
	return ""
}

// acked is where a message was acked.
func acked(life []history.Event) (shard int32, p message.Position) {
	for _, e := range life {
		switch {
		case e.Kind == history.Attempted:
			shard = e.Shard
		case e.Kind == history.Settled && e.Outcome == message.Acked:
			return shard, e.Position
		}
	}
	return shard, message.Position{}
}

// whereabouts tells what was found where a missing message should lie.
func (b *biography) whereabouts(detail string, id message.ID, life []history.Event, holders map[history.Place]message.ID) string {
	shard, position := acked(life)
	if !position.Known {
		return detail
	}
	where := fmt.Sprintf("position %s of shard %d", positionText(position), shard)
	for _, g := range b.plan.Groups {
		holder, ok := holders[history.Place{Group: g.ID, Shard: shard, Position: position}]
		if ok && holder != id {
			return fmt.Sprintf("%s; acked at %s, where group %s found %s", detail, where, g.Name, b.plan.MessageName(holder))
		}
	}
	return fmt.Sprintf("%s; acked at %s, from where nothing was delivered", detail, where)
}

func positionText(p message.Position) string {
	if p.Major > 0 {
		return fmt.Sprintf("%d-%d", p.Major, p.Minor)
	}
	return reports.Count(int64(p.Minor))
}

// life turns events into the steps of a report: what happened to the message, with the faults of that time between.
func (b *biography) life(events []history.Event, kind string) []reports.Step {
	var steps []reports.Step
	var sent int64
	for _, e := range events {
		s := reports.Step{At: e.At}
		switch e.Kind {
		case history.Attempted:
			sent = e.At
			s.What = "sent"
			if late := e.At - e.Intended; late > 1e6 {
				s.Note = reports.Duration(late) + " late"
			}
		case history.Settled:
			s.What = e.Outcome.String()
			s.Note = "after " + reports.Duration(e.At-sent)
			if e.Position.Known {
				s.Note += ", position " + positionText(e.Position)
			}
			if e.Outcome == message.Acked {
				s.Tone = "good"
			}
		case history.Delivered:
			s.What, s.Note, s.Tone = b.delivered(e)
		}
		steps = append(steps, s)
	}
	steps = b.between(steps)
	if kind == judge.Lost.String() || kind == judge.Unseen.String() {
		what := "drained to the end"
		if kind == judge.Unseen.String() {
			what = "end of the drain"
		}
		steps = append(steps, reports.Step{At: b.finished, What: what, Note: "never delivered", Tone: "bad"})
	}
	return steps
}

// held is the last step of a lost message: what a replay found of it.
func (b *biography) held(name, broker string) reports.Step {
	s := reports.Step{At: b.finished, What: "replayed", Tone: "bad"}
	switch broker {
	case judge.Held.String():
		s.Note = "the broker still holds it"
		for _, r := range b.replays {
			for _, p := range r.Places {
				if p.Message == name {
					s.Note += fmt.Sprintf(", position %s of shard %d", p.Position, p.Shard)
					return s
				}
			}
		}
	case judge.Gone.String():
		s.Note = "the broker does not hold it any more"
	default:
		s.Note = "whether the broker still holds it is not known"
	}
	return s
}

// group names a group. A history may speak of one that its plan does not have, if its file is damaged; nothing of it is judged.
func (b *biography) group(id uint32) string {
	if int64(id) >= int64(len(b.plan.Groups)) {
		return fmt.Sprintf("group number %d, which the history's plan does not have", id)
	}
	return "group " + b.plan.Groups[id].Name
}

func (b *biography) delivered(e history.Event) (what, note, tone string) {
	what, note = "delivered", b.group(e.Group)
	if e.Position.Known {
		note += ", position " + positionText(e.Position)
	}
	if e.Redelivered {
		what = "redelivered"
	}
	switch e.Status {
	case message.Corrupt:
		return "arrived damaged", note, "bad"
	case message.Foreign:
		return "arrived, foreign", note, "bad"
	default:
		return what, note, ""
	}
}

// between puts the faults that lie within a life, or right behind its last step, among its steps.
func (b *biography) between(steps []reports.Step) []reports.Step {
	if len(steps) == 0 {
		return nil
	}
	first, last := steps[0].At, steps[len(steps)-1].At
	for _, f := range b.faults {
		if f.Effective == 0 || f.Effective < first || f.Effective > last+5e9 {
			continue
		}
		step := reports.Step{At: f.Effective, What: f.Kind, Note: f.Resolved, Tone: "bad"}
		i := len(steps)
		for i > 0 && steps[i-1].At > f.Effective {
			i--
		}
		steps = append(steps[:i], append([]reports.Step{step}, steps[i:]...)...)
	}
	return steps
}

// missing are the steps of a message that some group was owed and never got, though its drain was complete.
func (b *biography) missing(name string, id message.ID, life []history.Event, ev judge.Evidence) []reports.Step {
	got := map[uint32]bool{}
	owed := false
	for _, e := range life {
		owed = owed || e.Kind == history.Settled && e.Outcome == message.Acked
		if e.Kind == history.Delivered {
			got[e.Group] = true
		}
	}
	if !owed {
		return nil
	}
	var steps []reports.Step
	topic := b.topic(id)
	for i, g := range b.plan.Groups {
		if g.Topic == topic && !got[g.ID] && i < len(ev.Drains) && ev.Drains[i].Complete {
			steps = append(steps, reports.Step{At: b.finished, What: "drained to the end", Note: "never delivered to group " + g.Name, Tone: "bad"})
		}
	}
	if len(steps) == 0 {
		return nil
	}
	ev.Replays = replaysJudged(b.replays)
	if h := ev.Holding(topic, id); h != judge.Unasked {
		steps = append(steps, b.held(name, h.String()))
	}
	return steps
}
