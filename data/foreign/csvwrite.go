package foreign

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"matrix/probe"
)

// csvColumns are those of pairs.csv that are measured, in its order, and when
// the round began: so a file of many rounds can be read back.
var csvColumns = []string{
	"source", "destination", "timestamp", "min", "avg", "max", "mdev",
	"sent", "received", "state", "address", "median", "jitter", "loss", "reason", "round",
}

// CSVWriter writes rounds as a list, a line a sample: times in UTC, RTTs in
// milliseconds with three decimals, loss in percent. Single RTTs, hosts and
// warnings have no place in it.
type CSVWriter struct {
	out    *csv.Writer
	header bool
}

// NewCSVWriter writes to w.
func NewCSVWriter(w io.Writer) *CSVWriter { return &CSVWriter{out: csv.NewWriter(w)} }

// Round writes every sample of a round.
func (c *CSVWriter) Round(r *probe.Round) error {
	if err := c.head(); err != nil {
		return err
	}
	for _, samples := range [][]probe.Sample{r.Samples, r.Self} {
		for i := range samples {
			if err := c.out.Write(csvFields(r, &samples[i])); err != nil {
				return fmt.Errorf("write pairs: %w", err)
			}
		}
	}
	return nil
}

func (c *CSVWriter) head() error {
	if c.header {
		return nil
	}
	c.header = true
	return c.out.Write(csvColumns)
}

// Close writes what is left.
func (c *CSVWriter) Close() error {
	if err := c.head(); err != nil {
		return err
	}
	c.out.Flush()
	return c.out.Error()
}

func csvFields(r *probe.Round, s *probe.Sample) []string {
	summary := s.Summary()
	figure := func(stat probe.Stat) string {
		d, known := summary.Get(stat)
		if !known {
			return ""
		}
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
	}
	sent, received, loss, address := "", "", "", ""
	if s.Sent > 0 && !s.Cut { // the counts of a pair that was cut short would be read as its loss
		sent, received = strconv.Itoa(s.Sent), strconv.Itoa(s.Received)
	}
	if ratio, ok := s.Loss(); ok {
		loss = strconv.FormatFloat(100*ratio, 'f', 1, 64)
	}
	if s.Address != (netip.Addr{}) {
		address = s.Address.String()
	}
	return []string{
		quote(s.From), quote(s.To), moment(s.At, time.RFC3339Nano),
		figure(probe.Min), figure(probe.Avg), figure(probe.Max), figure(probe.Mdev),
		sent, received, s.State.String(), quote(address),
		figure(probe.Median), figure(probe.Jitter), loss, quote(probe.Clean(s.Reason, maxReason)), moment(r.Start, time.RFC3339Nano),
	}
}

func moment(t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(layout)
}

// quote keeps a spreadsheet from taking a text for a formula (OWASP, "CSV
// Injection"); unquote takes it back.
func quote(text string) string {
	if isFormula(strings.TrimLeft(text, "'")) {
		return "'" + text
	}
	return text
}

func unquote(text string) string {
	if isFormula(strings.TrimLeft(text, "'")) {
		return strings.TrimPrefix(text, "'")
	}
	return text
}

func isFormula(text string) bool { return strings.IndexAny(text, "=+-@＝＋－＠") == 0 }
