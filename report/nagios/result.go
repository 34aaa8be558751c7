package nagios

import (
	"fmt"
	"io"
	"strings"

	"matrix/report"
)

// Status is a plugin's, and the exit status of its process.
type Status int

const (
	OK Status = iota
	Warning
	Critical
	Unknown
)

func (s Status) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s] }

// worse orders statuses: a fault that is known outweighs what is not known, and
// that outweighs what is only a warning.
func (s Status) worse(t Status) bool {
	rank := [...]int{OK: 0, Warning: 1, Unknown: 2, Critical: 3}
	return rank[s] > rank[t]
}

// Datum is one value of the performance data.
type Datum struct {
	Label             string
	Value             *float64 // nil: not known, written as U
	Unit              string   // "ms", "%", "" of a count
	Warning, Critical *Range
	Min, Max          *float64
}

// String is 'label'=value[unit];[warn];[crit];[min];[max].
func (d Datum) String() string {
	value := "U"
	if d.Value != nil {
		value = number(*d.Value) + d.Unit
	}
	fields := []string{value, "", "", "", ""}
	for i, r := range []*Range{d.Warning, d.Critical} {
		if r != nil {
			fields[1+i] = r.String()
		}
	}
	for i, v := range []*float64{d.Min, d.Max} {
		if v != nil {
			fields[3+i] = number(*v)
		}
	}
	return d.Label + "=" + strings.TrimRight(strings.Join(fields, ";"), ";")
}

// Result is what a plugin says.
type Result struct {
	Status Status
	Text   string   // in one line
	Long   []string // lines after the first
	Perf   []Datum
}

// Unknowable is the result of a check that could not be made.
func Unknowable(why string) Result { return Result{Status: Unknown, Text: why} }

// longest is how many characters of a line a monitoring system is given.
const longest = 400

// Write prints the result: the line with the performance data, and the long
// output after it. No text can pass for a separator or end a line.
func (r Result) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "MATRIX %v - %s", r.Status, plain(r.Text))
	for i, d := range r.Perf {
		if i == 0 {
			b.WriteString(" |")
		}
		b.WriteString(" " + d.String())
	}
	b.WriteString("\n")
	for _, line := range r.Long {
		b.WriteString(plain(line) + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func plain(text string) string { return strings.ReplaceAll(report.Clean(text, longest), "|", "/") }
