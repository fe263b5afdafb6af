package judge

import (
	"strconv"
	"strings"

	"ordeal/internal/message"
)

// grouped writes n with thousands separators.
func grouped[T int64 | uint64 | int](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plural writes n and the noun in the right number.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return grouped(n) + " " + stem + "ies"
	}
	return grouped(n) + " " + noun + "s"
}

// maxSentences bounds how many groups a verdict speaks of.
const maxSentences = 3

// paragraph joins sentences, and says how many it leaves out.
func paragraph(sentences []string) string {
	if left := len(sentences) - maxSentences; left > 0 {
		sentences = append(sentences[:maxSentences:maxSentences], "So it is for "+plural(int64(left), "more group")+".")
	}
	return strings.Join(sentences, " ")
}

// place writes a position as the broker's own tools show it, with its shard.
func place(shard int32, p message.Position) string {
	text := ""
	switch {
	case !p.Known:
	case p.Major == 0:
		text = "position " + grouped(p.Minor)
	default:
		text = "position " + strconv.FormatUint(p.Major, 10) + "-" + strconv.FormatUint(p.Minor, 10)
	}
	if shard >= 0 {
		if text != "" {
			text += " of "
		}
		text += "shard " + strconv.Itoa(int(shard))
	}
	if text == "" {
		return "a place the broker does not name"
	}
	return text
}
