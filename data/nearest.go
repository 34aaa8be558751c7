package data

import (
	"slices"
	"strings"
)

// Nearest are the words that somebody who wrote this may have meant, the
// likeliest first.
func Nearest(word string, words []string) []string { return nearest(word, words) }

// nearest are the words that a misspelt one may stand for, the likeliest first:
// those a few typing mistakes away, and those that contain it.
func nearest(word string, words []string) []string {
	const tooLong = 64 // not a misspelt word; and the distance takes the product of the lengths
	if word == "" || len(word) > tooLong {
		return nil
	}
	type candidate struct {
		word string
		away int
	}
	var near []candidate
	for _, w := range words {
		if len(w) > tooLong {
			continue
		}
		away := typos(word, w)
		contained := min(len(word), len(w)) > 2 && (strings.Contains(w, word) || strings.Contains(word, w))
		if away <= 1+len(word)/4 || contained {
			near = append(near, candidate{w, away})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.away - b.away })
	found := make([]string, len(near))
	for i, c := range near {
		found[i] = c.word
	}
	return found
}

// typos counts the letters to insert, remove, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func typos(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, this := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		this[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			this[j] = min(last[j]+1, this[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(y)]
}
