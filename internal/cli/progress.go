package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"ordeal/internal/engine"
	"ordeal/reports"
)

// The kinds of progress, as --progress names them.
const (
	progressAuto  = "auto"
	progressTTY   = "tty"
	progressPlain = "plain"
	progressJSON  = "json"
	progressNone  = "none"
)

// verdictEvent is the kind of the last event, which people see in the report that follows.
const verdictEvent = "verdict"

// plainEvery is how many beats lie between two lines of plain progress.
const plainEvery = 5

// newWatcher makes what shows a run's progress on w.
func newWatcher(kind string, w io.Writer, width func() int, colour bool) engine.Watcher {
	switch kind {
	case progressJSON:
		return &jsonProgress{out: json.NewEncoder(w)}
	case progressPlain:
		return &plainProgress{lines: lines{w: w}}
	case progressTTY:
		return &liveProgress{lines: lines{w: w}, width: width, colour: colour}
	default:
		return silent{}
	}
}

// silent shows nothing.
type silent struct{}

func (silent) Plan(*reports.Run)    {}
func (silent) Event(reports.Event)  {}
func (silent) Beat(engine.Progress) {}

// lines are what plain and live progress have in common.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

// opening tells what is about to be done.
func opening(r *reports.Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, guarantee %s, seed %d\n", r.Scenario.Name, r.Target.Name, r.Target.Guarantee, r.Seed)
	if r.Scenario.About != "" {
		fmt.Fprintf(&b, "  %s\n", reports.OneLine(r.Scenario.About))
	}
	var phases []string
	for i := range r.Phases {
		phases = append(phases, fmt.Sprintf("%s %s", r.Phases[i].Name, time.Duration(r.Phases[i].End-r.Phases[i].Start)))
	}
	fmt.Fprintf(&b, "  phases: %s\n  folder: %s\n", strings.Join(phases, " → "), r.Folder)
	return b.String()
}

// stamp is the time of the run, in front of every line, so that lines can be searched and sorted.
func stamp(at time.Duration) string {
	s := int(at / time.Second)
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}

// figures is one beat in one line.
func figures(p engine.Progress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", stamp(p.At), p.Phase)
	if len(p.Faults) > 0 {
		fmt.Fprintf(&b, " ▸ %s", strings.Join(p.Faults, ", "))
	}
	fmt.Fprintf(&b, " │ sent %s acked %s received %s", reports.Rate(p.Sent), reports.Rate(p.Acked), reports.Rate(p.Received))
	if p.EndToEnd.Count > 0 {
		fmt.Fprintf(&b, " │ end to end p50 %s p99 %s max %s",
			reports.Duration(p.EndToEnd.P50), reports.Duration(p.EndToEnd.P99), reports.Duration(p.EndToEnd.Max))
	}
	fmt.Fprintf(&b, " │ in flight %s", reports.Count(p.InFlight))
	if p.Unknown > 0 {
		fmt.Fprintf(&b, " unknown %s", reports.Count(p.Unknown))
	}
	if p.Rejected > 0 {
		fmt.Fprintf(&b, " rejected %s", reports.Count(p.Rejected))
	}
	if p.Connected < p.Clients {
		fmt.Fprintf(&b, " connected %d of %d", p.Connected, p.Clients)
	}
	return b.String()
}

// plainProgress writes lines that a log can keep.
type plainProgress struct {
	lines
	beats int
}

func (p *plainProgress) Plan(r *reports.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprint(p.w, opening(r))
}

func (p *plainProgress) Event(e reports.Event) {
	if e.Kind == verdictEvent {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, eventLine(e))
}

func (p *plainProgress) Beat(b engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.beats++; p.beats%plainEvery == 0 {
		fmt.Fprintln(p.w, figures(b))
	}
}

func eventLine(e reports.Event) string {
	return fmt.Sprintf("%s %s: %s", stamp(time.Duration(e.At)), e.Kind, reports.OneLine(e.Text))
}

// liveProgress keeps two lines at the bottom of a terminal: a bar of the run and the figures. Events scroll away above them.
type liveProgress struct {
	lines
	width  func() int
	colour bool
	phases []reports.Phase
	shown  int
	last   engine.Progress
	begun  bool
}

func (p *liveProgress) Plan(r *reports.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phases = r.Phases
	fmt.Fprint(p.w, opening(r))
}

func (p *liveProgress) Event(e reports.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	if e.Kind == verdictEvent {
		return
	}
	fmt.Fprintln(p.w, eventLine(e))
	if p.begun {
		p.draw()
	}
}

func (p *liveProgress) Beat(b engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.begun = b, true
	p.erase()
	p.draw()
}

// erase takes the bottom lines away.
func (p *liveProgress) erase() {
	for ; p.shown > 0; p.shown-- {
		fmt.Fprint(p.w, "\x1b[1A\x1b[2K")
	}
}

func (p *liveProgress) draw() {
	width := 100
	if w := p.width(); w > 20 {
		width = w
	}
	fmt.Fprintln(p.w, cut(p.bar(width-1), width-1))
	fmt.Fprintln(p.w, cut(figures(p.last), width-1))
	p.shown = 2
}

// bar draws the phases to scale, filled up to now.
func (p *liveProgress) bar(width int) string {
	room := width - 16
	if room < 10 || p.last.Total <= 0 {
		return ""
	}
	filled := int(int64(room) * int64(min(p.last.At, p.last.Total)) / int64(p.last.Total))
	cells := []rune(strings.Repeat("━", filled) + strings.Repeat("─", room-filled))
	for i := range p.phases {
		if at := int(int64(room) * p.phases[i].Start / int64(p.last.Total)); i > 0 && at < room {
			cells[at] = '┿'
		}
	}
	return fmt.Sprintf("%s %s %s", stamp(p.last.At), string(cells), stamp(p.last.Total))
}

// cut shortens a line to the terminal's width, so that it never wraps.
func cut(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return string(r[:max(0, width-1)]) + "…"
}

// jsonProgress writes one JSON object a line, for programs.
type jsonProgress struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (p *jsonProgress) line(kind string, value any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.Encode(map[string]any{"type": kind, kind: value}) //nolint:errcheck // progress that cannot be shown is no reason to end a run
}

func (p *jsonProgress) Plan(r *reports.Run) {
	p.line("run", map[string]any{"id": r.ID, "folder": r.Folder, "seed": r.Seed})
}
func (p *jsonProgress) Event(e reports.Event)  { p.line("event", e) }
func (p *jsonProgress) Beat(b engine.Progress) { p.line("beat", b) }
