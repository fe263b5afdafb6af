package hint_test

import (
	"strings"
	"testing"

	"ordeal/scenarios/hint"
)

func TestNearest(t *testing.T) {
	keys := []string{"rate", "arrival", "size", "keys", "guarantee", "window", "retry", "to", "count"}
	for word, want := range map[string]string{
		"rates":     "rate",
		"Rate":      "rate",
		"arrivl":    "arrival",
		"guaranty":  "guarantee",
		"windwo":    "window",
		"ot":        "to",
		"reply":     "retry",
		"frequency": "",
		"":          "",
		"x":         "",
		"ratelimit": "rate",
		"win":       "window",
		"wi":        "",
	} {
		if got := hint.Nearest(word, keys); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestNearestLongWords(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	if got := hint.Nearest(long, []string{long + "b", "a"}); got != "" {
		t.Errorf("a word of %d letters is near %d letters", len(long), len(got))
	}
}

func TestDidYouMean(t *testing.T) {
	if got := hint.DidYouMean("leder", []string{"leader", "follower"}); got != `did you mean "leader"?` {
		t.Errorf("got %s", got)
	}
	if got := hint.DidYouMean("zebra", []string{"leader", "follower"}); got != "" {
		t.Errorf("got %s", got)
	}
}
