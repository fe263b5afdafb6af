package unit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration such as 200ms, 5s or 1m30s. It is never negative.
func ParseDuration(text string) (time.Duration, error) {
	trimmed := strings.TrimSpace(text)
	d, err := time.ParseDuration(trimmed)
	switch {
	case err == nil && d < 0:
		return 0, fmt.Errorf("%q is before the beginning of time: a duration is not negative", text)
	case err == nil && (d > 0 || trimmed != "0"):
		return d, nil
	}
	if _, err := strconv.ParseFloat(trimmed, 64); err == nil {
		return 0, fmt.Errorf("%q is not a duration: it lacks its unit; write %ss or %sms", text, trimmed, trimmed)
	}
	if written, ok := strings.CutSuffix(trimmed, "min"); ok {
		if _, err := strconv.ParseFloat(written, 64); err == nil {
			return 0, fmt.Errorf("%q is not a duration: minutes are written %sm", text, written)
		}
	}
	return 0, fmt.Errorf("%q is not a duration such as 200ms, 5s or 1m30s", text)
}

// FormatDuration is the inverse of ParseDuration: time.Duration's own form without parts that are zero, 1m instead of 1m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
