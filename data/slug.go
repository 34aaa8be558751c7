package data

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// latin spells the letters that Unicode does not take apart into a base letter
// and an accent.
var latin = strings.NewReplacer(
	"ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d",
	"þ", "th", "ħ", "h", "ŧ", "t", "ŋ", "ng", "ı", "i", "ĸ", "k", "ƒ", "f", "ə", "a",
)

// Slug makes a city's name from its title: its ASCII letters and digits in
// lower case, accents folded ("São Paulo" is saopaulo). A title without any
// ASCII letter keeps the letters that it has. It is "" if there is none.
func Slug(title string) string {
	folded := fold(title)
	if !strings.ContainsFunc(folded, func(r rune) bool { return r >= 'a' && r <= 'z' }) {
		return folded
	}
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, folded)
}

// fold removes what people leave out or vary when they type a name: case,
// accents, spaces, punctuation.
func fold(text string) string {
	var b strings.Builder
	// Beside an invalid byte, norm leaves letters as they are.
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(text, " ")) {
		accent := r >= 0x300 && r <= 0x36f
		if !accent && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	folded := norm.NFC.String(latin.Replace(b.String()))
	if !strings.ContainsFunc(folded, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return "" // marks with nothing to stand on
	}
	return folded
}
