package scenarios

import (
	"reflect"
	"strings"
	"time"

	"ordeal/drivers"
	"ordeal/scenarios/hint"
	"ordeal/scenarios/unit"
)

var (
	_ form = (*Rate)(nil)
	_ form = (*Size)(nil)
	_ form = (*Keys)(nil)
	_ form = (*Retry)(nil)
	_ form = (*Ack)(nil)
	_ form = (*Check)(nil)
	_ form = (*Fault)(nil)
	_ form = (*DriverOptions)(nil)
)

// ramp and steps are the two forms of a rate that changes.
type ramp struct {
	From rate          `key:"from"`
	To   rate          `key:"to"`
	Over time.Duration `key:"over"`
}

type steps struct {
	Steps []step `key:"steps"`
}

type step struct {
	Rate rate          `key:"rate"`
	For  time.Duration `key:"for"`
}

// rate is a single rate in messages per second. It may be 0 as a part of a changing one.
type rate float64

func (r *rate) expected() string { return "a rate such as 20k/s" }

func (r *rate) encode() *node { return bare(unit.FormatRate(float64(*r))) }

func (r *rate) decode(d *decoder, path string, n *node) {
	if text, ok := d.text(path, n, r.expected()); ok {
		parsed(d, path, n, (*float64)(r), text, unit.ParseRate)
	}
}

const maxRate = "max"

func (r *Rate) expected() string {
	return "a rate such as 20k/s or 500/min, max, {from: 1k/s, to: 20k/s, over: 30s}, or {steps: [{rate: 1k/s, for: 5s}, …]}"
}

func (r *Rate) decode(d *decoder, path string, n *node) {
	switch {
	case n.kind == mappingNode && n.get("steps") != nil:
		var s steps
		d.structure(path, n, reflect.ValueOf(&s).Elem(), nil)
		for _, one := range s.Steps {
			r.Segments = append(r.Segments, Segment{From: float64(one.Rate), To: float64(one.Rate), For: one.For})
		}
	case n.kind == mappingNode:
		var p ramp
		d.structure(path, n, reflect.ValueOf(&p).Elem(), nil)
		r.Segments = []Segment{{From: float64(p.From), To: float64(p.To), For: p.Over}}
	case n.kind != scalarNode:
		d.fail(n, path, "", "is %s, expected %s", n.kind, r.expected())
	case n.text == maxRate:
		r.Max = true
	default:
		steady, err := unit.ParseRate(n.text)
		if err != nil {
			d.fail(n, path, hint.DidYouMean(n.text, []string{maxRate}), "%v; it may also be max, {from, to, over} or {steps}", err)
			return
		}
		r.Segments = []Segment{{From: steady, To: steady}}
	}
}

func (r *Rate) encode() *node {
	switch {
	case r.Max:
		return bare(maxRate)
	case len(r.Segments) == 1 && r.Segments[0].For == 0:
		return bare(unit.FormatRate(r.Segments[0].To))
	case len(r.Segments) == 1 && r.Segments[0].From != r.Segments[0].To:
		s := r.Segments[0]
		return encodeStruct(reflect.ValueOf(ramp{rate(s.From), rate(s.To), s.For}))
	}
	var s steps
	for _, one := range r.Segments {
		s.Steps = append(s.Steps, step{rate(one.To), one.For})
	}
	return encodeStruct(reflect.ValueOf(s))
}

const sizeRange = ".."

func (s *Size) expected() string {
	return "a size such as 100B, 1KiB or 1KB, or a range such as 100B..4KiB"
}

func (s *Size) decode(d *decoder, path string, n *node) {
	text, ok := d.text(path, n, s.expected())
	if !ok {
		return
	}
	low, high, ranged := strings.Cut(text, sizeRange)
	if !ranged {
		high = low
	}
	for _, end := range []struct {
		text   string
		target *int
	}{{low, &s.Min}, {high, &s.Max}} {
		bytes, err := unit.ParseSize(end.text)
		switch {
		case err != nil:
			d.fail(n, path, "", "%v; a range is written 100B..4KiB", err)
			return
		case bytes < MinSize:
			d.fail(n, path, "", "%s is too small: the identity of a message takes the first %d bytes of its body, expected %dB or more",
				end.text, MinSize, MinSize)
			return
		case bytes > MaxSize:
			d.fail(n, path, "", "%s is too large, expected %s at most", end.text, unit.FormatSize(MaxSize))
			return
		}
		*end.target = int(bytes)
	}
	if s.Min > s.Max {
		d.fail(n, path, "", "the range %s begins above its end, expected the smaller size first", text)
	}
}

func (s *Size) encode() *node {
	if s.Min == s.Max {
		return bare(unit.FormatSize(int64(s.Min)))
	}
	return bare(unit.FormatSize(int64(s.Min)) + sizeRange + unit.FormatSize(int64(s.Max)))
}

const none = "none"

func (k *Keys) expected() string { return "none, or {count: 1000, pick: zipf}" }

func (k *Keys) decode(d *decoder, path string, n *node) {
	if n.kind == scalarNode && n.text == none {
		return
	}
	if n.kind != mappingNode {
		d.fail(n, path, "", "is %s, expected %s", n.kind, k.expected())
		return
	}
	d.structure(path, n, reflect.ValueOf(k).Elem(), nil)
}

func (k *Keys) encode() *node {
	if k.Count == 0 {
		return bare(none)
	}
	return encodeStruct(reflect.ValueOf(*k))
}

// attempts is the form of a retry that counts.
type attempts struct {
	Attempts int `key:"attempts" min:"2" max:"1000"`
}

const clientRetry = "client"

func (r *Retry) expected() string { return "none, client, or {attempts: 3}" }

func (r *Retry) decode(d *decoder, path string, n *node) {
	switch {
	case n.kind == mappingNode:
		var a attempts
		d.structure(path, n, reflect.ValueOf(&a).Elem(), nil)
		r.Attempts = a.Attempts
	case n.kind == scalarNode && n.text == none:
		r.Attempts = 1
	case n.kind == scalarNode && n.text == clientRetry:
		r.Client, r.Attempts = true, 1
	case n.kind == scalarNode:
		d.fail(n, path, hint.DidYouMean(n.text, []string{none, clientRetry}), "%q is not %s", n.text, r.expected())
	default:
		d.fail(n, path, "", "is %s, expected %s", n.kind, r.expected())
	}
}

func (r *Retry) encode() *node {
	switch {
	case r.Client:
		return bare(clientRetry)
	case r.Attempts > 1:
		return encodeStruct(reflect.ValueOf(attempts{r.Attempts}))
	default:
		return bare(none)
	}
}

// batch is the form of an acknowledgement of several deliveries together.
type batch struct {
	Batch int `key:"batch" min:"1" max:"1000000"`
}

func (a *Ack) expected() string { return "before, after, or {batch: 100}" }

func (a *Ack) decode(d *decoder, path string, n *node) {
	before, after := drivers.AckBefore.String(), drivers.AckAfter.String()
	switch {
	case n.kind == mappingNode:
		var b batch
		d.structure(path, n, reflect.ValueOf(&b).Elem(), nil)
		a.Batch = b.Batch
	case n.kind == scalarNode && n.text == before:
		a.Mode = drivers.AckBefore
	case n.kind == scalarNode && n.text == after:
	case n.kind == scalarNode:
		d.fail(n, path, hint.DidYouMean(n.text, []string{before, after}), "%q is not %s", n.text, a.expected())
	default:
		d.fail(n, path, "", "is %s, expected %s", n.kind, a.expected())
	}
}

func (a *Ack) encode() *node {
	if a.Batch > 0 {
		return encodeStruct(reflect.ValueOf(batch{a.Batch}))
	}
	return bare(a.Mode.String())
}
