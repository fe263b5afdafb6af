package scenarios_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordeal/internal/gate"
	"ordeal/scenarios"
)

// gates are compared by what was written.
func gates() cmp.Option {
	return cmp.Comparer(func(a, b *gate.Gate) bool { return a.String() == b.String() })
}

func TestCatalog(t *testing.T) {
	var names []string
	for _, b := range scenarios.Builtins() {
		names = append(names, b.Name)
		s, err := scenarios.Load(b.Name, words())
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if s.Name != b.Name || b.About == "" || strings.Contains(b.About, "\n") {
			t.Errorf("%s: its name is %q and its about %q", b.Name, s.Name, b.About)
		}
		if total := s.Length() + s.Drain.Timeout; total > 80*time.Second {
			t.Errorf("%s may take %s, too long for a first look", b.Name, total)
		}
		for _, p := range s.Producers {
			if p.Retry.Client || p.Retry.Attempts != 1 {
				t.Errorf("%s: %s retries, which turns unknown sends into duplicates", b.Name, p.Name)
			}
		}
		if !strings.HasPrefix(string(b.Text), "# ") {
			t.Errorf("%s does not begin with a comment that says what it is for", b.Name)
		}
	}
	want := []string{"broker-crash", "broker-pause", "leader-crash", "lost-connections", "slow-network", "steady", "throughput"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
}

// The issue asks that broker-crash is over within a minute, start and drain included.
func TestBrokerCrash(t *testing.T) {
	s, err := scenarios.Load("broker-crash", words())
	if err != nil {
		t.Fatal(err)
	}
	if total := s.Length() + s.Drain.Timeout; total > 50*time.Second {
		t.Errorf("it may take %s without start and report", total)
	}
	if rate := s.Producers[0].Rate; !reflect.DeepEqual(rate.Segments, []scenarios.Segment{{From: 20_000, To: 20_000}}) {
		t.Errorf("rate %+v", rate)
	}
	if got := s.Phases[2].Faults[0]; got.Kind != "process.kill" || got.At != 3*time.Second || got.For != 3*time.Second || got.Target != "any" {
		t.Errorf("fault %+v", got)
	}
}

func TestCatalogMarshal(t *testing.T) {
	for _, b := range scenarios.Builtins() {
		first, err := scenarios.Load(b.Name, words())
		if err != nil {
			t.Fatal(err)
		}
		text, err := scenarios.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s", text)
		again, err := scenarios.Read(strings.NewReader(string(text)), b.Name, words())
		if err != nil {
			t.Errorf("%s does not load back:\n%s\n%v", b.Name, text, err)
			continue
		}
		if diff := cmp.Diff(first, again, gates()); diff != "" {
			t.Errorf("%s (-first +again):\n%s", b.Name, diff)
		}
	}
}
