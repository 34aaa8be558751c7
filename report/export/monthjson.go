package export

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"matrix/report"
)

// MonthFormat names the shape of a month's JSON.
const MonthFormat = "matrix-month-1"

// MonthDocument is what MonthJSON writes, but for the pairs, which follow as
// its last member: "pairs", a list of MonthPair, one a line.
type MonthDocument struct {
	Format   string         `json:"format"`
	Month    string         `json:"month"`
	Before   *string        `json:"before"` // the month that it is compared with
	Rounds   int            `json:"rounds"`
	Method   Method         `json:"method"`
	Headline []string       `json:"headline"`
	Hosts    []HostNote     `json:"hosts"`
	Findings []MonthFinding `json:"findings"`
	Changes  []Change       `json:"changes"`
	Hours    []TimeRow      `json:"hours"` // of day, UTC
	Days     []TimeRow      `json:"days"`
	NewPairs []ShortPair    `json:"new_pairs"`
	OldPairs []ShortPair    `json:"gone_pairs"`
	Remarks  []string       `json:"remarks"`
	Lossy    []LossyHours   `json:"lossy_hours"`
}

// HostNote is something that is wrong with a host, or became of it.
type HostNote struct {
	City  string     `json:"city"`
	Word  string     `json:"word"`
	Text  string     `json:"text"`
	Since *time.Time `json:"since"`
}

// MonthFinding is a line of the report.
type MonthFinding struct {
	Section string      `json:"section"`
	Verdict string      `json:"verdict"`
	Text    string      `json:"text"`
	Pairs   []ShortPair `json:"pairs"`
	Where   []string    `json:"where"` // its packets go, by traceroute
}

// ShortPair is a pair by its names.
type ShortPair struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Change is that two cities became slower or faster, on a day.
type Change struct {
	From     string  `json:"from"`
	To       string  `json:"to"`
	Verdict  string  `json:"verdict"`
	BeforeMs float64 `json:"before_ms"`
	AfterMs  float64 `json:"after_ms"`
	Since    string  `json:"since"` // the first day of it
	Until    *string `json:"until"` // the first day on which it was as before again
}

// LossyHours are hours of day at which an ordered pair loses packets.
type LossyHours struct {
	From      string  `json:"from"`
	To        string  `json:"to"`
	Begin     int     `json:"begin_hour"`
	End       int     `json:"end_hour"`
	Sent      int     `json:"sent"`
	Lost      int     `json:"lost"`
	Low       float64 `json:"loss_low"`
	High      float64 `json:"loss_high"`
	Elsewhere float64 `json:"loss_at_other_hours"`
}

// TimeRow is the fleet at an hour of day or on a day.
type TimeRow struct {
	At         string   `json:"at"`
	Measured   *float64 `json:"measured"` // ratio of the samples; of days
	Loss       *float64 `json:"loss"`
	QueueMs    *float64 `json:"queue_ms"`
	Queue95Ms  *float64 `json:"queue_p95_ms"`
	MeasuredOn int      `json:"pairs"`
}

// MonthPair is a pair with what the rounds of the month say of it beside the
// medians.
type MonthPair struct {
	Pair
	Planned  int                `json:"rounds_planned"`
	Measured int                `json:"rounds_measured"`
	AwaySent int                `json:"sent_to_a_host_that_was_down"`
	LeastMs  *float64           `json:"least_ms"` // that three rounds saw
	ChangeMs *float64           `json:"change_ms"`
	Stats    map[string]*Triple `json:"quantiles"` // over the rounds, by statistic; queue is average − minimum
}

// Triple are quantiles over rounds, in ms.
type Triple struct {
	P5  float64 `json:"p5"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	N   int     `json:"rounds"`
}

// MonthJSON writes everything that a month's report knows.
func MonthJSON(w io.Writer, m *report.MonthReport) error {
	head, err := json.MarshalIndent(monthDocument(m), "", "  ")
	if err != nil {
		return fmt.Errorf("write a month's JSON: %w", err)
	}
	out := bufio.NewWriter(w)
	out.Write(head[:len(head)-2]) // without "\n}"
	out.WriteString(",\n  \"pairs\": [")
	separator := "\n    "
	for _, p := range m.Pairs() {
		line, err := json.Marshal(monthPair(m, p))
		if err != nil {
			return fmt.Errorf("write a month's JSON: pair %v: %w", p.Pair, err)
		}
		out.WriteString(separator)
		out.Write(line)
		separator = ",\n    "
	}
	out.WriteString("\n  ]\n}\n")
	return out.Flush()
}

func monthDocument(m *report.MonthReport) MonthDocument {
	d := MonthDocument{
		Format: MonthFormat, Month: m.Month.Span.String(), Rounds: len(m.Month.Rounds), Method: method(m.Method), Headline: m.Headline(),
		Hosts: []HostNote{}, Findings: []MonthFinding{}, Changes: []Change{}, Remarks: m.Remarks, Lossy: []LossyHours{},
		NewPairs: shortPairs(m.NewPairs), OldPairs: shortPairs(m.OldPairs),
	}
	if m.Before != nil {
		d.Before = optional(m.Before.String())
	}
	for _, h := range m.Hosts {
		d.Hosts = append(d.Hosts, HostNote{report.Clean(h.City, maxText), h.Word, report.Clean(h.Text, maxText), moment(h.Since)})
	}
	for _, s := range m.Sections {
		for _, f := range s.Findings {
			d.Findings = append(d.Findings, monthFinding(s.Title, f))
		}
	}
	for p := range m.Verdicts.Pairs() {
		for _, c := range p.Changes {
			d.Changes = append(d.Changes, change(c))
		}
		for _, h := range p.Hours {
			d.Lossy = append(d.Lossy, LossyHours{
				report.Clean(h.From, maxText), report.Clean(h.To, maxText), h.Begin, h.End % 24, h.Sent, h.Lost,
				round(h.Low, 5), round(h.High, 5), round(h.Elsewhere, 6),
			})
		}
	}
	for h, f := range m.Hours {
		d.Hours = append(d.Hours, timeRow(fmt.Sprintf("%02d:00", h), f))
	}
	for i, f := range m.Days {
		d.Days = append(d.Days, timeRow(m.Month.Span.From.AddDate(0, 0, i).Format(time.DateOnly), f))
	}
	return d
}

func shortPairs(pairs []report.CityPair) []ShortPair {
	short := []ShortPair{}
	for _, p := range pairs {
		short = append(short, ShortPair{report.Clean(p.From, maxText), report.Clean(p.To, maxText)})
	}
	return short
}

func monthFinding(section string, f report.Finding) MonthFinding {
	out := MonthFinding{Section: section, Verdict: f.Verdict.String(), Text: report.Clean(f.Text(), maxText), Pairs: []ShortPair{}, Where: []string{}}
	for _, p := range f.All {
		out.Pairs = append(out.Pairs, ShortPair{report.Clean(p.From, maxText), report.Clean(p.To, maxText)})
	}
	for _, sentence := range f.Found {
		out.Where = append(out.Where, report.Clean(sentence, maxText))
	}
	return out
}

func change(c report.Change) Change {
	out := Change{
		From: report.Clean(c.From, maxText), To: report.Clean(c.To, maxText), Verdict: c.Verdict.String(),
		BeforeMs: round(float64(c.Before), 3), AfterMs: round(float64(c.After), 3), Since: c.Since.Format(time.DateOnly),
	}
	if !c.Until.IsZero() {
		out.Until = optional(c.Until.Format(time.DateOnly))
	}
	return out
}

func timeRow(at string, f report.TimeFigures) TimeRow {
	row := TimeRow{At: at, MeasuredOn: f.Pairs}
	if f.Planned > 0 {
		row.Measured = rounded(float64(f.Measured)/float64(f.Planned), 6)
	}
	if loss, ok := f.Loss(); ok {
		row.Loss = rounded(loss, 6)
	}
	if f.Pairs > 0 {
		row.QueueMs, row.Queue95Ms = rounded(float64(f.Queue), 3), rounded(float64(f.Queue95), 3)
	}
	return row
}

func monthPair(m *report.MonthReport, p *report.Pair) MonthPair {
	out := MonthPair{
		Pair: pair(m.Report, p), Planned: p.Month.Planned, Measured: p.Month.States[report.Measured], AwaySent: p.Month.AwaySent,
		Stats: map[string]*Triple{"queue": triple(p.Month.Queue)},
	}
	for stat, q := range p.Month.Stats {
		out.Stats[report.Stat(stat).String()] = triple(q)
	}
	if p.Month.Least > 0 {
		out.LeastMs = rounded(millis(p.Month.Least), 3)
	}
	if change, ok := m.Change(p.From, p.To); ok {
		out.ChangeMs = rounded(float64(change), 3)
	}
	return out
}

func triple(q report.Quantiles) *Triple {
	if q.N == 0 {
		return nil
	}
	return &Triple{round(millis(q.P5), 4), round(millis(q.P50), 4), round(millis(q.P95), 4), q.N}
}
