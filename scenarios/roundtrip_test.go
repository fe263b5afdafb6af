package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ordeal/drivers"
	"ordeal/internal/gate"
	"ordeal/scenarios"
)

func durations(least time.Duration) *rapid.Generator[time.Duration] {
	return rapid.Map(rapid.Int64Range(int64(least), int64(time.Hour)), func(n int64) time.Duration { return time.Duration(n) })
}

func rates() *rapid.Generator[scenarios.Rate] {
	value := rapid.OneOf(rapid.Float64Range(1e-3, 1e6), rapid.Map(rapid.IntRange(1, 1e6), func(i int) float64 { return float64(i) }))
	return rapid.Custom(func(t *rapid.T) scenarios.Rate {
		segment := func(ramp bool) scenarios.Segment {
			s := scenarios.Segment{From: value.Draw(t, "from"), For: durations(1).Draw(t, "for")}
			s.To = s.From
			if ramp {
				s.To = value.Draw(t, "to")
			}
			return s
		}
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			return scenarios.Rate{Max: true}
		case 1:
			r := value.Draw(t, "rate")
			return scenarios.Rate{Segments: []scenarios.Segment{{From: r, To: r}}}
		case 2:
			return scenarios.Rate{Segments: []scenarios.Segment{segment(true)}}
		default:
			r := scenarios.Rate{}
			for range rapid.IntRange(1, 4).Draw(t, "steps") {
				r.Segments = append(r.Segments, segment(false))
			}
			return r
		}
	})
}

// scripts draws valid scenarios, with all that the format has in it.
func scripts() *rapid.Generator[*scenarios.Scenario] {
	word := rapid.StringMatching(`[a-z0-9][A-Za-z0-9_-]{0,10}`)
	return rapid.Custom(func(t *rapid.T) *scenarios.Scenario {
		s := &scenarios.Scenario{Version: 1, Name: word.Draw(t, "name"), About: rapid.String().Filter(readable).Draw(t, "about")}
		s.Drain = scenarios.Drain{Idle: durations(0).Draw(t, "idle"), Timeout: time.Hour}
		for i := range rapid.IntRange(1, 3).Draw(t, "topics") {
			name := fmt.Sprintf("t%d-%s", i, word.Draw(t, "topic"))
			s.Topics = append(s.Topics, scenarios.Topic{
				Name: name, Model: rapid.SampledFrom([]drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast}).Draw(t, "model"),
				Shards: rapid.IntRange(1, 9).Draw(t, "shards"), Replicas: rapid.IntRange(1, 9).Draw(t, "replicas"),
			})
			low := rapid.IntRange(scenarios.MinSize, 1<<20).Draw(t, "size")
			p := scenarios.Producer{
				Name: "p-" + name, To: name, Count: rapid.IntRange(1, 9).Draw(t, "count"), Rate: rates().Draw(t, "rate"),
				Arrival:   rapid.SampledFrom([]scenarios.Arrival{scenarios.Uniform, scenarios.Poisson}).Draw(t, "arrival"),
				Size:      scenarios.Size{Min: low, Max: low + rapid.IntRange(0, 5000).Draw(t, "range")},
				Guarantee: rapid.SampledFrom(drivers.Guarantees()).Draw(t, "guarantee"), Window: rapid.IntRange(1, 1e6).Draw(t, "window"),
				Retry: rapid.SampledFrom([]scenarios.Retry{{Attempts: 1}, {Client: true, Attempts: 1}, {Attempts: 5}}).Draw(t, "retry"),
				Tick:  time.Duration(rapid.Int64Range(0, int64(scenarios.MaxTick)).Draw(t, "tick")),
			}
			if rapid.Bool().Draw(t, "keyed") {
				p.Keys = scenarios.Keys{Count: rapid.IntRange(1, 1e6).Draw(t, "keys"), Pick: scenarios.PickZipf}
			}
			s.Producers = append(s.Producers, p)
			s.Consumers = append(s.Consumers, scenarios.Consumer{
				Name: "c-" + name, From: name, Count: 2, Prefetch: rapid.IntRange(7, 1e6).Draw(t, "prefetch"),
				Ack:  rapid.SampledFrom([]scenarios.Ack{{}, {Mode: drivers.AckBefore}, {Batch: 7}}).Draw(t, "ack"),
				Work: scenarios.Work{Time: durations(0).Draw(t, "work")},
			})
		}
		for i := range rapid.IntRange(1, 3).Draw(t, "phases") {
			p := scenarios.Phase{
				Name: fmt.Sprintf("f%d-%s", i, word.Draw(t, "phase")), For: durations(time.Minute).Draw(t, "for"),
				Record: i == 0 || rapid.Bool().Draw(t, "record"),
			}
			if rapid.Bool().Draw(t, "faulty") {
				p.Faults = []scenarios.Fault{{
					Kind: "network.latency", Target: "c-" + s.Topics[0].Name, At: durations(0).Draw(t, "at") % p.For, For: 0,
					Options: drivers.Options{"delay": "5ms", "jitter": "1ms", "direction": "send"},
				}}
			}
			s.Phases = append(s.Phases, p)
		}
		g, err := gate.Parse(s.Phases[0].Name + ".gap.max < 15s")
		if err != nil {
			t.Fatal(err)
		}
		s.Gates = []*gate.Gate{g}
		s.Checks = []scenarios.Check{
			{Name: "no-loss", Params: drivers.Options{}},
			{Name: "duplicates", Params: drivers.Options{"max": "3"}},
			{Name: "order", Params: drivers.Options{"scope": "per-shard"}},
		}
		if rapid.Bool().Draw(t, "options") {
			s.Options = []scenarios.DriverOptions{{
				Driver: "nats", Values: drivers.Options{"storage": "memory", "ack_wait": "5s"},
				Server: map[string]string{"a.b": rapid.String().Filter(readable).Draw(t, "server"), "null": "null", "true": "true", "n": "0x10"},
			}}
		}
		return s
	})
}

// readable texts are those that YAML can hold.
func readable(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0xd800 && r < 0xe000 || r == 0xfeff || r == 0xfffd || r == 0xfffe || r == 0xffff {
			return false
		}
	}
	return true
}

// What Marshal writes, Read reads back to the very same scenario.
func TestMarshalRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := scripts().Draw(t, "scenario")
		text, err := scenarios.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		again, err := scenarios.Read(strings.NewReader(string(text)), "marshalled.yaml", words())
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		if diff := cmp.Diff(first, again, gates()); diff != "" {
			t.Fatalf("%s\n(-first +again):\n%s", text, diff)
		}
	})
}

// Whatever it is given, the loader answers: with errors that point somewhere, or with a scenario that survives being written and read.
func FuzzRead(f *testing.F) {
	for _, b := range scenarios.Builtins() {
		f.Add(string(b.Text), "phases.steady.for=5s")
	}
	broken, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range broken {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "producers.checkout.rate={steps: [{rate: 1/s, for: 1s}]}")
	}
	f.Fuzz(func(t *testing.T, text, set string) {
		s, err := scenarios.Read(strings.NewReader(text), "fuzz.yaml", words(), set)
		if err != nil {
			var all scenarios.Errors
			if !asErrors(err, &all) || len(all) == 0 {
				t.Fatalf("not Errors: %v", err)
			}
			return
		}
		written, err := scenarios.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := scenarios.Read(strings.NewReader(string(written)), "again.yaml", words())
		if err != nil {
			t.Fatalf("%s\n%v", written, err)
		}
		if diff := cmp.Diff(s, again, gates()); diff != "" {
			t.Fatalf("%s\n(-first +again):\n%s", written, diff)
		}
	})
}

func asErrors(err error, target *scenarios.Errors) bool {
	all, ok := err.(scenarios.Errors) //nolint:errorlint // Read promises this very type
	*target = all
	return ok
}

// Texts that the library's writer and reader see differently: they break a line, end a value, or look like something else.
func TestAwkwardTexts(t *testing.T) {
	for _, text := range []string{
		"\u2028", "\u2029", "a\u2028b", "a: \u2028", "\u2028: b", "a\u2028", "'\u2028'", "\"\u2029",
		"a: b", "a #b", "#", "- a", "? a", "{", "[", "]", ",", "&a", "*a", "!a", "|", ">", "%", "@", "`", "~", "null", "0x10", "1e3", "true", "<<", " a ", "\u00a0",
	} {
		t.Run(text, func(t *testing.T) {
			first, err := scenarios.Read(strings.NewReader(scenarios.New()), "new.yaml", words())
			if err != nil {
				t.Fatal(err)
			}
			values := map[string]string{"a.b": text, "n": text, "x": "after"}
			first.Options = []scenarios.DriverOptions{{Driver: "nats", Values: drivers.Options{"ack_wait": "5s"}, Server: values}}
			written, err := scenarios.Marshal(first)
			if err != nil {
				t.Fatal(err)
			}
			again, err := scenarios.Read(strings.NewReader(string(written)), "again.yaml", words())
			if err != nil {
				t.Fatalf("%s\n%v", written, err)
			}
			if diff := cmp.Diff(values, again.Options[0].Server); diff != "" {
				t.Fatalf("%s\n(-first +again):\n%s", written, diff)
			}
		})
	}
}
