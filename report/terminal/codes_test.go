package terminal

import (
	"slices"
	"testing"
)

func TestCodes(t *testing.T) {
	titles := []string{"Baltimore", "New York", "Rio de Janeiro", "Baltimore", "São Paulo", "Zu\u0308rich", "東京", "???", "A", "A", "Bal"}
	names := []string{"b", "n", "r", "b2", "s", "z", "tokyo", "42", "a", "a2", "bal"}
	want := []string{"BAL", "NYO", "RDJ", "BAT", "SPA", "ZUR", "TOK", "X01", "A01", "A02", "B01"}
	if got := codes(titles, names); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	many := make([]string, 500)
	for i := range many {
		many[i] = "Springfield"
	}
	got := codes(many, many)
	slices.Sort(got)
	if len(slices.Compact(got)) != len(many) {
		t.Error("codes are not unique")
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 5, []string{""}},
		{"one two", 7, []string{"one two"}},
		{"one two", 6, []string{"one", "two"}},
		{"abcdefgh ij", 3, []string{"abc", "def", "gh", "ij"}},
		{"東京東京", 5, []string{"東京", "東京"}},
	} {
		if got := wrap(test.text, test.width); !slices.Equal(got, test.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", test.text, test.width, got, test.want)
		}
	}
}
