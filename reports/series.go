package reports

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// CSV renders the seconds of a run as a table for spreadsheets and plotting programs. The zero value is ready.
type CSV struct{}

var _ Renderer = CSV{}

// Format is "csv".
func (CSV) Format() string { return "csv" }

// File is "series.csv".
func (CSV) File() string { return "series.csv" }

// Render writes one line a second. Latencies are in ns and empty where there were no samples, as is the offered rate of a closed loop.
func (CSV) Render(w io.Writer, r *Run) error {
	out := csv.NewWriter(w)
	rows := [][]string{{
		"second", "offered", "sent", "acked", "received", "rejected", "unknown", "backlog",
		"end_to_end_p50_ns", "end_to_end_p99_ns", "end_to_end_max_ns", "ack_p50_ns", "ack_p99_ns",
	}}
	for _, s := range r.Series {
		rows = append(rows, []string{
			plainNumber(float64(s.At) / 1e9), plainNumber(s.Offered), plainNumber(s.Sent), plainNumber(s.Acked), plainNumber(s.Received),
			plainNumber(s.Rejected), plainNumber(s.Unknown), strconv.FormatInt(s.Backlog, 10),
			samples(s.P50), samples(s.P99), samples(s.Max), samples(s.AckP50), samples(s.AckP99),
		})
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write series of run %q: %w", r.ID, err)
	}
	return nil
}

func plainNumber(v float64) string {
	if !finite(v) || v < 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func samples(ns int64) string {
	if ns == 0 {
		return ""
	}
	return strconv.FormatInt(ns, 10)
}
