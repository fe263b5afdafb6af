package history

import (
	"bufio"
	"fmt"
	"io"

	"ordeal/internal/message"
)

// Dump writes the history as text, one event a line: what a producer did, then what a group received. Times are in µs, positions as
// major-minor, "-" stands for what is not known. The lines are those of the test histories in testdata/histories:
//
//	attempt  1/0/5 index 5 shard 0 incarnation 0 intended 1000 sent 1012
//	receipt  1/0/5 acked at 1530 position 0-17
//	delivery 1/0/5 group 0 member 0.0 index 5 incarnation 0 shard 0 position 0-17 at 1911
//
// A member is followed by its session; a delivery may end in redelivered, corrupt or foreign. The last line tells where the file is cut.
func (r *Reader) Dump(w io.Writer) error {
	p := &printer{out: bufio.NewWriter(w)}
	cut, err := r.Replay(p)
	if err != nil {
		return err
	}
	if cut.Why != "" {
		p.line("cut      %s\n", cut)
	}
	return p.out.Flush()
}

// printer is a Sink that writes text; its writer remembers errors.
type printer struct{ out *bufio.Writer }

func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(p.out, format, args...)
}

func (p *printer) Attempt(a *Attempt) {
	p.line("attempt  %d/%d/%d index %d shard %d incarnation %d intended %d sent %d\n",
		a.Producer, a.Lane, a.Seq, a.Index, a.Shard, a.Incarnation, a.Intended/microsecond, a.Sent/microsecond)
}

func (p *printer) Receipt(r *Receipt) {
	p.line("receipt  %d/%d/%d %s at %d position %s\n", r.Producer, r.Lane, r.Seq, r.Outcome, r.At/microsecond, positionText(r.Position))
}

func (p *printer) Deliveries(group uint32, ds []Delivery) {
	for i := range ds {
		d := &ds[i]
		p.line("delivery %d/%d/%d group %d member %d.%d index %d incarnation %d shard %d position %s at %d%s\n",
			d.Producer, d.Lane, d.Seq, group, d.Member, d.Session, d.Index, d.Incarnation, d.Shard, positionText(d.Position),
			d.At/microsecond, marksText(d))
	}
}

func positionText(p message.Position) string {
	if !p.Known {
		return "-"
	}
	return fmt.Sprintf("%d-%d", p.Major, p.Minor)
}

func marksText(d *Delivery) string {
	text := ""
	if d.Redelivered {
		text = " redelivered"
	}
	switch d.Status {
	case message.Corrupt:
		text += " corrupt"
	case message.Foreign:
		text += " foreign"
	default:
	}
	return text
}
