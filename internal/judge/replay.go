package judge

import (
	"fmt"
	"slices"

	"ordeal/internal/message"
)

// Replay is what a second look at a topic found out about its lost messages, after the drain and apart from every group: whether the broker
// still holds them. It is saved with the run. The zero value says that nobody looked.
type Replay struct {
	Topic string `json:"topic"`
	// Complete replays read everything that the broker said it holds where a lost message could be. A message that they did not find is gone.
	Complete bool `json:"complete"`
	// Why is what kept the replay from being complete, or from telling of the messages in Open.
	Why string `json:"why,omitempty"`
	// Held are the lost messages that were found, in order, as Spans makes them; so are Open.
	Held []Span `json:"held,omitempty"`
	// Open are lost messages of which it cannot be told although the replay is complete: their place is older than what the broker keeps.
	Open []Span `json:"open,omitempty"`
}

// Span is a stretch of messages of one lane: From is the first sequence number, To the one after the last.
type Span struct {
	Producer uint32 `json:"producer"`
	Lane     uint32 `json:"lane"`
	From     uint64 `json:"from"`
	To       uint64 `json:"to"`
}

// Spans makes spans of some messages.
func Spans(ids []message.ID) []Span {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, compareIDs)
	var out []Span
	for _, id := range ids {
		if n := len(out) - 1; n >= 0 && out[n].Producer == id.Producer && out[n].Lane == id.Lane && id.Seq <= out[n].To {
			out[n].To = max(out[n].To, id.Seq+1)
			continue
		}
		out = append(out, Span{Producer: id.Producer, Lane: id.Lane, From: id.Seq, To: id.Seq + 1})
	}
	return out
}

// in tells whether id lies in one of spans, which are in order and do not overlap.
func in(spans []Span, id message.ID) bool {
	after, _ := slices.BinarySearchFunc(spans, id, func(s Span, id message.ID) int {
		if c := compareIDs(message.ID{Producer: s.Producer, Lane: s.Lane, Seq: s.From}, id); c != 0 {
			return c
		}
		return -1 // so that the span that begins with id is before the place found
	})
	if after == 0 {
		return false
	}
	s := spans[after-1]
	return s.Producer == id.Producer && s.Lane == id.Lane && id.Seq < s.To
}

// Holding is what is known about the broker and a lost message.
type Holding uint8

const (
	// Unasked is the zero value: no replay was made.
	Unasked Holding = iota
	// Held messages are still with the broker, which did not deliver them.
	Held
	// Gone messages are not with the broker any more.
	Gone
	// Unclear messages were not found by a replay that was not complete.
	Unclear
)

// String gives the holding's word in reports; empty for Unasked.
func (h Holding) String() string {
	switch h {
	case Held:
		return "held"
	case Gone:
		return "gone"
	case Unclear:
		return "unclear"
	default:
		return ""
	}
}

// clause is what an example says of it.
func (h Holding) clause() string {
	switch h {
	case Held:
		return "; the broker still holds it"
	case Gone:
		return "; the broker does not hold it any more"
	case Unclear:
		return "; whether the broker still holds it is not known"
	default:
		return ""
	}
}

// Holding says what is known of a lost message of topic. Of a message that is not lost it means nothing.
func (ev *Evidence) Holding(topic string, id message.ID) Holding {
	for i := range ev.Replays {
		r := &ev.Replays[i]
		switch {
		case r.Topic != topic:
		case in(r.Held, id):
			return Held
		case r.Complete && !in(r.Open, id):
			return Gone
		default:
			return Unclear
		}
	}
	return Unasked
}

// replayed enters what is known of the lost messages of a group. What is not among the notes was not looked for.
func (f *GroupFindings) replayed(ev *Evidence) {
	notes := f.Notes[Lost]
	if !slices.ContainsFunc(ev.Replays, func(r Replay) bool { return r.Topic == f.Group.Topic }) {
		return
	}
	f.Holdings[Unclear] = f.Counts[Lost] - int64(len(notes))
	for i := range notes {
		notes[i].Holding = ev.Holding(f.Group.Topic, notes[i].ID)
		f.Holdings[notes[i].Holding]++
	}
}

// whereLost says in a sentence, with a space before it, what a replay found of the lost messages of a group; nothing where none was made.
func (f *GroupFindings) whereLost(ev *Evidence) string {
	held, gone, unclear := f.Holdings[Held], f.Holdings[Gone], f.Holdings[Unclear]
	lost := f.Counts[Lost]
	switch {
	case held+gone+unclear == 0:
		return ""
	case held == lost:
		return fmt.Sprintf(" The broker still holds %s, as a replay shows, and did not deliver %[1]s.", pronoun(lost))
	case unclear == lost:
		return fmt.Sprintf(" Whether the broker still holds %s is not known: %s.", pronoun(lost), ev.replayCut(f))
	case gone == lost:
		return fmt.Sprintf(" The broker does not hold %s any more, as a replay shows.", pronoun(lost))
	}
	text := fmt.Sprintf(" As a replay shows, the broker still holds %s of them", grouped(held))
	if gone > 0 {
		text += fmt.Sprintf(" and %s %s gone", grouped(gone), isOrAre(gone))
	}
	if unclear > 0 {
		text += fmt.Sprintf("; of %s it is not known: %s", grouped(unclear), ev.replayCut(f))
	}
	return text + "."
}

// replayCut says why a replay cannot tell of every lost message.
func (ev *Evidence) replayCut(f *GroupFindings) string {
	for i := range ev.Replays {
		if r := &ev.Replays[i]; r.Topic == f.Group.Topic && r.Why != "" {
			return r.Why
		}
	}
	return fmt.Sprintf("only the first %s were looked for", grouped(len(f.Notes[Lost])))
}

func pronoun(n int64) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

func isOrAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
