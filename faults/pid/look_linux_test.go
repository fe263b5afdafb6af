package pid

import "testing"

func TestParseStat(t *testing.T) {
	const rest = " 1 2 3 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 98765 0 0"
	for _, c := range []struct {
		stat  string
		state State
		start string
	}{
		{"17 (nats-server) S" + rest, Running, "98765"},
		{"17 (a) T (b) c) T" + rest, Stopped, "98765"},
		{"17 (x) Z" + rest, Gone, "98765"},
		{"17 (x) t" + rest, Running, "98765"}, // under a debugger: not SIGSTOP's doing
	} {
		state, start, err := parseStat([]byte(c.stat))
		if err != nil || state != c.state || start != c.start {
			t.Errorf("%q: %v %q %v; want %v %q", c.stat, state, start, err, c.state, c.start)
		}
	}
	for _, bad := range []string{"", "17 (x", "17 (x) S 1 2", "17 (x)"} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
