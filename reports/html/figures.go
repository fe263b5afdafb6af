package html

import (
	"math"

	"ordeal/reports"
)

// figures is what the script draws: columns of numbers, null where there is none. Moments are seconds, latencies ns.
type figures struct {
	End    float64   `json:"end"`
	Step   float64   `json:"step"`
	Start  []float64 `json:"start"`
	Phases []span    `json:"phases"`
	Faults []band    `json:"faults"`
	Marks  []mark    `json:"marks"`
	Curves []curve   `json:"curves"`
	Heat   heat      `json:"heat"`
	// Closed tells that latencies are from the send.
	Closed bool `json:"closed,omitempty"`

	Offered  []*float64 `json:"offered"`
	Sent     []*float64 `json:"sent"`
	Acked    []*float64 `json:"acked"`
	Received []*float64 `json:"received"`
	Backlog  []*float64 `json:"backlog"`
	P50      []*float64 `json:"p50"`
	P99      []*float64 `json:"p99"`
	Max      []*float64 `json:"max"`
	AckP50   []*float64 `json:"ackP50"`
	AckP99   []*float64 `json:"ackP99"`
}

// span is a phase.
type span struct {
	Name     string  `json:"name"`
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	Recorded bool    `json:"recorded"`
}

// band is a fault from its effect until it settled, or until the run's end where it is open. Recovered is null outside of it.
type band struct {
	Name      string   `json:"name"`
	From      float64  `json:"from"`
	Recovered *float64 `json:"recovered"`
	To        float64  `json:"to"`
	Open      bool     `json:"open"`
}

// mark is a moment at which consumers were given other shards, and who.
type mark struct {
	At   float64 `json:"at"`
	Name string  `json:"name"`
}

// curve is a percentile curve. The quantile is given as nines, its place on the axis: 90 % is 1, 99 % is 2.
type curve struct {
	Phase  string    `json:"phase"`
	Metric string    `json:"metric"`
	Nines  []float64 `json:"nines"`
	Values []int64   `json:"values"`
}

// heat has one row for each point: the index of its first cell that is not empty, and the cells from there to the last one.
type heat struct {
	Bounds []int64   `json:"bounds"`
	Rows   [][]int64 `json:"rows"`
}

// maxPoints is an hour by the second, which a browser draws without effort; longer runs are folded.
const maxPoints = 3600

func newFigures(r *reports.Run) figures {
	t := r.Timeline(maxPoints)
	f := figures{End: float64(t.End) / 1e9, Step: float64(t.Step) / 1e9, Heat: heat{Bounds: t.Heat.Bounds}, Phases: []span{}, Faults: []band{}}
	f.Closed = r.Closed()
	for i, s := range t.Points {
		f.Start = append(f.Start, float64(s.At)/1e9)
		f.Offered, f.Sent = append(f.Offered, rate(s.Offered)), append(f.Sent, rate(s.Sent))
		f.Acked, f.Received = append(f.Acked, rate(s.Acked)), append(f.Received, rate(s.Received))
		f.Backlog = append(f.Backlog, rate(float64(s.Backlog)))
		f.P50, f.P99, f.Max = append(f.P50, latency(s.P50)), append(f.P99, latency(s.P99)), append(f.Max, latency(s.Max))
		f.AckP50, f.AckP99 = append(f.AckP50, latency(s.AckP50)), append(f.AckP99, latency(s.AckP99))
		f.Heat.Rows = append(f.Heat.Rows, sparse(t.Heat.Cells[i]))
	}
	recorded := map[string]bool{}
	for _, p := range r.Phases {
		recorded[p.Name] = p.Recorded
		if p.End > p.Start {
			f.Phases = append(f.Phases, span{reports.OneLine(p.Name), float64(p.Start) / 1e9, float64(p.End) / 1e9, p.Recorded})
		}
	}
	for i := range r.Faults {
		if b, ok := newBand(&r.Faults[i], t.End); ok {
			f.Faults = append(f.Faults, b)
		}
	}
	f.Marks = marks(r.Events)
	for _, c := range r.Curves {
		if known, ok := recorded[c.Phase]; known || !ok {
			f.curve(c)
		}
	}
	return f
}

// markApart is how far two rebalances must lie apart to be two: members of a group are told one after another.
const markApart = 100e6

// marks are the rebalances of a run after its beginning, those of one moment together.
func marks(events []reports.Event) []mark {
	list := []mark{}
	last := int64(-markApart)
	for _, e := range events {
		if e.Kind != "rebalance" || e.At <= 0 {
			continue
		}
		text := reports.OneLine(e.Text)
		if n := len(list) - 1; n >= 0 && e.At-last < markApart {
			list[n].Name += "; " + text
		} else {
			list = append(list, mark{float64(e.At) / 1e9, text})
		}
		last = e.At
	}
	return list
}

func newBand(f *reports.Fault, end int64) (band, bool) {
	from, to, ok := f.Band(end)
	name := reports.OneLine(f.Kind + " " + f.Resolved)
	b := band{Name: name, From: float64(from) / 1e9, To: float64(to) / 1e9, Open: f.Settled < f.Effective}
	if f.Recovered > from && f.Recovered <= to {
		at := float64(f.Recovered) / 1e9
		b.Recovered = &at
	}
	return b, ok
}

// curve keeps the points that have a place on an axis of nines, on which the largest value of all would be infinitely far.
func (f *figures) curve(c reports.Curve) {
	out := curve{Phase: reports.OneLine(c.Phase), Metric: c.Metric}
	for _, p := range c.Points {
		if p.Quantile >= 0 && p.Quantile < 1 && p.Value > 0 {
			out.Nines, out.Values = append(out.Nines, math.Round(-math.Log10(1-p.Quantile)*1e4)/1e4), append(out.Values, p.Value)
		}
	}
	if len(out.Nines) > 0 {
		f.Curves = append(f.Curves, out)
	}
}

func rate(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return nil
	}
	v = math.Round(v*10) / 10
	return &v
}

func latency(ns int64) *float64 {
	if ns <= 0 {
		return nil
	}
	v := float64(ns)
	return &v
}

func sparse(cells []int64) []int64 {
	from, to := 0, len(cells)
	for from < to && cells[from] <= 0 {
		from++
	}
	for to > from && cells[to-1] <= 0 {
		to--
	}
	if from == to {
		return []int64{}
	}
	return append([]int64{int64(from)}, cells[from:to]...)
}
