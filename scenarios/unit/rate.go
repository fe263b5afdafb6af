package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MaxRate is the highest rate that is understood, in messages per second: one message per nanosecond.
const MaxRate = 1e9

// period is a word that a rate can be counted by.
type period struct {
	word    string
	seconds float64
}

func periods() []period { return []period{{"s", 1}, {"min", 60}, {"h", 3600}} }

// ParseRate reads a rate such as 20k/s, 1.5M/s or 500/min as messages per second. Zero is a rate; nothing is below it.
func ParseRate(text string) (float64, error) {
	number, per, ok := strings.Cut(text, "/")
	if !ok {
		if _, err := parseNumber(text); err == nil {
			return 0, fmt.Errorf("%q is not a rate: it lacks the time it is counted by; write %s/s", text, strings.TrimSpace(text))
		}
		return 0, notRate(text)
	}
	value, err := parseNumber(number)
	if err != nil {
		return 0, notRate(text)
	}
	for _, p := range periods() {
		if p.word != strings.TrimSpace(per) {
			continue
		}
		rate := value / p.seconds
		if rate > MaxRate {
			return 0, fmt.Errorf("%q is above the highest rate, 1000M/s", text)
		}
		return rate, nil
	}
	return 0, fmt.Errorf("%q is not a rate: %q is none of s, min, h", text, strings.TrimSpace(per))
}

func notRate(text string) error {
	return fmt.Errorf("%q is not a rate such as 20k/s, 1.5M/s or 500/min", text)
}

// FormatRate is the inverse of ParseRate, as short as it can be.
func FormatRate(perSecond float64) string {
	for _, p := range periods() {
		value := math.Round(perSecond*p.seconds*1e3) / 1e3
		text := formatNumber(value) + "/" + p.word
		if back, err := ParseRate(text); err == nil && back == perSecond {
			return text
		}
	}
	return strconv.FormatFloat(perSecond, 'f', -1, 64) + "/s"
}
