package data

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strconv"
	"time"

	"matrix/probe"
)

// A round.json holds a round as it was measured. It is one JSON object, with a
// line for each city, host, warning and sample:
//
//	{"format":"matrix-round","format_version":1,
//	"start":"2026-01-02T15:04:05Z","end":…,"source":"measured","version":"1.2.3",
//	"options":{"count":10,"interval_ms":1000,"timeout_ms":5000,"size_bytes":56,"rate_per_s":250},
//	"partial":false,
//	"cities":[
//	{"name":"paris","title":"Paris","host":"192.0.2.1","location":{"latitude":48.86,"longitude":2.35}}],
//	"hosts":[
//	{"city":"paris","version":"1.2.3","error":…,"hint":…}],
//	"warnings":[
//	{"subject":"paris","text":…}],
//	"samples":[
//	{"from":"paris","to":"milan","state":"measured","at":…,"address":"192.0.2.2","sent":10,"received":2,"rtt_us":[21612,21590]}],
//	"self":[],
//	"looks":[
//	{"from":"paris","to":"milan","samples":[…],"traces":[{"from":"paris","to":"milan","method":"icmp","end":"reached","hops":[{"sent":3,"answers":[…]},…]}]}]}
//
// format and format_version come first, so that a reader knows what it reads.
// What has no value is absent. A sample that was cut short has "cut":true and no
// loss; "ttl", "stamps" and "odd" say more of its replies, "health" of a host how
// well it could measure. What was found out about anomalies after the round stands
// under "looks". RTTs are whole microseconds in order of sending.
// Figures that came from another file stand under "imported" as min_ms,
// median_ms, avg_ms, max_ms, mdev_ms and jitter_ms instead. Times are UTC.
const (
	roundFormat  = "matrix-round"
	roundVersion = 1
)

type optionsJSON struct {
	Count    int    `json:"count"`
	Interval millis `json:"interval_ms"`
	Timeout  millis `json:"timeout_ms"`
	Size     int    `json:"size_bytes"`
	Rate     int    `json:"rate_per_s"`

	probe.Sending

	Engine string `json:"engine,omitempty"`
}

type hostJSON struct {
	City    string `json:"city"`
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`

	Health probe.Health `json:"health,omitzero"`
}

type warningJSON struct {
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
}

type sampleJSON struct {
	From     string         `json:"from"`
	To       string         `json:"to"`
	State    *probe.State   `json:"state"`
	Reason   string         `json:"reason,omitempty"`
	At       *time.Time     `json:"at,omitempty"`
	Address  string         `json:"address,omitempty"`
	Sent     *int           `json:"sent,omitempty"`
	Received *int           `json:"received,omitempty"`
	Cut      bool           `json:"cut,omitempty"`
	RTTs     []int64        `json:"rtt_us,omitempty"`
	TTL      int            `json:"ttl,omitempty"`
	Stamps   probe.Stamps   `json:"stamps,omitzero"`
	Odd      probe.Oddities `json:"odd,omitzero"`
	Imported *summaryJSON   `json:"imported,omitempty"`
}

// summaryJSON has its fields in the order of probe's statistics.
type summaryJSON struct {
	Min    *millis `json:"min_ms,omitempty"`
	Median *millis `json:"median_ms,omitempty"`
	Avg    *millis `json:"avg_ms,omitempty"`
	Max    *millis `json:"max_ms,omitempty"`
	Mdev   *millis `json:"mdev_ms,omitempty"`
	Jitter *millis `json:"jitter_ms,omitempty"`
}

func (s *summaryJSON) fields() []**millis {
	return []**millis{&s.Min, &s.Median, &s.Avg, &s.Max, &s.Mdev, &s.Jitter}
}

// millis is a duration as a number of milliseconds, exact to the nanosecond.
type millis time.Duration

func (m millis) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, milliseconds(time.Duration(m)), 'f', -1, 64), nil
}

func (m *millis) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(v) > milliseconds(24*time.Hour) {
		return fmt.Errorf("%s is not a number of milliseconds", shown(string(text)))
	}
	*m = millis(duration(v))
	return nil
}

// WriteRound writes a round as round.json, the same bytes for the same round.
func WriteRound(w io.Writer, r *probe.Round) error {
	out := &roundWriter{w: bufio.NewWriter(w)}
	out.text(`{"format":"` + roundFormat + `","format_version":` + strconv.Itoa(roundVersion))
	out.moment("start", r.Start)
	out.moment("end", r.End)
	out.words("source", r.Source)
	out.words("version", r.Version)
	if o := r.Options; o != (probe.Options{}) {
		out.value("options", optionsJSON{o.Count, millis(o.Interval), millis(o.Timeout), o.Size, o.Rate, o.Sending, o.Engine})
	}
	out.value("partial", r.Partial)
	writeList(out, "cities", r.Cities, func(c probe.City) any { return c })
	writeList(out, "hosts", r.Hosts, func(h probe.Host) any { return hostJSON{h.City, h.Version, h.Error, h.Hint, h.Health} })
	writeList(out, "warnings", r.Warnings, func(v probe.Warning) any { return warningJSON(v) })
	writeList(out, "samples", r.Samples, func(s probe.Sample) any { return sampleToJSON(s) })
	writeList(out, "self", r.Self, func(s probe.Sample) any { return sampleToJSON(s) })
	if len(r.Looks) > 0 {
		writeList(out, "looks", r.Looks, func(l probe.Look) any { return lookToJSON(l) })
	}
	out.text("}\n")
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err != nil {
		return fmt.Errorf("write round: %w", out.err)
	}
	return nil
}

// roundWriter keeps the first error.
type roundWriter struct {
	w   *bufio.Writer
	err error
}

func (o *roundWriter) text(s string) {
	if o.err == nil {
		_, o.err = o.w.WriteString(s)
	}
}

func (o *roundWriter) json(v any) {
	text, err := json.Marshal(v)
	if o.err == nil {
		o.err = err
	}
	o.text(string(text))
}

func (o *roundWriter) value(key string, v any) {
	o.text(",\n\"" + key + "\":")
	o.json(v)
}

func (o *roundWriter) words(key, text string) {
	if text != "" {
		o.value(key, text)
	}
}

func (o *roundWriter) moment(key string, t time.Time) {
	if !t.IsZero() {
		o.value(key, t.UTC())
	}
}

func writeList[T any](o *roundWriter, key string, all []T, shape func(T) any) {
	o.text(",\n\"" + key + "\":[")
	for i, one := range all {
		if i > 0 {
			o.text(",")
		}
		o.text("\n")
		o.json(shape(one))
	}
	o.text("]")
}

func sampleToJSON(s probe.Sample) sampleJSON {
	line := sampleJSON{From: s.From, To: s.To, State: &s.State, Reason: s.Reason, Cut: s.Cut, TTL: s.TTL, Stamps: s.Stamps, Odd: s.Odd}
	if !s.At.IsZero() {
		at := s.At.UTC()
		line.At = &at
	}
	if s.Address != (netip.Addr{}) {
		line.Address = s.Address.String()
	}
	if s.Sent > 0 {
		line.Sent, line.Received = &s.Sent, &s.Received
	}
	for _, d := range s.RTTs {
		line.RTTs = append(line.RTTs, micros(d))
	}
	if s.Imported != (probe.Imported{}) {
		line.Imported = new(summaryJSON)
		for stat, field := range line.Imported.fields() {
			if d, known := s.Imported.Get(probe.Stat(stat)); known {
				ms := millis(d)
				*field = &ms
			}
		}
	}
	return line
}

// micros rounds to microseconds. What took time never becomes zero.
func micros(d time.Duration) int64 {
	us := d.Round(time.Microsecond).Microseconds()
	if us == 0 && d > 0 {
		return 1
	}
	return us
}

// budget bounds how much is read for one value of a JSON text, so that a huge
// one cannot fill the memory, and counts lines.
type budget struct {
	in     io.Reader
	left   int
	lines  int // line breaks before base
	base   int64
	recent bytes.Buffer // read since base
}

// maxValue is more than a sample of ten thousand RTTs takes.
const maxValue = 1 << 20

func (b *budget) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, fmt.Errorf("a single value longer than %d bytes", maxValue)
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	b.recent.Write(p[:n])
	return n, err
}

// passed says that everything before the offset is read and done with.
func (b *budget) passed(offset int64) {
	done := b.recent.Next(int(offset - b.base))
	b.lines += bytes.Count(done, []byte("\n"))
	b.base = offset
	b.left = maxValue
}
