package measure

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// readLog merges the lines of an interval log by their tags.
func readLog(t *testing.T, r io.Reader) map[string]*hdr.Histogram {
	t.Helper()
	reader, byTag := hdr.NewHistogramLogReader(r), map[string]*hdr.Histogram{}
	for {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return byTag
		}
		if byTag[h.Tag()] == nil {
			byTag[h.Tag()] = newHistogram()
		}
		if dropped := byTag[h.Tag()].Merge(h); dropped > 0 {
			t.Errorf("%s: %d samples were out of range", h.Tag(), dropped)
		}
	}
}

// The traps of the format: the header is in whole seconds, so offsets must count from one; times are in s, the maximum in ms.
func TestLogLines(t *testing.T) {
	var file bytes.Buffer
	epoch := time.Date(2026, 11, 21, 12, 0, 7, 345_678_901, time.UTC)
	c := NewCollector(Clock{epoch: epoch}, []Span{{Name: "at, first\n", End: 1 << 62}})
	c.epoch.Store(0)
	c.LogTo(&file)
	r := c.Recorder(Lag)
	r.Record(Lag, 0, 5_000_000)
	c.epoch.Store(2)
	r.Record(Own, 0, 7_000_000)
	r.Close()
	if err := c.Finish().LogErr; err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(file.String(), "\n")
	for i, want := range []string{
		"#[Histogram log format version 1.3]",
		"#values in ns, tags metric@phase, written by ordeal",
		"#[StartTime: 1795262407 (seconds since epoch), 2026-11-21T12:00:07Z]",
		"#[BaseTime: 1795262407 (seconds since epoch)]",
		`"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"`,
		"Tag=lag@at__first_,0.345000,1.000000,5.001215,HISTFAAA",
		"Tag=own_lag@at__first_,2.345000,1.000000,7.000063,HISTFAAA",
		"",
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d of the log does not begin with %q:\n%s", i+1, want, file.String())
		}
	}
	h, err := hdr.NewHistogramLogReader(&file).NextIntervalHistogram()
	if err != nil || h.StartTimeMs() != epoch.UnixMilli() || h.EndTimeMs() != epoch.UnixMilli()+1000 {
		t.Errorf("the first line is read as from %d to %d ms, error %v", h.StartTimeMs(), h.EndTimeMs(), err)
	}
}

// brokenWriter takes n bytes and then has no room.
type brokenWriter struct{ n int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errNoRoom
	}
	return len(p), nil
}

var errNoRoom = errors.New("no space left on device")

// A full disk ends the log; the result is whole.
func TestLogThatCannotBeWritten(t *testing.T) {
	for _, room := range []int{0, 500, 5000} {
		c := NewCollector(NewClock(time.Now()), nil)
		c.LogTo(&brokenWriter{n: room})
		r := c.Recorder(Ack)
		for s := range int64(100) {
			r.Record(Ack, 0, s)
			goTo(c, s+1)
		}
		r.Close()
		result := c.Finish()
		if !errors.Is(result.LogErr, errNoRoom) || result.Phases[0].Latencies[Ack].Count != 100 {
			t.Errorf("room for %d bytes: error %v, %d samples", room, result.LogErr, result.Phases[0].Latencies[Ack].Count)
		}
	}
}

// Seconds are written while the run goes on, not at its end.
func TestLogIsIncremental(t *testing.T) {
	var file bytes.Buffer
	c := NewCollector(NewClock(time.Now()), nil)
	c.LogTo(&file)
	r := c.Recorder(Ack)
	defer r.Close()
	for s := range int64(10) {
		r.Record(Ack, 0, 1)
		goTo(c, s+1)
	}
	if n := strings.Count(file.String(), "Tag="); n != 9 { // all but the one that r still holds
		t.Errorf("after 10 seconds %d are in the log, want 9", n)
	}
}
