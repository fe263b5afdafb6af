package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// measure is a word that bytes can be counted by.
type measure struct {
	word  string
	bytes int64
}

// measures are in the order in which FormatSize tries them. Binary ones come first where a size divides by both.
func measures() []measure {
	return []measure{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1}}
}

// ParseSize reads a number of bytes such as 100B, 1KiB (1024), 1KB (1000) or 1.5MiB. The result is a whole number of bytes.
func ParseSize(text string) (int64, error) {
	trimmed := strings.TrimSpace(text)
	for _, m := range measures() {
		digits, ok := strings.CutSuffix(trimmed, m.word)
		if !ok {
			continue
		}
		digits = strings.TrimSpace(digits)
		if digits == "" || strings.Trim(digits, "0123456789.") != "" {
			break
		}
		value, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			break
		}
		bytes := value * float64(m.bytes)
		if bytes > math.MaxInt32*1024 || bytes != math.Trunc(bytes) {
			return 0, fmt.Errorf("%q is not a whole number of bytes below 2TiB", text)
		}
		return int64(bytes), nil
	}
	if _, err := strconv.ParseUint(trimmed, 10, 63); err == nil {
		return 0, fmt.Errorf("%q is not a size: it lacks its unit; write %sB", text, trimmed)
	}
	return 0, fmt.Errorf("%q is not a size such as 100B, 1KiB (1024 B) or 1KB (1000 B)", text)
}

// FormatSize is the inverse of ParseSize, in the largest unit that leaves a whole number.
func FormatSize(bytes int64) string {
	for _, m := range measures() {
		if bytes >= m.bytes && bytes%m.bytes == 0 {
			return strconv.FormatInt(bytes/m.bytes, 10) + m.word
		}
	}
	return strconv.FormatInt(bytes, 10) + "B"
}
