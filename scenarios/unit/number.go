package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// multiple is a letter that stands for a power of ten.
type multiple struct {
	letter string
	factor float64
}

func multiples() []multiple { return []multiple{{"M", 1e6}, {"k", 1e3}} }

// parseNumber reads a number that is finite and not negative, with k or M for thousands and millions.
func parseNumber(text string) (float64, error) {
	text = strings.TrimSpace(text)
	factor := 1.0
	for _, m := range multiples() {
		if digits, ok := strings.CutSuffix(text, m.letter); ok {
			text, factor = digits, m.factor
			break
		}
	}
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, strconv.ErrSyntax
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, err
	}
	return value * factor, nil
}

func formatNumber(value float64) string {
	for _, m := range multiples() {
		if value < m.factor {
			continue
		}
		text := strconv.FormatFloat(value/m.factor, 'f', -1, 64)
		if _, fraction, _ := strings.Cut(text, "."); len(fraction) > 3 {
			continue
		}
		if back, err := parseNumber(text + m.letter); err == nil && back == value {
			return text + m.letter
		}
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}

// ParseCount reads a number of things, such as 0, 1500 or 20k.
func ParseCount(text string) (float64, error) {
	value, err := parseNumber(text)
	if err != nil || value != math.Trunc(value) {
		return 0, fmt.Errorf("%q is not a count such as 0, 1500 or 20k", text)
	}
	return value, nil
}

// FormatCount is the inverse of ParseCount. A count that is not whole, such as a mean, is written with its fraction.
func FormatCount(n float64) string { return formatNumber(n) }

// ParseShare reads a share such as 95% or 0.5% as 0.95 or 0.005. It may be above 100%.
func ParseShare(text string) (float64, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || value < 0 || math.IsInf(value, 0) || math.IsNaN(value) {
		return 0, fmt.Errorf("%q is not a share such as 95%%", text)
	}
	return value / 100, nil
}

// FormatShare is the inverse of ParseShare.
func FormatShare(share float64) string {
	for _, digits := range []int{0, 1, 2, 3} {
		text := strconv.FormatFloat(share*100, 'f', digits, 64) + "%"
		if back, err := ParseShare(text); err == nil && back == share {
			return text
		}
	}
	return strconv.FormatFloat(share*100, 'f', -1, 64) + "%"
}
