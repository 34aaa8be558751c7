package export

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"

	"matrix/report"
)

// Verdicts is what VerdictsJSON writes. A host or pair with several verdicts is
// there once for each; a pair stands for both directions, and from and to are in
// alphabetical order unless the verdict is about one of them.
type Verdicts struct {
	Hosts []HostVerdict `json:"hosts"`
	Pairs []PairVerdict `json:"pairs"`
}

// HostVerdict is what a city's host is called. What does not apply is null.
type HostVerdict struct {
	City             string   `json:"city" parquet:"city"`
	Verdict          string   `json:"verdict" parquet:"verdict"`
	Evidence         string   `json:"evidence" parquet:"evidence"`
	SelfPingMs       *float64 `json:"self_ping_ms" parquet:"self_ping_ms"`
	Correlation      *float64 `json:"correlation" parquet:"correlation"` // of the ranks of its way out and way in
	Partners         *int     `json:"partners" parquet:"partners"`       // compared, or faster than light
	NearestCity      *string  `json:"nearest_city" parquet:"nearest_city"`
	NearestMs        *float64 `json:"nearest_ms" parquet:"nearest_ms"`
	NearestLatitude  *float64 `json:"nearest_latitude" parquet:"nearest_latitude"`
	NearestLongitude *float64 `json:"nearest_longitude" parquet:"nearest_longitude"`
	WithinMiles      *float64 `json:"within_miles" parquet:"within_miles"`
	NamedPlace       *string  `json:"named_place" parquet:"named_place"` // of the gazetteer
	NamedLatitude    *float64 `json:"named_latitude" parquet:"named_latitude"`
	NamedLongitude   *float64 `json:"named_longitude" parquet:"named_longitude"`
	OffMiles         *float64 `json:"off_miles" parquet:"off_miles"`
	TermMs           *float64 `json:"term_ms" parquet:"term_ms"`
	FitsPlace        *string  `json:"fits_place" parquet:"fits_place"` // where its RTTs fit far better
	FitsLatitude     *float64 `json:"fits_latitude" parquet:"fits_latitude"`
	FitsLongitude    *float64 `json:"fits_longitude" parquet:"fits_longitude"`
	OwnOffMs         *float64 `json:"own_off_ms" parquet:"own_off_ms"`     // median RTT, off what its own place explains
	ThereOffMs       *float64 `json:"there_off_ms" parquet:"there_off_ms"` // and off what that place does
}

// PairVerdict is what two cities are called.
type PairVerdict struct {
	From         string     `json:"from" parquet:"from"`
	To           string     `json:"to" parquet:"to"`
	Verdict      string     `json:"verdict" parquet:"verdict"`
	Slowdown     *float64   `json:"slowdown" parquet:"slowdown"` // against the slower of the expected RTT and the best relay
	Grade        *string    `json:"grade" parquet:"grade"`
	Evidence     string     `json:"evidence" parquet:"evidence"`
	RTTMs        *float64   `json:"rtt_ms" parquet:"rtt_ms"`   // the lower floor of the two directions
	OutMs        *float64   `json:"out_ms" parquet:"out_ms"`   // floor from → to
	BackMs       *float64   `json:"back_ms" parquet:"back_ms"` // floor to → from
	Miles        *float64   `json:"miles" parquet:"miles"`
	FibrePercent *float64   `json:"fibre_percent" parquet:"fibre_percent"`
	ExpectedMs   *float64   `json:"expected_ms" parquet:"expected_ms"` // for the distance and the last miles of the two
	UsualMs      *float64   `json:"usual_ms" parquet:"usual_ms"`       // for the distance between two such hosts; "slow-unproven" rests on it
	Relay        *string    `json:"relay" parquet:"relay"`
	RelayMs      *float64   `json:"relay_ms" parquet:"relay_ms"`
	OverMs       *float64   `json:"over_ms" parquet:"over_ms"` // the slower of the two
	Waypoints    []Waypoint `json:"waypoints" parquet:"-"`
	Sent         *int       `json:"sent" parquet:"sent"` // both directions, or the one that is lossy
	Lost         *int       `json:"lost" parquet:"lost"`
	LossLow      *float64   `json:"loss_low" parquet:"loss_low"` // Wilson 95 % interval, as ratios
	LossHigh     *float64   `json:"loss_high" parquet:"loss_high"`
	QueueMs      *float64   `json:"queue_ms" parquet:"queue_ms"` // average − minimum
}

// Waypoint is a city over which a detour may go.
type Waypoint struct {
	City   string     `json:"city"`
	LegsMs [2]float64 `json:"legs_ms"`
	Miles  float64    `json:"miles"`
	Votes  int        `json:"votes"`
}

// VerdictsJSON writes every verdict, one a line.
func VerdictsJSON(w io.Writer, r *report.Report) error {
	out := &lines{w: w}
	out.text("{\"hosts\": [")
	writeLines(out, HostVerdicts(r))
	out.text("],\n\"pairs\": [")
	writeLines(out, PairVerdicts(r))
	out.text("]}\n")
	if out.err != nil {
		return fmt.Errorf("write verdicts: %w", out.err)
	}
	return nil
}

// lines writes until something fails.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) text(s string) {
	if l.err == nil {
		_, l.err = io.WriteString(l.w, s)
	}
}

// writeLines writes the members of a list, one a line.
func writeLines[T any](out *lines, list iter.Seq[T]) {
	separator, end := "\n  ", ""
	for item := range list {
		line, err := json.Marshal(item)
		if err != nil && out.err == nil {
			out.err = err
		}
		out.text(separator + string(line))
		separator, end = ",\n  ", "\n"
	}
	out.text(end)
}

func hostVerdict(r *report.Report, h *report.HostVerdict) HostVerdict {
	out := HostVerdict{
		City: report.Clean(h.City, maxText), Verdict: h.Verdict.String(), Evidence: report.Clean(r.HostEvidence(h), maxText),
		SelfPingMs: ms(h.SelfPing), TermMs: ms(h.Term), NearestCity: optional(h.Nearest),
	}
	if h.Correlation != nil {
		out.Correlation = rounded(*h.Correlation, 4)
	}
	if h.Partners > 0 {
		out.Partners = &h.Partners
	}
	if h.Nearest != "" {
		out.NearestMs, out.WithinMiles = ms(&h.NearestRTT), rounded(float64(h.Within), 1)
		if at := r.Location(h.Nearest); at != nil {
			out.NearestLatitude, out.NearestLongitude = finite(at.Latitude), finite(at.Longitude)
		}
	}
	if f := h.Fits; f != nil {
		out.FitsPlace, out.FitsLatitude, out.FitsLongitude = optional(f.Place.Name), finite(f.Place.Latitude), finite(f.Place.Longitude)
		out.OwnOffMs, out.ThereOffMs = ms(&f.Own), ms(&f.There)
	}
	if p := h.Named; p != nil {
		out.NamedPlace, out.OffMiles = optional(p.Name+", "+p.Country), rounded(float64(h.Off), 1)
		out.NamedLatitude, out.NamedLongitude = finite(p.Latitude), finite(p.Longitude)
	}
	return out
}

func pairVerdict(r *report.Report, p *report.PairVerdict, v report.Verdict) PairVerdict {
	from, to := p.Direction(v)
	outward, back := p.Out, p.Back
	if from != p.From {
		outward, back = back, outward
	}
	out := PairVerdict{
		From: report.Clean(from, maxText), To: report.Clean(to, maxText), Verdict: v.String(),
		Evidence: report.Clean(r.PairEvidence(p, v), maxText), Grade: optional(p.Grade.String()),
		RTTMs: ms(p.RTT), OutMs: ms(outward), BackMs: ms(back), ExpectedMs: ms(p.Expected), UsualMs: ms(p.Usual), QueueMs: ms(p.Queue),
		Waypoints: []Waypoint{},
	}
	if p.Slowdown != nil {
		out.Slowdown, out.OverMs = rounded(*p.Slowdown, 4), ms(&p.Over)
	}
	if p.Miles != nil {
		out.Miles = rounded(float64(*p.Miles), 1)
	}
	if p.Percent != nil {
		out.FibrePercent = rounded(float64(*p.Percent), 2)
	}
	if p.Relay != "" {
		relay := p.RelayRTT()
		out.Relay, out.RelayMs = optional(p.Relay), ms(&relay)
	}
	for _, w := range p.Waypoints {
		out.Waypoints = append(out.Waypoints, Waypoint{
			City: report.Clean(w.City, maxText), LegsMs: [2]float64{round(float64(w.Legs[0]), 3), round(float64(w.Legs[1]), 3)},
			Miles: round(float64(w.Miles), 1), Votes: w.Votes,
		})
	}
	if p.Sent > 0 {
		out.Sent, out.Lost, out.LossLow, out.LossHigh = &p.Sent, &p.Lost, rounded(p.LossLow, 5), rounded(p.LossHigh, 5)
	}
	return out
}

// ms is a time with the decimals that pings have, or null.
func ms(v *report.Ms) *float64 {
	if v == nil {
		return nil
	}
	return rounded(float64(*v), 3)
}

// VerdictsCSV writes the same as a table, hosts first: a host's line has no to.
func VerdictsCSV(w io.Writer, r *report.Report) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"kind", "from", "to", "verdict", "slowdown", "grade", "rtt", "out", "back", "miles",
		"percent_of_fibre", "expected", "relay", "relay_rtt", "over", "sent", "lost", "queue", "evidence"})
	for h := range HostVerdicts(r) {
		if err == nil {
			fields := []string{"host", text(h.City), "", h.Verdict}
			fields = append(fields, make([]string, 14)...)
			err = out.Write(append(fields, text(h.Evidence)))
		}
	}
	for p := range PairVerdicts(r) {
		if err == nil {
			err = out.Write([]string{"pair", text(p.From), text(p.To), p.Verdict, known(p.Slowdown, 2), word(p.Grade),
				known(p.RTTMs, 3), known(p.OutMs, 3), known(p.BackMs, 3), known(p.Miles, 1), known(p.FibrePercent, 2),
				known(p.ExpectedMs, 1), text(word(p.Relay)), known(p.RelayMs, 3), known(p.OverMs, 1),
				whole(p.Sent), whole(p.Lost), known(p.QueueMs, 3), text(p.Evidence)})
		}
	}
	if err != nil {
		return fmt.Errorf("write verdicts: %w", err)
	}
	out.Flush()
	return out.Error()
}

func known(v *float64, decimals int) string {
	if v == nil {
		return ""
	}
	return number(*v, true, decimals)
}

func whole(v *int) string {
	if v == nil {
		return ""
	}
	return strconv.Itoa(*v)
}

func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
