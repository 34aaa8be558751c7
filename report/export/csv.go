package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"matrix/report"
)

// maxText is how much of a text of unknown origin is written.
const maxText = 300

// MatrixCSV writes one metric in the shape of the published tables: row =
// from, column = to, titles as names, an empty diagonal, an empty field where
// there is no value.
func MatrixCSV(w io.Writer, r *report.Report, metric report.Metric) error {
	out := csv.NewWriter(w)
	header := []string{corner(r, metric)}
	for _, to := range r.Columns {
		header = append(header, text(r.Title(r.Cities[to].Name)))
	}
	if err := out.Write(header); err != nil {
		return fmt.Errorf("write %v matrix: %w", metric, err)
	}
	for _, i := range r.Rows {
		from := r.Cities[i].Name
		row := []string{text(r.Title(from))}
		for _, j := range r.Columns {
			field := ""
			if cell := r.Cell(from, r.Cities[j].Name, metric); cell.Kind == report.Figure {
				field = cell.Text(metric.Decimals())
			}
			row = append(row, field)
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write %v matrix: %w", metric, err)
		}
	}
	out.Flush()
	return out.Error()
}

// corner is the first cell. Kilometres are named there, for whoever reads the
// file back: the published tables, which name no unit, are in miles.
func corner(r *report.Report, metric report.Metric) string {
	if r.Method.Units == report.UseKm && (metric == report.Distance || metric == report.Speed) {
		return "from (" + metric.Unit(report.UseKm) + ")"
	}
	return "from"
}

// PairsCSV writes a line a planned pair. Times are UTC, RTTs milliseconds with
// three decimals, loss and percent_of_fibre percent; the speed is that of the
// report's statistic. Verdict, grade and evidence are those of both directions
// together. In kilometres the columns are km and km_per_ms.
func PairsCSV(w io.Writer, r *report.Report) error {
	units := r.Method.Units
	length, speed := "miles", "mi_per_ms"
	if units == report.UseKm {
		length, speed = "km", "km_per_ms"
	}
	out := csv.NewWriter(w)
	err := out.Write([]string{
		"source", "destination", "timestamp", "min", "avg", "max", "mdev",
		"sent", "received", "state", "address",
		"median", "jitter", "loss", length, speed, "percent_of_fibre", "reason",
		"verdict", "grade", "evidence",
	})
	for _, p := range r.Pairs() {
		if err != nil {
			break
		}
		err = out.Write(pairFields(r, p))
	}
	if err != nil {
		return fmt.Errorf("write pairs: %w", err)
	}
	out.Flush()
	return out.Error()
}

func pairFields(r *report.Report, p *report.Pair) []string {
	millis := func(stat report.Stat) string { v, ok := p.Millis(stat); return number(v, ok, 3) }
	value := func(m report.Metric, decimals int) string { v, ok := r.Value(p, m); return number(v, ok, decimals) }
	timestamp, address := "", ""
	if !p.At.IsZero() {
		timestamp = p.At.UTC().Format(time.RFC3339)
	}
	if p.Address.IsValid() {
		address = p.Address.String()
	}
	verdict, grade := judged(r, p)
	sent, received := "", ""
	if p.Counted() && !p.Cut { // the counts of a pair that was cut short would be read as its loss
		sent, received = strconv.Itoa(p.Sent), strconv.Itoa(p.Received)
	}
	return []string{
		text(p.From), text(p.To), timestamp,
		millis(report.Min), millis(report.Avg), millis(report.Max), millis(report.Mdev),
		sent, received, p.State.String(), text(address),
		millis(report.Median), millis(report.Jitter), value(report.Loss, 1),
		value(report.Distance, 1), value(report.Speed, 3), value(report.Fibre, 3),
		text(p.Reason),
		verdict, grade, text(r.Evidence(p)),
	}
}

// judged are the words of a pair's verdict and grade. A direction that was not
// measured is not called fine, nor graded, for the other one's sake.
func judged(r *report.Report, p *report.Pair) (verdict, grade string) {
	v := r.Verdict(p)
	switch {
	case p.State == report.Measured:
		return v.String(), r.Grade(p).String()
	case v == report.Fine:
		return "", ""
	}
	return v.String(), ""
}

func number(v float64, ok bool, decimals int) string {
	if !ok {
		return ""
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// text makes a text fit for a field that a spreadsheet opens: one that would
// start a formula there gets a leading apostrophe (OWASP, "CSV Injection";
// tab and CR are gone already, the full-width signs count in some locales).
func text(s string) string {
	s = report.Clean(s, maxText)
	if strings.IndexAny(s, "=+-@＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}
