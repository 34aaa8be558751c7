package terminal

import (
	"fmt"
	"strings"
	"unicode"
)

// codes gives every city a code of three letters, from its title: BAL for
// Baltimore, NYO for New York, RDJ for Rio de Janeiro. Where two cities want the
// same one, the later takes other letters of its title. A title without Latin
// letters takes them from its name.
func codes(titles, names []string) []string {
	taken := map[string]bool{}
	all := make([]string, len(titles))
	for i := range titles {
		words := latinWords(titles[i])
		if len(words) == 0 {
			words = latinWords(names[i])
		}
		all[i] = firstFree(words, taken)
		taken[all[i]] = true
	}
	return all
}

// latinWords are the words of a text in capitals, of Latin letters only.
func latinWords(text string) [][]rune {
	var words [][]rune
	for _, word := range strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.Is(unicode.Latin, r) && !unicode.Is(unicode.Mn, r)
	}) {
		var letters []rune
		for _, r := range word {
			if unicode.Is(unicode.Latin, r) {
				letters = append(letters, unicode.ToUpper(r))
			}
		}
		if len(letters) > 0 {
			words = append(words, letters)
		}
	}
	return words
}

// firstFree is the first code of these words that no other city has.
func firstFree(words [][]rune, taken map[string]bool) string {
	if len(words) >= 3 {
		if code := string([]rune{words[0][0], words[1][0], words[2][0]}); !taken[code] {
			return code
		}
	}
	letters := []rune{}
	for _, w := range words {
		letters = append(letters, w...)
	}
	if len(words) == 2 { // the first of one word, then of the other
		letters = append([]rune{words[0][0]}, append(words[1], words[0][1:]...)...)
	}
	for second := 1; second < len(letters); second++ {
		for third := second + 1; third < len(letters); third++ {
			if code := string([]rune{letters[0], letters[second], letters[third]}); !taken[code] {
				return code
			}
		}
	}
	for n := 1; ; n++ {
		if code := fmt.Sprintf("%c%02d", append(letters, 'X')[0], n); !taken[code] {
			return code
		}
	}
}
