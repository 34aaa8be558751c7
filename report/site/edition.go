package site

import (
	"cmp"
	"context"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"matrix/report"
)

// Edition is what the pages of one month are made of. One of Month and Report
// is needed; what else is left out has no page or section.
type Edition struct {
	Name   string              // of the month's folder: "2026-10"; letters, digits and dashes
	Title  string              // for people: "October 2026"; "" means the month's own
	Month  *report.MonthReport //
	Report *report.Report      // where there is no Month: a single round or table

	AllPairs bool           // a page for every two cities, not only for flagged ones
	Traces   []report.Trace // taken in the month
	// Pairs hands over the month's samples of ordered pairs, with every RTT, for
	// the graphs; nil: there are none. visit is called from several goroutines.
	Pairs func(ctx context.Context, pairs []report.CityPair, visit func(*report.Series) error) error
	Files []File // offered for download
}

// File is a table that can be downloaded: it is written into the month's folder
// data.
type File struct {
	Name  string // "rtt.csv"
	About string // what is in it, a sentence
	Write func(io.Writer) error
}

// book is an edition with all that its pages have in common. It is not changed
// once its graphs are gathered, so that pages can be written side by side.
type book struct {
	*Edition
	report   *report.Report
	month    *report.Month // nil for a single round
	title    string
	lede     string
	sheets   []sheet        // the matrices, in the order of their links
	at       map[string]int // of a city's name in report.Cities
	slugs    []string       // of the cities, by their place there
	stems    []string       // those of cities with a page, "" of the others
	pages    map[*report.PairVerdict]string
	verdicts []*report.PairVerdict // those with a page
	routes   map[[2]string][]report.Route
	graphs   *shelf
	upright  bool
	large    bool
}

func newBook(e *Edition) *book {
	b := &book{
		Edition: e, report: e.Report, title: report.Clean(e.Title, 60), at: map[string]int{},
		pages: map[*report.PairVerdict]string{}, routes: map[[2]string][]report.Route{},
	}
	if e.Month != nil {
		b.report, b.month = e.Month.Report, e.Month.Month
		b.title = cmp.Or(b.title, b.month.Span.Title())
		b.lede = strings.Join(e.Month.Headline(), " ")
	}
	r := b.report
	b.title, b.lede = cmp.Or(b.title, e.Name), cmp.Or(b.lede, lede(r)+".")
	b.upright, b.large = len(r.Columns) > 12, len(r.Rows)*len(r.Columns) > maxCells
	b.slugs, b.stems = slugs(r.Cities), make([]string, len(r.Cities))
	for i, c := range r.Cities {
		b.at[c.Name] = i
	}
	for _, i := range slices.Concat(r.Rows, r.Columns) {
		b.stems[i] = b.slugs[i]
	}
	for p := range r.JudgedPairs() {
		if e.AllPairs || p.Verdict().Flagged() {
			b.pages[p] = b.slugs[b.at[p.From]] + "--" + b.slugs[b.at[p.To]] + ".html"
			b.verdicts = append(b.verdicts, p)
		}
	}
	titles := make(map[string]string, len(r.Cities))
	for _, c := range r.Cities {
		titles[c.Name] = r.Title(c.Name)
	}
	b.layTraces(titles)
	b.sheets = b.newSheets()
	return b
}

// latestTraces is how many traceroutes of one direction a page shows.
const latestTraces = 3

// layTraces lays the flows of one trace over each other, and keeps the latest
// few of each direction that has a page.
func (b *book) layTraces(titles map[string]string) {
	type run struct {
		from, to string
		at       time.Time
		address  netip.Addr
	}
	var order []run
	flows := map[run][]report.Trace{}
	for _, t := range b.Traces {
		key := run{t.From, t.To, t.At, t.Address}
		if flows[key] == nil {
			order = append(order, key)
		}
		flows[key] = append(flows[key], t)
	}
	slices.SortStableFunc(order, func(x, y run) int { return x.at.Compare(y.at) })
	for _, key := range slices.Backward(order) {
		pair := [2]string{key.from, key.to}
		if v := b.report.Verdicts.Pair(key.from, key.to); v == nil || b.pages[v] == "" || len(b.routes[pair]) >= latestTraces {
			continue
		}
		b.routes[pair] = append(b.routes[pair], report.Routes(flows[key], titles)...)
	}
}

// slugs are names for files: of ASCII letters, digits and single dashes, each
// once whatever the case, and never with two dashes, which stand between the
// two cities of a pair.
func slugs(cities []report.City) []string {
	all := make([]string, len(cities))
	used := map[string]bool{}
	for i, c := range cities {
		base := slug(c.Name)
		name := base
		for n := 2; used[name]; n++ {
			name = base + "-" + strconv.Itoa(n)
		}
		used[name], all[i] = true, name
	}
	return all
}

const slugBytes = 60

func slug(name string) string {
	var out []byte
	for _, c := range []byte(strings.ToLower(name)) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			out = append(out, c)
		case len(out) > 0 && out[len(out)-1] != '-':
			out = append(out, '-')
		}
		if len(out) == slugBytes {
			break
		}
	}
	return cmp.Or(strings.Trim(string(out), "-"), "city")
}

// city is the page of a city by its place in Report.Cities, as seen from the
// month's folder; "" if it has none.
func (b *book) city(i int) string {
	if b.stems[i] == "" {
		return ""
	}
	return "city/" + b.stems[i] + ".html"
}

// pair is where a pair is shown in full, as seen from the month's folder: its
// own page or, if it has none, its line on the page of a city.
func (b *book) pair(from, to string) string {
	if v := b.report.Verdicts.Pair(from, to); v != nil && b.pages[v] != "" {
		return "pair/" + b.pages[v]
	}
	i, ok := b.at[from]
	j, ok2 := b.at[to]
	if !ok || !ok2 || b.stems[i] == "" {
		return ""
	}
	return b.city(i) + "#" + lineID(b.slugs[j])
}

// lineID is the anchor of a partner on a city's page.
func lineID(slug string) string { return "with-" + slug }
