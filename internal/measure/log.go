package measure

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// intervalLog writes the HdrHistogram interval log, version 1.3 of the format, V2 histograms (github.com/HdrHistogram/HdrHistogram, class
// HistogramLogWriter): a line for each second, phase and metric, tagged metric@phase, values in ns. Seconds are written as they become
// complete, so that of an idle recorder stands after later ones. A nil log writes nothing.
type intervalLog struct {
	buffer  *bufio.Writer
	encoder encoder
	start   int64 // of second 0, in ms since 1970
	base    int64 // from which the lines count, likewise
	tags    []string
	err     error // the first one; nothing is written after it
}

func newIntervalLog(w io.Writer, clock Clock, phases []Span) *intervalLog {
	l := &intervalLog{buffer: bufio.NewWriter(w), start: clock.Epoch().UnixMilli()}
	header := hdr.NewHistogramLogWriter(l.buffer)
	for _, p := range phases {
		l.tags = append(l.tags, tagOf(p.Name))
	}
	l.base = l.start / 1000 * 1000 // the library cuts the header to whole seconds, so the lines' offsets must count from one
	for _, output := range []func() error{
		header.OutputLogFormatVersion,
		func() error { return header.OutputComment("values in ns, tags metric@phase, written by ordeal") },
		func() error { return header.OutputStartTime(l.base) },
		func() error { return header.OutputBaseTime(l.base) },
		header.OutputLegend,
	} {
		l.keep(output())
	}
	return l
}

// write adds the line of one second, phase and metric.
func (l *intervalLog) write(second int64, phase int, m Metric, h *counts) {
	if l == nil || l.err != nil {
		return
	}
	text, highestValue, err := l.encoder.encode(h)
	if err == nil {
		_, err = fmt.Fprintf(l.buffer, "Tag=%s@%s,%.6f,%.6f,%.6f,%s\n",
			m, l.tags[phase], float64(l.start-l.base+second*1000)/1000, 1.0, float64(highestValue)/1e6, text)
	}
	l.keep(err)
}

func (l *intervalLog) flush() {
	if l != nil && l.err == nil {
		l.keep(l.buffer.Flush())
	}
}

func (l *intervalLog) keep(err error) {
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("write the latency log: %w", err)
	}
}

// tagOf makes a phase's name fit for a tag, which ends at a comma and may hold no space.
func tagOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, name)
}
