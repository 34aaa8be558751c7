package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"matrix/data/history"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/site"
)

// errLess says that a month was published before, and had more files behind it.
var errLess = errors.New("the month that is published stays")

// publish adds the month to a website; errLess if that would put a month with
// less of its files into the place of one that is there.
func (o *reportFlags) publish(ctx context.Context, h *history.History, m *report.MonthReport, std streams) error {
	span := m.Month.Span
	traces, err := h.Traces(ctx, span.From, span.To)
	if err != nil {
		return err
	}
	if err := o.mayReplace(h, span); err != nil {
		return err
	}
	edition := &site.Edition{
		Name: span.From.Format("2006-01"), Month: m, AllPairs: o.allPairs, Traces: traces, Files: monthFiles(m),
		Pairs: func(ctx context.Context, pairs []report.CityPair, visit func(*report.Series) error) error {
			return h.Pairs(ctx, pairs, span.From, span.To, visit)
		},
	}
	progress := newProgress(std.err, o.quiet)
	err = site.Write(ctx, o.out, edition, progress.stage)
	progress.clear()
	if err == nil {
		o.say(std, "matrix: published %s in %s", span.Title(), o.out)
	}
	return err
}

// mayReplace refuses a month of which files were left out where one is published
// already.
func (o *reportFlags) mayReplace(h *history.History, span report.Span) error {
	there := filepath.Join(o.out, span.From.Format("2006-01"))
	if _, err := os.Lstat(there); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	folder := span.From.Format("/year=2006/month=01/")
	for _, lost := range h.Lost() {
		if strings.Contains(lost.Subject, folder) {
			return fmt.Errorf("%w: %s was not replaced, since %s was %s; matrix verify --history %s says what to do about it, or publish into another folder",
				errLess, there, lost.Subject, lost.Text, h.Dir())
		}
	}
	return nil
}

// monthFiles are the files that the website offers for download.
func monthFiles(m *report.MonthReport) []site.File {
	all := []site.File{
		{Name: "month.json", About: "Everything that the report knows, pairs included", Write: func(w io.Writer) error { return export.MonthJSON(w, m) }},
		{Name: "month.md", About: "The report as Markdown, for a mail", Write: func(w io.Writer) error { return export.MonthMarkdown(w, m) }},
		{Name: "pairs.csv", About: "A line for each ordered pair: round-trip times in ms, loss, distance, verdict", Write: func(w io.Writer) error { return export.PairsCSV(w, m.Report) }},
		{Name: "verdicts.csv", About: "What is wrong with hosts and pairs, with the evidence", Write: func(w io.Writer) error { return export.VerdictsCSV(w, m.Report) }},
	}
	about := map[string]string{"matrix.method": m.Method.String(), "matrix.coverage": m.Coverage.String()}
	all = append(all,
		site.File{Name: "pairs.parquet", About: "The same as pairs.csv, and every matrix as a column, with its unit in its name", Write: func(w io.Writer) error {
			return history.WriteRecords(w, about, export.Pairs(m.Report))
		}},
		site.File{Name: "verdicts.parquet", About: "What is wrong with pairs, with the numbers that led to it", Write: func(w io.Writer) error {
			return history.WriteRecords(w, about, export.PairVerdicts(m.Report))
		}},
		site.File{Name: "hosts.parquet", About: "What is wrong with hosts, with the numbers that led to it", Write: func(w io.Writer) error {
			return history.WriteRecords(w, about, export.HostVerdicts(m.Report))
		}})
	for _, metric := range report.Metrics() {
		about := fmt.Sprintf("%s, %s; rows from, columns to", metric.Heading(), metric.Unit(m.Method.Units))
		all = append(all, site.File{Name: metric.String() + ".csv", About: about, Write: func(w io.Writer) error { return export.MatrixCSV(w, m.Report, metric) }})
	}
	return all
}
