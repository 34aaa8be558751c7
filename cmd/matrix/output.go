package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/term"

	"matrix/data"
	"matrix/probe"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/site"
	"matrix/report/terminal"
)

// writers print a report to stdout, by --format.
var writers = map[string]func(s show, w io.Writer, r *report.Report) error{
	"table": func(s show, w io.Writer, r *report.Report) error {
		return terminal.Write(w, r, terminal.Options{Width: width(w), Color: isColourful(w), Metrics: s.metrics, Files: s.out})
	},
	"csv": func(s show, w io.Writer, r *report.Report) error {
		if len(s.metrics) > 0 {
			return export.MatrixCSV(w, r, s.metrics[0])
		}
		return export.PairsCSV(w, r)
	},
	"json":     func(_ show, w io.Writer, r *report.Report) error { return export.JSON(w, r) },
	"markdown": func(_ show, w io.Writer, r *report.Report) error { return export.Markdown(w, r) },
	"html":     func(_ show, w io.Writer, r *report.Report) error { return site.Page(w, r) },
}

// write saves the files, if any are asked for, and prints. Neither is left out
// because the other failed: what was measured is not to be lost.
func (s show) write(std streams, r *report.Report, round *probe.Round, o *measureFlags) error {
	var saving error
	if s.out != "" {
		n, err := s.save(r, round)
		if err != nil {
			saving = err
			s.out = ""
		} else {
			s.out = s.folder(round)
			defer o.say(std, "matrix: wrote %d files to %s", n, s.out)
		}
	}
	return errors.Join(writers[s.format](s, std.out, r), saving)
}

// folder is where the files go.
func (s show) folder(round *probe.Round) string {
	if round.Partial {
		// A whole result of yesterday is worth more than half a one of today.
		return filepath.Join(s.out, "partial")
	}
	return s.out
}

func (s show) save(r *report.Report, round *probe.Round) (n int, err error) {
	if n, err = saveAll(s.folder(round), files(r, round)); err != nil {
		return 0, fmt.Errorf("nothing was saved: %w", err)
	}
	return n, nil
}

// checkOut finds out, before anything is measured, whether the results can be
// written.
func checkOut(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".matrix-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// file is one of the files of --out.
type file struct {
	name  string
	write func(io.Writer) error
}

func files(r *report.Report, round *probe.Round) []file {
	all := []file{
		// The round first: everything else can be made from it again.
		{"round.json", func(w io.Writer) error { return data.WriteRound(w, round) }},
		{"pairs.csv", func(w io.Writer) error { return export.PairsCSV(w, r) }},
		{"traces.json", func(w io.Writer) error { return export.TracedJSON(w, r) }},
		{"matrix.md", func(w io.Writer) error { return export.Markdown(w, r) }},
		{"index.html", func(w io.Writer) error { return site.Page(w, r) }},
	}
	for _, metric := range report.Metrics() {
		all = append(all, file{metric.String() + ".csv", func(w io.Writer) error { return export.MatrixCSV(w, r, metric) }})
	}
	return all
}

// saveAll writes every file under another name first, and only when all are
// there gives them their own: what is published from the folder is never half
// written, nor half of another round.
func saveAll(folder string, all []file) (n int, err error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return 0, err
	}
	unfinished := make([]string, len(all))
	defer func() {
		for _, path := range unfinished {
			if path != "" && err != nil {
				os.Remove(path)
			}
		}
	}()
	for i, f := range all {
		unfinished[i] = filepath.Join(folder, fmt.Sprintf(".%s.%x", f.name, rand.Uint64()))
		if err := save(unfinished[i], f.write); err != nil {
			return 0, fmt.Errorf("write %s: %w", filepath.Join(folder, f.name), err)
		}
	}
	for i, f := range all {
		if err := os.Rename(unfinished[i], filepath.Join(folder, f.name)); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// save writes a new file. It is not one of os.CreateTemp: a web server is to
// read it, as the umask allows.
func save(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// width is the terminal's, or what COLUMNS says, or a page's.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	return 100
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isColourful follows no-color.org: any value of NO_COLOR says no.
func isColourful(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
