package export

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"matrix/report"
)

// Format names the JSON's shape; a change that a reader would notice changes
// it.
const Format = "matrix-report-1"

// Document is what JSON writes, but for the pairs, which follow as its last
// two members: "self" (cities that pinged themselves) and "pairs" (planned
// ones), each a list of Pair, one a line.
type Document struct {
	Format   string        `json:"format"`
	Partial  bool          `json:"partial"` // the round ended before every pair had its turn
	Method   Method        `json:"method"`
	Coverage Coverage      `json:"coverage"`
	Notes    []Note        `json:"notes"`
	Cities   []City        `json:"cities"` // in the inventory's order
	Hosts    []HostVerdict `json:"hosts"`  // what is wrong with them
	Traced   []Traced      `json:"traced"` // anomalies that were looked into after the round
}

// Method is how the figures were come by.
type Method struct {
	Text             string     `json:"text"` // the line that every output prints
	Source           string     `json:"source"`
	Start            *time.Time `json:"start"`
	End              *time.Time `json:"end"`
	Version          *string    `json:"version"`              // of the matrix that measured
	Statistic        string     `json:"statistic"`            // of which speed and fibre are
	FibreMiPerMs     float64    `json:"fibre_mi_per_ms"`      // 100 percent of fibre
	DistanceModel    string     `json:"distance_model"`       //
	Count            *int       `json:"count"`                // echo requests a pair
	IntervalMs       *float64   `json:"interval_ms"`          // between two of a pair
	TimeoutMs        *float64   `json:"timeout_ms"`           //
	SizeBytes        *int       `json:"size_bytes"`           // of payload
	RatePerSecond    *int       `json:"rate_per_second"`      // at most, from one host
	NoSpeedUnderMile float64    `json:"no_speed_under_miles"` //
}

// Coverage is how many planned pairs ended in which state.
type Coverage struct {
	Text     string         `json:"text"`
	Planned  int            `json:"planned"`
	Measured int            `json:"measured"`
	States   map[string]int `json:"states"` // those that occurred
}

// Note is a footnote: a city, a pair, a file or null, and what to know of it.
type Note struct {
	Subject *string `json:"subject"`
	Text    string  `json:"text"`
}

// City is a row or a column, or both.
type City struct {
	Name      string   `json:"name"`
	Title     string   `json:"title"`
	Host      *string  `json:"host"`
	Country   *string  `json:"country"`
	Region    *string  `json:"region"`
	Provider  *string  `json:"provider"`
	Latitude  *float64 `json:"latitude"`
	Longitude *float64 `json:"longitude"`
	Row       bool     `json:"row"`    // pings in this report
	Column    bool     `json:"column"` // is pinged in this report
}

// Pair is an ordered pair: from runs the ping, to answers.
type Pair struct {
	From         string     `json:"from" parquet:"from"`
	To           string     `json:"to" parquet:"to"`
	State        string     `json:"state" parquet:"state"`
	Reason       *string    `json:"reason" parquet:"reason"`
	At           *time.Time `json:"at" parquet:"at,timestamp(microsecond)"`
	Address      *string    `json:"address" parquet:"address"`
	Sent         *int       `json:"sent" parquet:"sent"`
	Received     *int       `json:"received" parquet:"received"`
	LossRatio    *float64   `json:"loss_ratio" parquet:"loss_ratio"` // 0 to 1
	MinMs        *float64   `json:"min_ms" parquet:"min_ms"`
	MedianMs     *float64   `json:"median_ms" parquet:"median_ms"`
	AvgMs        *float64   `json:"avg_ms" parquet:"avg_ms"`
	MaxMs        *float64   `json:"max_ms" parquet:"max_ms"`
	MdevMs       *float64   `json:"mdev_ms" parquet:"mdev_ms"`
	JitterMs     *float64   `json:"jitter_ms" parquet:"jitter_ms"`
	RTTsMs       []float64  `json:"rtts_ms" parquet:"-"` // in order of sending; null if the source has only statistics
	Miles        *float64   `json:"miles" parquet:"miles"`
	Km           *float64   `json:"km" parquet:"km"`
	MiPerMs      *float64   `json:"mi_per_ms" parquet:"mi_per_ms"`
	KmPerMs      *float64   `json:"km_per_ms" parquet:"km_per_ms"`
	FibrePercent *float64   `json:"fibre_percent" parquet:"fibre_percent"`
	NoSpeed      *string    `json:"no_speed" parquet:"no_speed"` // why there is no speed
	Verdict      *string    `json:"verdict" parquet:"verdict"`   // of both directions together, the worst
	Grade        *string    `json:"grade" parquet:"grade"`
	Evidence     *string    `json:"evidence" parquet:"evidence"`
}

// JSON writes everything that the report knows: the members of Document, then
// "self" and "pairs".
func JSON(w io.Writer, r *report.Report) error {
	head, err := json.MarshalIndent(document(r), "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	out := bufio.NewWriter(w)
	out.Write(head[:len(head)-2]) // without "\n}"
	for _, list := range []struct {
		name  string
		pairs []*report.Pair
	}{{"self", r.Self()}, {"pairs", r.Pairs()}} {
		fmt.Fprintf(out, ",\n  %q: [", list.name)
		separator := "\n    "
		for _, p := range list.pairs {
			line, err := json.Marshal(pair(r, p))
			if err != nil {
				return fmt.Errorf("write JSON: pair %v: %w", p.Pair, err)
			}
			out.WriteString(separator)
			out.Write(line)
			separator = ",\n    "
		}
		if len(list.pairs) > 0 {
			out.WriteString("\n  ")
		}
		out.WriteString("]")
	}
	out.WriteString("\n}\n")
	return out.Flush()
}

func document(r *report.Report) Document {
	d := Document{
		Format: Format, Partial: r.Method.Partial, Method: method(r.Method), Coverage: coverage(r),
		Notes: []Note{}, Cities: cities(r), Hosts: slices.AppendSeq([]HostVerdict{}, HostVerdicts(r)), Traced: traced(r),
	}
	for _, n := range r.Notes {
		d.Notes = append(d.Notes, Note{optional(n.Subject), report.Clean(n.Text, maxText)})
	}
	return d
}

func coverage(r *report.Report) Coverage {
	c := Coverage{
		Text: r.Coverage.String(), Planned: r.Coverage.Planned, Measured: r.Coverage.Measured, States: map[string]int{},
	}
	for _, s := range r.Coverage.States {
		c.States[s.State.String()] = s.Pairs
	}
	return c
}

func cities(r *report.Report) []City {
	list := []City{}
	rows, columns := set(r.Rows), set(r.Columns)
	for i, c := range r.Cities {
		city := City{
			Name: report.Clean(c.Name, maxText), Title: r.Title(c.Name), Host: optional(c.Host), Country: optional(c.Country),
			Region: optional(c.Region), Provider: optional(c.Provider), Row: rows[i], Column: columns[i],
		}
		if c.Location != nil {
			city.Latitude, city.Longitude = finite(c.Location.Latitude), finite(c.Location.Longitude)
		}
		list = append(list, city)
	}
	return list
}

func method(m report.Method) Method {
	out := Method{
		Text: m.String(), Source: report.Clean(m.Source, maxText), Start: moment(m.Start), End: moment(m.End),
		Version: optional(m.Version), Statistic: m.Stat.String(), FibreMiPerMs: round(float64(m.Fibre), 4),
		DistanceModel: report.Clean(m.Model, maxText), NoSpeedUnderMile: report.SpeedFromMiles,
	}
	if o := m.Options; o.Count > 0 {
		interval, timeout := millis(o.Interval), millis(o.Timeout)
		out.Count, out.SizeBytes, out.RatePerSecond = &o.Count, &o.Size, &o.Rate
		out.IntervalMs, out.TimeoutMs = &interval, &timeout
	}
	return out
}

func pair(r *report.Report, p *report.Pair) Pair {
	out := Pair{
		From: report.Clean(p.From, maxText), To: report.Clean(p.To, maxText), State: p.State.String(),
		Reason: optional(p.Reason), At: moment(p.At), NoSpeed: optional(r.NoSpeed(p)),
	}
	if p.Address.IsValid() {
		out.Address = optional(p.Address.String())
	}
	if p.Counted() {
		out.Sent, out.Received = &p.Sent, &p.Received
	}
	if loss, ok := p.Loss(); ok {
		out.LossRatio = rounded(loss, 6)
	}
	for stat, field := range map[report.Stat]**float64{
		report.Min: &out.MinMs, report.Median: &out.MedianMs, report.Avg: &out.AvgMs,
		report.Max: &out.MaxMs, report.Mdev: &out.MdevMs, report.Jitter: &out.JitterMs,
	} {
		if v, ok := p.Millis(stat); ok {
			*field = finite(v)
		}
	}
	if p.State == report.Measured {
		for _, rtt := range p.RTTs {
			out.RTTsMs = append(out.RTTsMs, millis(rtt))
		}
	}
	if p.Miles != nil {
		out.Miles, out.Km = rounded(float64(*p.Miles), 3), rounded(float64(p.Miles.Km()), 3)
	}
	if speed, ok := p.Speed(); ok {
		out.MiPerMs, out.KmPerMs = rounded(float64(speed), 4), rounded(speed.Km(), 4)
	}
	if fibre, ok := r.Fibre(p); ok {
		out.FibrePercent = rounded(float64(fibre), 4)
	}
	if !p.IsSelf() {
		verdict, grade := judged(r, p)
		out.Verdict, out.Grade, out.Evidence = optional(verdict), optional(grade), optional(r.Evidence(p))
	}
	return out
}

func set(indices []int) map[int]bool {
	in := make(map[int]bool, len(indices))
	for _, i := range indices {
		in[i] = true
	}
	return in
}

// optional is a cleaned text, or null for none.
func optional(text string) *string {
	if text = report.Clean(text, maxText); text == "" {
		return nil
	}
	return &text
}

// moment is a time in UTC, or null for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func round(v float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(v*scale) / scale
}

func rounded(v float64, decimals int) *float64 { return finite(round(v, decimals)) }

// finite is a number, or null for what JSON cannot say.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
