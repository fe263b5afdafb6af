package judge

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// golden is a history written by hand; testdata/histories/README.md describes the format.
type golden struct {
	events
	evidence Evidence
	truncate int // bytes to be cut off the saved file
	expect   []expectation

	indexes map[uint32]uint64
	shards  map[message.ID]int32
	index   map[message.ID]uint64
	born    map[message.ID]uint16
}

type expectation struct {
	check  Check
	params Params
	status string
	counts map[string]int64
	text   string // all of it, for messages
}

func readGolden(t *testing.T, path string) *golden {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := &golden{indexes: map[uint32]uint64{}, shards: map[message.ID]int32{}, index: map[message.ID]uint64{}, born: map[message.ID]uint16{}}
	g.plan.Run = 1
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := g.line(strings.Fields(line)); err != nil {
			t.Fatalf("%s:%d: %v", path, n, err)
		}
	}
	return g
}

func (g *golden) line(words []string) error {
	rest := words[1:]
	switch words[0] {
	case "producer":
		p := fields(rest)
		g.plan.Producers = append(g.plan.Producers, Producer{
			ID: uint32(len(g.plan.Producers) + 1), Name: rest[0], Topic: "orders", Lanes: uint32(p.number("lanes", 1)),
			KeyLanes: p.has("keys"), Counted: !p.has("uncounted"),
		})
		return p.err
	case "group":
		p := fields(rest)
		group := Group{
			ID: uint32(len(g.plan.Groups)), Name: rest[0], Topic: "orders", Members: uint32(p.number("members", 1)),
			Shards: uint32(p.number("shards", 1)), Delivery: AtLeastOnce, Order: PerShard, Why: "the broker says so",
		}
		if p.has("unpromised") {
			group.Delivery, group.Order = AtMostOnce, Unordered
		}
		g.plan.Groups = append(g.plan.Groups, group)
		g.evidence.Drains = append(g.evidence.Drains, Drain{Complete: true, Why: "the end was reached"})
		g.deliveries = append(g.deliveries, nil)
		return p.err
	case "undrained":
		g.evidence.Drains[len(g.evidence.Drains)-1] = Drain{Why: strings.Join(rest, " ")}
	case "reason":
		g.evidence.Reasons = append(g.evidence.Reasons, strings.Join(rest, " "))
	case "truncate":
		n, err := strconv.Atoi(rest[0])
		g.truncate = n
		return err
	case "expect":
		return g.expectLine(rest)
	case "attempt":
		return g.attempt(rest)
	case "receipt":
		return g.receipt(rest)
	case "delivery":
		return g.delivery(rest)
	default:
		return fmt.Errorf("unknown word %q", words[0])
	}
	return nil
}

func (g *golden) expectLine(words []string) error {
	x := expectation{counts: map[string]int64{}, text: strings.Join(words, " ")}
	for _, c := range Checks() {
		if c.Name() == words[0] {
			x.check = c
		}
	}
	if x.check == nil {
		return fmt.Errorf("unknown check %q", words[0])
	}
	words = words[1:]
	for len(words) > 0 {
		switch words[0] {
		case "per-key":
			x.params.Scope = PerKey
		case "per-shard":
			x.params.Scope = PerShard
		case "pass", "fail", "inconclusive":
			x.status = words[0]
		default:
			n, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				return err
			}
			if words[0] == "max" {
				x.params.Max = n
			} else {
				x.counts[words[0]] = n
			}
			words = words[1:]
		}
		words = words[1:]
	}
	g.expect = append(g.expect, x)
	return nil
}

// attempt is of the next message of its producer, in the shard of its lane, unless the line says otherwise.
func (g *golden) attempt(words []string) error {
	id, err := parseID(words[0])
	p := fields(words[1:])
	a := history.Attempt{
		ID: id, Index: uint64(p.number("index", int64(g.indexes[id.Producer]))), Shard: int32(p.number("shard", int64(id.Lane))),
		Incarnation: uint16(p.number("incarnation", 0)), Intended: 1000 * p.number("intended", 0), Sent: 1000 * p.number("sent", 0),
	}
	g.indexes[id.Producer] = a.Index + 1
	g.shards[id], g.index[id], g.born[id] = a.Shard, a.Index, a.Incarnation
	g.attempts = append(g.attempts, a)
	return first(err, p.err)
}

func (g *golden) receipt(words []string) error {
	id, err := parseID(words[0])
	p := fields(words[1:])
	r := history.Receipt{ID: id, Position: p.position("position"), At: 1000 * p.number("at", 0)}
	switch words[1] {
	case "acked":
		r.Outcome = message.Acked
	case "rejected":
		r.Outcome = message.Rejected
	case "unknown":
	default:
		return fmt.Errorf("unknown outcome %q", words[1])
	}
	g.receipts = append(g.receipts, r)
	return first(err, p.err)
}

// delivery is as its attempt was, unless the line says otherwise.
func (g *golden) delivery(words []string) error {
	id, err := parseID(words[0])
	p := fields(words[1:])
	group := p.number("group", 0)
	member, session, _ := strings.Cut(p.values["member"]+".0", ".")
	session, _, _ = strings.Cut(session, ".")
	d := history.Delivery{
		ID: id, Group: uint32(group), Member: p.parse(member), Session: p.parse(session),
		Index: uint64(p.number("index", int64(g.index[id]))), Incarnation: uint16(p.number("incarnation", int64(g.born[id]))),
		Shard: int32(p.number("shard", int64(g.shards[id]))), Position: p.position("position"), At: 1000 * p.number("at", 0),
		Redelivered: p.has("redelivered"),
	}
	switch {
	case p.has("corrupt"):
		d.Status = message.Corrupt
	case p.has("foreign"):
		d.Status = message.Foreign
	}
	g.deliveries[group] = append(g.deliveries[group], d)
	return first(err, p.err)
}

func parseID(text string) (id message.ID, err error) {
	_, err = fmt.Sscanf(text, "%d/%d/%d", &id.Producer, &id.Lane, &id.Seq)
	return id, err
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// pairs are the names and values of a line; a name may stand alone.
type pairs struct {
	words  []string
	values map[string]string
	err    error
}

func fields(words []string) *pairs {
	p := &pairs{words: words, values: map[string]string{}}
	for i := range len(words) - 1 {
		p.values[words[i]] = words[i+1]
	}
	return p
}

func (p *pairs) has(name string) bool { return slices.Contains(p.words, name) }

func (p *pairs) parse(text string) uint32 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	p.err = first(p.err, err)
	return uint32(n)
}

func (p *pairs) number(name string, otherwise int64) int64 {
	text, given := p.values[name]
	if !given {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	p.err = first(p.err, err)
	return n
}

func (p *pairs) position(name string) message.Position {
	text, given := p.values[name]
	if !given || text == "-" {
		return message.Position{}
	}
	out := message.Position{Known: true}
	if major, minor, both := strings.Cut(text, "-"); both {
		out.Major, text = uint64(p.parse(major)), minor
	}
	out.Minor = uint64(p.parse(text))
	return out
}

// save writes the history to a file, as a run does.
func (g *golden) save(t *testing.T) string {
	t.Helper()
	plan, err := json.Marshal(g.plan)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "history.bin")
	w, err := history.Create(path, history.Header{Run: "golden", Plan: plan})
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.attempts {
		w.Producer(g.attempts[i].Producer).Attempt(&g.attempts[i])
	}
	for i := range g.receipts {
		w.Producer(g.receipts[i].Producer).Receipt(&g.receipts[i])
	}
	for group, ds := range g.deliveries {
		w.Group(uint32(group)).Deliveries(ds)
	}
	evidence, err := json.Marshal(g.evidence)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(evidence); err != nil {
		t.Fatal(err)
	}
	if g.truncate > 0 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, info.Size()-int64(g.truncate)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// rejudge reads the history back and judges it again.
func (g *golden) rejudge(t *testing.T) (*Findings, *history.Reader) {
	t.Helper()
	r, err := history.Open(g.save(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	book, cut, err := Saved(r)
	if err != nil {
		t.Fatal(err)
	}
	ev := g.evidence
	if r.Evidence() != nil {
		ev = Evidence{}
		if err := json.Unmarshal(r.Evidence(), &ev); err != nil {
			t.Fatal(err)
		}
	}
	ev.HistoryCut = cut.String()
	return book.Findings(ev), r
}

// TestGoldenHistories judges every hand-written history live and saved.
func TestGoldenHistories(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/histories/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no histories", err)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			g := readGolden(t, path)
			saved, _ := g.rejudge(t)
			for _, x := range g.expect {
				v := Judge(x.check, saved, x.params)
				x.compare(t, "saved", &v)
				seen[x.check.Name()+" "+v.Status.String()] = true
				if g.truncate > 0 {
					continue // only the file is cut
				}
				live := Judge(x.check, g.book().Findings(g.evidence), x.params)
				x.compare(t, "live", &live)
				if live.Why != v.Why {
					t.Errorf("%s: live %q, saved %q", x.text, live.Why, v.Why)
				}
			}
		})
	}
	for _, c := range Checks() {
		for _, s := range []Status{Pass, Inconclusive, Fail} {
			if !seen[c.Name()+" "+s.String()] {
				t.Errorf("no history in which %s is %s", c.Name(), s)
			}
		}
	}
}

func (x *expectation) compare(t *testing.T, how string, v *Verdict) {
	t.Helper()
	if v.Status.String() != x.status {
		t.Errorf("%s: %s: %s: %s", how, x.text, v.Status, v.Why)
	}
	for _, name := range slices.Sorted(maps.Keys(x.counts)) {
		if n, counted := v.Counts[name]; !counted || n != x.counts[name] {
			t.Errorf("%s: %s: %s is %d of %v", how, x.text, name, n, v.Counts)
		}
	}
	if v.Comparisons < 0 || v.Status == Pass && v.Comparisons == 0 {
		t.Errorf("%s: %s: %d comparisons", how, x.text, v.Comparisons)
	}
	if n := min(v.Counts["reordered"], maxExamples); x.check.Name() == "order" && len(v.Examples) != int(n) {
		t.Errorf("%s: %s: %d examples, want %d", how, x.text, len(v.Examples), n)
	}
	if v.Why == "" || !strings.HasSuffix(v.Why, ".") {
		t.Errorf("%s: %s: why is %q", how, x.text, v.Why)
	}
}

// TestDumpReadsBack reads what Dump wrote as a golden history.
func TestDumpReadsBack(t *testing.T) {
	g := readGolden(t, "../../testdata/histories/lost-connection.txt")
	_, r := g.rejudge(t)
	var out strings.Builder
	if err := r.Dump(&out); err != nil {
		t.Fatal(err)
	}
	again := &golden{
		events: events{deliveries: make([][]history.Delivery, len(g.plan.Groups))}, indexes: map[uint32]uint64{},
		shards: map[message.ID]int32{}, index: map[message.ID]uint64{}, born: map[message.ID]uint16{},
	}
	for line := range strings.Lines(out.String()) {
		if err := again.line(strings.Fields(line)); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	if !slices.Equal(again.attempts, g.attempts) || !slices.Equal(again.receipts, g.receipts) ||
		!slices.Equal(again.deliveries[0], g.deliveries[0]) {
		t.Errorf("read back:\n%+v\nwant\n%+v", again.events, g.events)
	}
}
