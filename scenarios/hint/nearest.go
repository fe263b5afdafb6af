// Package hint finds the word that somebody meant.
package hint

import (
	"strings"
	"unicode/utf8"
)

// Nearest returns the one of words that is closest to word, and "" where none is close enough to be what was meant. Closeness is the
// number of letters put in, left out, replaced or swapped with a neighbour (Damerau's distance in its restricted form), without regard
// to case; at most a third of the word may differ. Where no word is so
// close, one that the word begins, or that begins the word, is what was meant.
func Nearest(word string, words []string) string {
	best, nearest := 1+utf8.RuneCountInString(word)/3, ""
	if best > 3 {
		best = 3
	}
	for _, w := range words {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d < best || d == best && nearest == "" {
			best, nearest = d, w
		}
	}
	if nearest == "" && len(word) <= longest {
		return abbreviation(word, words)
	}
	return nearest
}

// shortest is how many letters a beginning needs to mean a word.
const shortest = 3

// abbreviation finds the word that begins with the given one, or that the given one begins with: "max" for "maximum".
func abbreviation(word string, words []string) string {
	for _, w := range words {
		if min(len(w), len(word)) >= shortest && (strings.HasPrefix(w, word) || strings.HasPrefix(word, w)) {
			return w
		}
	}
	return ""
}

// DidYouMean is the question to put at the end of an error, "did you mean …?", and "" where no word is near.
func DidYouMean(word string, words []string) string {
	if near := Nearest(word, words); near != "" {
		return `did you mean "` + near + `"?`
	}
	return ""
}

// longest bounds the words that are compared: the time grows with the product of their lengths.
const longest = 64

// distance between a and b in steps; words too long to be typos of one another are as far as they are long.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	if len(from) > longest || len(to) > longest {
		return max(len(from), len(to))
	}
	two, one, row := make([]int, len(to)+1), make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row[0] = i
		for j := 1; j <= len(to); j++ {
			replace := 1
			if from[i-1] == to[j-1] {
				replace = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+replace)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
		two, one, row = one, row, two
	}
	return one[len(to)]
}
