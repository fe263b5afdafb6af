package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	long := "what" + strings.Repeat(" argument", 5000) + " why"
	for text, want := range map[string][]string{
		"":                                    nil,
		"\n \n":                               nil,
		"one\ntwo\n":                          {"one", "two"},
		"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n":      {"2", "3", "4", "5", "6", "7", "8", "9"},
		"before\n" + long + "\nafter\n\n":     {"before", long[:250] + " ... " + long[len(long)-500:], "after"},
		strings.Repeat("é", 60_000) + "\nend": {strings.Repeat("é", 125) + " ... " + strings.Repeat("é", 250), "end"},
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		expected := ""
		if want != nil {
			expected = "\nlast lines of " + path + ":\n  " + strings.Join(want, "\n  ")
		}
		if got := tail(path); got != expected {
			t.Errorf("of %.40q:\n%.300q\nwant\n%.300q", text, got, expected)
		}
	}
	if got := tail(filepath.Join(t.TempDir(), "none")); got != "" {
		t.Errorf("of no file: %q", got)
	}
}
